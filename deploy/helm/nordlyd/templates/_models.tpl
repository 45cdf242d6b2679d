{{- define "nordlyd.hubToken" -}}
{{- with .Values.models.hubToken.existingSecret }}
- name: HF_TOKEN
  valueFrom:
    secretKeyRef:
      name: {{ . }}
      key: {{ $.Values.models.hubToken.key }}
{{- end }}
{{- end -}}

{{- /* Pulls what is missing; what is there costs a moment. */ -}}
{{- define "nordlyd.pullContainer" -}}
name: pull-models
image: {{ include "nordlyd.image" . }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
command:
  - nordlyd
  - models
  - pull
  {{- range .Values.models.ids }}
  - {{ . | quote }}
  {{- end }}
env:
  - name: NORDLYD_STORE
    value: /var/lib/nordlyd/models
  {{- include "nordlyd.hubToken" . | nindent 2 }}
  {{- with .Values.extraEnv }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
resources:
  requests: {cpu: 500m, memory: 1Gi, ephemeral-storage: 256Mi}
  limits: {cpu: "2", memory: 4Gi, ephemeral-storage: 2Gi}
{{ include "nordlyd.containerSecurity" . }}
volumeMounts:
  - name: home
    mountPath: /var/lib/nordlyd
  - name: models
    mountPath: /var/lib/nordlyd/models
  - name: uploads
    mountPath: /tmp
{{- end -}}

{{- /* Ends once the models that the Job pulls are in the volume. */ -}}
{{- define "nordlyd.waitContainer" -}}
name: wait-for-models
image: {{ include "nordlyd.image" . }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
command:
  - sh
  - -c
  - |
    until [ -e {{ include "nordlyd.modelsMark" . }} ]; do
        echo "the Job {{ include "nordlyd.modelsJob" . }} has not pulled the models yet"
        sleep 10
    done
resources:
  requests: {cpu: 10m, memory: 16Mi, ephemeral-storage: 16Mi}
  limits: {cpu: 100m, memory: 64Mi, ephemeral-storage: 64Mi}
{{ include "nordlyd.containerSecurity" . }}
volumeMounts:
  - name: models
    mountPath: /var/lib/nordlyd/models
    readOnly: true
{{- end -}}

{{- /* A Job cannot be changed: another pod template makes another Job. */ -}}
{{- define "nordlyd.modelsJob" -}}
{{- printf "%s-%s" (include "nordlyd.fullname" .) (include "nordlyd.modelsPod" . | sha256sum | trunc 8) -}}
{{- end -}}

{{- define "nordlyd.modelsMark" -}}
{{- printf "/var/lib/nordlyd/models/.pulled-%s" (join "," .Values.models.ids | sha256sum | trunc 8) -}}
{{- end -}}

{{- define "nordlyd.modelsPod" -}}
metadata:
  labels:
    {{- include "nordlyd.labels" . | nindent 4 }}
    app.kubernetes.io/component: models
spec:
  {{- include "nordlyd.podSecurity" . | nindent 2 }}
  restartPolicy: OnFailure
  {{- with .Values.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  initContainers:
    - {{- include "nordlyd.pullContainer" . | nindent 6 }}
  containers:
    - name: mark
      image: {{ include "nordlyd.image" . }}
      imagePullPolicy: {{ .Values.image.pullPolicy }}
      command: [touch, {{ include "nordlyd.modelsMark" . }}]
      resources:
        requests: {cpu: 10m, memory: 16Mi, ephemeral-storage: 16Mi}
        limits: {cpu: 100m, memory: 64Mi, ephemeral-storage: 64Mi}
      {{- include "nordlyd.containerSecurity" . | nindent 6 }}
      volumeMounts:
        - name: models
          mountPath: /var/lib/nordlyd/models
  volumes:
    - name: home
      emptyDir:
        sizeLimit: 1Gi
    - name: uploads
      emptyDir:
        sizeLimit: 1Gi
    - name: models
      persistentVolumeClaim:
        claimName: {{ include "nordlyd.modelsClaim" . }}
{{- end -}}
