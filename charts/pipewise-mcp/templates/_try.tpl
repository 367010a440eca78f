{{/* Not empty where `helm test` has something to call: a sandbox, and sidecars. */}}
{{- define "pipewise.canBeTried" -}}
{{- if and .Values.sandbox.enabled .Values.webhook.enabled -}}
yes
{{- end -}}
{{- end -}}

{{/* Metadata of what `helm test` makes; takes a dict of root and weight. All of it goes when the test ends. */}}
{{- define "pipewise.tryMetadata" -}}
name: {{ include "pipewise.fullname" .root }}-test
namespace: {{ .root.Release.Namespace }}
labels:
  {{- include "pipewise.labels" (dict "root" .root "component" "test") | nindent 2 }}
  {{- range $label, $value := .labels }}
  {{ $label }}: {{ $value | quote }}
  {{- end }}
annotations:
  helm.sh/hook: test
  helm.sh/hook-weight: {{ .weight | quote }}
  helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded,hook-failed
  {{- range $annotation, $value := .annotations }}
  {{ $annotation }}: {{ $value }}
  {{- end }}
{{- end -}}
