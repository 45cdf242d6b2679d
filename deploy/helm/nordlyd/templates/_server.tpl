{{- define "nordlyd.secretVariable" -}}
- name: {{ .name }}
  valueFrom:
    secretKeyRef:
      name: {{ .secret }}
      key: {{ .key }}
{{- end -}}

{{- define "nordlyd.environment" -}}
- name: NORDLYD_HOST
  value: 0.0.0.0
- name: NORDLYD_PORT
  value: "8000"
- name: NORDLYD_STORE
  value: /var/lib/nordlyd/models
- name: NORDLYD_DATA
  value: /var/lib/nordlyd/data
- name: NORDLYD_MODELS
  value: {{ join "," .Values.models.ids | quote }}
- name: NORDLYD_DEVICE
  value: {{ .Values.device }}
- name: NORDLYD_DRAIN_SECONDS
  value: {{ .Values.drainSeconds | quote }}
- name: NORDLYD_LOG_FORMAT
  value: json
# Of the container, not of the node: more threads than the limit allows are throttled.
{{- range list "NORDLYD_THREADS" "NORDLYD_DECODE_WORKERS" }}
- name: {{ . }}
  valueFrom:
    resourceFieldRef:
      containerName: {{ $.container | default "nordlyd" }}
      resource: limits.cpu
      divisor: "1"
{{- end }}
{{- if or .Values.auth.existingSecret .Values.auth.keys }}
{{- $secret := default (printf "%s-keys" (include "nordlyd.fullname" .)) .Values.auth.existingSecret }}
{{ include "nordlyd.secretVariable" (dict "name" "NORDLYD_API_KEYS" "secret" $secret "key" .Values.auth.key) }}
{{- end }}
{{- if .Values.auth.anonymous }}
- name: NORDLYD_ALLOW_ANONYMOUS
  value: "true"
{{- end }}
{{- with .Values.database.existingSecret }}
{{ include "nordlyd.secretVariable" (dict "name" "NORDLYD_DATABASE_URL" "secret" . "key" $.Values.database.key) }}
{{- end }}
{{- with .Values.webhooks.existingSecret }}
{{ include "nordlyd.secretVariable" (dict "name" "NORDLYD_WEBHOOK_SECRET" "secret" . "key" $.Values.webhooks.key) }}
{{- end }}
{{- if .Values.storage.existingClaim }}
- name: NORDLYD_STORAGE
  value: /var/lib/nordlyd/storage
{{- end }}
{{- if .Values.storage.url }}
- name: NORDLYD_STORAGE
  value: {{ .Values.storage.url | quote }}
{{- with .Values.storage.s3.endpoint }}
- name: AWS_ENDPOINT_URL
  value: {{ . | quote }}
{{- end }}
{{- with .Values.storage.s3.region }}
- name: AWS_REGION
  value: {{ . | quote }}
{{- end }}
{{- with .Values.storage.s3.existingSecret }}
{{- range list "AWS_ACCESS_KEY_ID" "AWS_SECRET_ACCESS_KEY" }}
{{ include "nordlyd.secretVariable" (dict "name" . "secret" $.Values.storage.s3.existingSecret "key" .) }}
{{- end }}
{{- end }}
{{- end }}
{{- include "nordlyd.hubToken" . }}
{{- range $name, $value := .Values.settings }}
- name: {{ $name }}
  value: {{ $value | toString | quote }}
{{- end }}
{{- with .Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "nordlyd.mounts" -}}
- name: home
  mountPath: /var/lib/nordlyd
- name: models
  mountPath: /var/lib/nordlyd/models
  {{- if ne .Values.models.pull "initContainer" }}
  readOnly: true
  {{- end }}
- name: data
  mountPath: /var/lib/nordlyd/data
{{- if .Values.storage.existingClaim }}
- name: storage
  mountPath: /var/lib/nordlyd/storage
{{- end }}
- name: uploads
  mountPath: /tmp
{{- end -}}

{{- define "nordlyd.volumes" -}}
- name: home
  emptyDir:
    sizeLimit: 1Gi
- name: uploads
  emptyDir:
    sizeLimit: {{ .Values.uploads.size }}
{{- if ne .Values.models.pull "initContainer" }}
- name: models
  persistentVolumeClaim:
    claimName: {{ include "nordlyd.modelsClaim" . }}
    readOnly: true
{{- end }}
{{- if ne .Values.kind "StatefulSet" }}
# The audit log, and nothing that is needed again.
- name: data
  emptyDir:
    sizeLimit: 1Gi
{{- end }}
{{- with .Values.storage.existingClaim }}
- name: storage
  persistentVolumeClaim:
    claimName: {{ . }}
{{- end }}
{{- end -}}

{{- /* The pod template of a Deployment and of a StatefulSet. */ -}}
{{- define "nordlyd.server" -}}
metadata:
  labels:
    {{- include "nordlyd.labels" . | nindent 4 }}
    app.kubernetes.io/component: server
    {{- with .Values.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  annotations:
    kubectl.kubernetes.io/default-container: nordlyd
    {{- if .Values.auth.keys }}
    # A pod reads its variables once: other keys need new pods.
    checksum/keys: {{ join "," .Values.auth.keys | sha256sum }}
    {{- end }}
    {{- with .Values.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  {{- include "nordlyd.podSecurity" . | nindent 2 }}
  {{- include "nordlyd.placement" . | nindent 2 }}
  # Something else than the service is process 1, and reaps the processes that others left.
  shareProcessNamespace: true
  terminationGracePeriodSeconds: {{ add .Values.preStopSeconds .Values.drainSeconds 15 }}
  {{- if eq .Values.models.pull "initContainer" }}
  initContainers:
    - {{- include "nordlyd.pullContainer" . | nindent 6 }}
  {{- else if eq .Values.models.pull "job" }}
  initContainers:
    - {{- include "nordlyd.waitContainer" . | nindent 6 }}
  {{- end }}
  containers:
    - name: nordlyd
      image: {{ include "nordlyd.image" . }}
      imagePullPolicy: {{ .Values.image.pullPolicy }}
      ports:
        - name: http
          containerPort: 8000
      env:
        {{- include "nordlyd.environment" . | nindent 8 }}
      {{- include "nordlyd.resources" . | nindent 6 }}
      {{- include "nordlyd.containerSecurity" . | nindent 6 }}
      volumeMounts:
        {{- include "nordlyd.mounts" . | nindent 8 }}
      # The port answers while models load; the other probes begin when they are loaded.
      startupProbe:
        httpGet: {path: /health/ready, port: http}
        timeoutSeconds: 4
        {{- toYaml .Values.probes.startup | nindent 8 }}
      readinessProbe:
        httpGet: {path: /health/ready, port: http}
        {{- toYaml .Values.probes.readiness | nindent 8 }}
      livenessProbe:
        exec:
          command: [python, /opt/nordlyd/healthcheck.py, --live]
        {{- toYaml .Values.probes.liveness | nindent 8 }}
      lifecycle:
        preStop:
          exec:
            command: [sleep, {{ .Values.preStopSeconds | quote }}]
  volumes:
    {{- include "nordlyd.volumes" . | nindent 4 }}
{{- end -}}
