{{- define "nordlyd.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{- /* At most 40 characters: the names of pods, volumes, Jobs and of what KubeRay makes are longer. */ -}}
{{- define "nordlyd.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "nordlyd.selectorLabels" -}}
app.kubernetes.io/name: {{ include "nordlyd.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "nordlyd.labels" -}}
{{ include "nordlyd.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- /* Of the pods that serve; the Job that pulls models has another component. */ -}}
{{- define "nordlyd.serverLabels" -}}
{{ include "nordlyd.selectorLabels" . }}
app.kubernetes.io/component: server
{{- end -}}

{{- define "nordlyd.image" -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) -}}
{{- end -}}
{{- end -}}

{{- define "nordlyd.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "nordlyd.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "nordlyd.modelsClaim" -}}
{{- default (printf "%s-models" (include "nordlyd.fullname" .)) .Values.models.volume.existingClaim -}}
{{- end -}}

{{- /* "true" where several replicas see the same jobs and recordings, else empty. */ -}}
{{- define "nordlyd.shared" -}}
{{- if and .Values.database.existingSecret (or .Values.storage.url .Values.storage.existingClaim) -}}true{{- end -}}
{{- end -}}
