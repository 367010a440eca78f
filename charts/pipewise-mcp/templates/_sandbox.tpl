{{/* Where the sandbox answers. */}}
{{- define "pipewise.sandboxURL" -}}
http://{{ include "pipewise.fullname" . }}-sandbox.{{ .Release.Namespace }}.svc:8790
{{- end -}}

{{/* What a project that speaks to the sandbox says. */}}
{{- define "pipewise.sandboxProjectSpec" -}}
projectID: proj_demo
environment: development
credentialsSecretRef: {name: {{ include "pipewise.fullname" . }}-sandbox-client}
endpoints:
  api: {{ include "pipewise.sandboxURL" . }}/v1
  mcp: {{ include "pipewise.sandboxURL" . }}/v3
accountPollInterval: 10s
{{- end -}}

{{/* A project of the sandbox; takes a dict of root, name, spec, hook and policy. */}}
{{- define "pipewise.sandboxProject" -}}
apiVersion: mcp.pipewise.io/v1alpha1
kind: PipedreamProject
metadata:
  name: {{ .name }}
  namespace: {{ .root.Release.Namespace }}
  labels: {{- include "pipewise.labels" (dict "root" .root "component" "sandbox") | nindent 4 }}
  annotations:
    # Helm checks all objects before it creates any, and the kind comes with this very release.
    helm.sh/hook: {{ .hook }}
    helm.sh/hook-delete-policy: {{ .policy }}
spec: {{- .spec | nindent 2 }}
{{- end -}}

{{/* The projects that are there, as {items: [...]}; none where helm asks no cluster or the kind is yet to come. */}}
{{- define "pipewise.projectsThere" -}}
{{- $found := dict -}}
{{- if .Capabilities.APIVersions.Has "mcp.pipewise.io/v1alpha1/PipedreamProject" -}}
{{- $found = lookup "mcp.pipewise.io/v1alpha1" "PipedreamProject" .Release.Namespace "" -}}
{{- end -}}
{{ dict "items" (default list $found.items) | toJson }}
{{- end -}}
