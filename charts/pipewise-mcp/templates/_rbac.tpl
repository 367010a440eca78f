{{/* Not empty where the operator makes objects for runtimes: managed ones, or the rights of sidecars. */}}
{{- define "pipewise.makesObjects" -}}
{{- if or .Values.managed.enabled .Values.webhook.enabled (not .Values.operator.namespaces) -}}
yes
{{- end -}}
{{- end -}}

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
# The rights of runtimes, for the ServiceAccounts of their pods.
- apiGroups: [rbac.authorization.k8s.io]
  resources: [roles, rolebindings]
  verbs: [list, create, patch, delete]
# Not used, but held: nobody can grant what he may not do himself, and runtimes register and report.
- apiGroups: [mcp.pipewise.io]
  resources: [mcpruntimes]
  verbs: [create]
- apiGroups: [mcp.pipewise.io]
  resources: [mcpruntimes/status]
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
{{- if .Values.managed.enabled }}
# The managed runtimes.
- apiGroups: [""]
  resources: [serviceaccounts, services]
  verbs: [list, create, patch, delete]
- apiGroups: [apps]
  resources: [deployments]
  verbs: [list, create, patch, delete]
- apiGroups: [networking.k8s.io]
  resources: [networkpolicies]
  verbs: [list, create, patch, delete]
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: [list, create, patch, delete]
{{- end }}
{{- end -}}
