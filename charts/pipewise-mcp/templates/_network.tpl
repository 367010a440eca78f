{{/* Where programs may speak to: by port, since nobody knows addresses beforehand. */}}
{{- define "pipewise.egressPorts" -}}
{{- range .Values.networkPolicy.dnsPorts }}
- {protocol: UDP, port: {{ . }}}
- {protocol: TCP, port: {{ . }}}
{{- end }}
{{- range .Values.networkPolicy.egressPorts }}
- {protocol: TCP, port: {{ . }}}
{{- end }}
{{- end -}}
