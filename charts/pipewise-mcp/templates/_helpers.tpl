{{/* Prefix of all names: the release's, with the chart's unless it is in there already. */}}
{{- define "pipewise.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* Labels by which pods are selected; takes a dict of root and component. */}}
{{- define "pipewise.selector" -}}
app.kubernetes.io/name: pipewise-mcp
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{/* Labels of all objects; takes a dict of root and component. */}}
{{- define "pipewise.labels" -}}
{{ include "pipewise.selector" . }}
app.kubernetes.io/part-of: pipewise-mcp
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- end -}}

{{/* An image, as the container's fields; takes a dict of root and image. */}}
{{- define "pipewise.image" -}}
image: {{ printf "%s:%s" .image.repository (default .root.Chart.AppVersion .image.tag) | quote }}
imagePullPolicy: {{ .image.pullPolicy }}
{{- end -}}

{{/* What the restricted pod security standard asks of a pod; its user is the cluster's choice where the values name none. */}}
{{- define "pipewise.podSecurity" -}}
securityContext:
  runAsNonRoot: true
  {{- with .Values.runAsUser }}
  runAsUser: {{ int64 . }}
  runAsGroup: {{ int64 . }}
  {{- end }}
  seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{/* What it asks of a container, and a root file system that nobody writes to. */}}
{{- define "pipewise.containerSecurity" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
{{- end -}}

{{/* Probes on the port that also serves metrics. */}}
{{- define "pipewise.probes" -}}
livenessProbe:
  httpGet: {path: /healthz, port: metrics}
  periodSeconds: 10
  timeoutSeconds: 3
readinessProbe:
  httpGet: {path: /readyz, port: metrics}
  periodSeconds: 3
  timeoutSeconds: 2
{{- end -}}

{{/* Where pods may run; takes the component's values. */}}
{{- define "pipewise.scheduling" -}}
{{- with .nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* Changes with the profiles, so that pods start anew with them; "built-in" without any. */}}
{{- define "pipewise.profilesChecksum" -}}
mcp.pipewise.io/profiles-checksum: {{ if .Values.profiles }}{{ toYaml .Values.profiles | sha256sum }}{{ else }}built-in{{ end }}
{{- end -}}
