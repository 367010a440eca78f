{{/* What the operator does, in each namespace it watches. */}}
{{- define "pipewise.operatorRules" -}}
- apiGroups: [mcp.pipewise.io]
  resources: [agentmcpbindings, pipedreamprojects, mcpruntimes]
  verbs: [get, list, watch]
# The status of bindings and projects is the operator's alone.
- apiGroups: [mcp.pipewise.io]
  resources: [agentmcpbindings/status, pipedreamprojects/status]
  verbs: [patch]
# The shares of the quota, in the runtimes' spec.
- apiGroups: [mcp.pipewise.io]
  resources: [mcpruntimes]
  verbs: [patch]
# Whether a runtime is ready is read from its pod.
- apiGroups: [""]
  resources: [pods]
  verbs: [get, list, watch]
# Client credentials are read, tokens are written, by name: no listing.
- apiGroups: [""]
  resources: [secrets]
  verbs: [get, create, patch]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create]
{{- end -}}

{{/* What a runtime does, in its own namespace. */}}
{{- define "pipewise.runtimeRules" -}}
- apiGroups: [mcp.pipewise.io]
  resources: [agentmcpbindings, pipedreamprojects]
  verbs: [get, list, watch]
# It registers itself and reports; its spec is the operator's.
- apiGroups: [mcp.pipewise.io]
  resources: [mcpruntimes]
  verbs: [get, list, watch, create]
- apiGroups: [mcp.pipewise.io]
  resources: [mcpruntimes/status]
  verbs: [patch]
{{- with .Values.runtime.projects }}
- apiGroups: [""]
  resources: [secrets]
  resourceNames:
    {{- range . }}
    - {{ . }}-pipedream-token
    {{- end }}
  verbs: [get]
{{- end }}
{{- end -}}
