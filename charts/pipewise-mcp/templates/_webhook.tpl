{{/* The file that the webhook is started with. */}}
{{- define "pipewise.webhookConfiguration" -}}
{{- $image := include "pipewise.image" (dict "root" . "image" .Values.runtime.image) | fromYaml -}}
sidecar:
  image: {{ $image.image | quote }}
  pullPolicy: {{ $image.imagePullPolicy }}
  pullSecrets: {{ .Values.sidecar.pullSecrets | toJson }}
  logLevel: {{ .Values.sidecar.logLevel }}
  runAsUser: {{ .Values.sidecar.runAsUser | toJson }}
  resources: {{ .Values.sidecar.resources | toJson }}
apps: {{ .Values.webhook.apps | toJson }}
{{- end -}}

{{/* The namespaces in which pods get sidecars and bindings are checked: those the operator watches, if it names any. */}}
{{- define "pipewise.webhookNamespaces" -}}
matchExpressions:
  {{- with .Values.operator.namespaces }}
  - {key: kubernetes.io/metadata.name, operator: In, values: {{ . | toJson }}}
  {{- end }}
  - {key: kubernetes.io/metadata.name, operator: NotIn, values: [kube-system, kube-public, kube-node-lease]}
{{- end -}}

{{/* How the API server reaches the webhook; takes a dict of root and path. The authority is filled in later. */}}
{{- define "pipewise.webhookClient" -}}
clientConfig:
  service:
    name: {{ include "pipewise.fullname" .root }}-webhook
    namespace: {{ .root.Release.Namespace }}
    path: /{{ .path }}
    port: 443
admissionReviewVersions: [v1]
matchPolicy: Equivalent
sideEffects: None
timeoutSeconds: {{ .root.Values.webhook.timeoutSeconds }}
{{- end -}}

{{/* Metadata of both registrations; cert-manager fills in the authority where it is asked to. */}}
{{- define "pipewise.webhookRegistration" -}}
name: {{ include "pipewise.fullname" . }}
labels: {{- include "pipewise.labels" (dict "root" . "component" "webhook") | nindent 2 }}
{{- if eq .Values.webhook.certificates "cert-manager" }}
annotations:
  cert-manager.io/inject-ca-from: {{ .Release.Namespace }}/{{ include "pipewise.fullname" . }}-webhook
{{- end }}
{{- end -}}

{{/* What the webhook reads, in each namespace it answers for: whether another binding has the same agent and user. */}}
{{- define "pipewise.webhookRules" -}}
- apiGroups: [mcp.pipewise.io]
  resources: [agentmcpbindings]
  verbs: [list]
{{- end -}}
