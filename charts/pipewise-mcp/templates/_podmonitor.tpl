{{/* A PodMonitor of the port `metrics`; takes a dict of root, component and honorLabels. */}}
{{- define "pipewise.podMonitor" -}}
{{- $monitor := .root.Values.monitoring.podMonitor -}}
apiVersion: monitoring.coreos.com/v1
kind: PodMonitor
metadata:
  name: {{ include "pipewise.fullname" .root }}-{{ .component }}
  namespace: {{ .root.Release.Namespace }}
  labels:
    {{- include "pipewise.labels" . | nindent 4 }}
    {{- with $monitor.labels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  selector:
    matchLabels: {{- include "pipewise.selector" . | nindent 6 }}
  podMetricsEndpoints:
    - port: metrics
      path: /metrics
      interval: {{ $monitor.interval }}
      honorLabels: {{ .honorLabels }}
{{- end -}}
