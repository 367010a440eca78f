{{/* How the operator makes managed runtimes: its file of --managed. */}}
{{- define "pipewise.managedSettings" -}}
{{- $image := include "pipewise.image" (dict "root" . "image" .Values.runtime.image) | fromYaml -}}
image: {{ $image.image }}
pullPolicy: {{ $image.imagePullPolicy }}
{{- with .Values.managed }}
pullSecrets: {{ .pullSecrets | toJson }}
replicas: {{ .replicas }}
bindingsPerShard: {{ .bindingsPerShard }}
logLevel: {{ .logLevel }}
runAsUser: {{ .runAsUser | toJson }}
resources: {{ .resources | toJson }}
nodeSelector: {{ .nodeSelector | toJson }}
tolerations: {{ .tolerations | toJson }}
affinity: {{ .affinity | toJson }}
clients: {{ .clients | toJson }}
{{- end }}
networkPolicy: {{ .Values.networkPolicy.enabled }}
{{- if not .Values.operator.namespaces }}
authentication: {{ include "pipewise.fullname" . }}-runtime-authentication
{{- end }}
{{- end -}}
