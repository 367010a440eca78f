{{/* Where the sandbox answers. */}}
{{- define "pipewise.sandboxURL" -}}
http://{{ include "pipewise.fullname" . }}-sandbox.{{ .Release.Namespace }}.svc:8790
{{- end -}}

{{/* The sandbox's project; takes a dict of root, hook and policy. */}}
{{- define "pipewise.sandboxProject" -}}
{{- with .root -}}
{{- $sandbox := include "pipewise.sandboxURL" . -}}
apiVersion: mcp.pipewise.io/v1alpha1
kind: PipedreamProject
metadata:
  name: {{ .Values.sandbox.project }}
  namespace: {{ .Release.Namespace }}
  labels: {{- include "pipewise.labels" (dict "root" . "component" "sandbox") | nindent 4 }}
  annotations:
    # Helm checks all objects before it creates any, and the kind comes with this very release.
    helm.sh/hook: {{ $.hook }}
    helm.sh/hook-delete-policy: {{ $.policy }}
spec:
  projectID: proj_demo
  environment: development
  credentialsSecretRef: {name: {{ include "pipewise.fullname" . }}-sandbox-client}
  endpoints:
    api: {{ $sandbox }}/v1
    mcp: {{ $sandbox }}/v3
  accountPollInterval: 10s
{{- end }}
{{- end -}}
