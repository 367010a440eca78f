"""Where bindings, projects and tokens come from: a namespace of Kubernetes, or a folder of files."""
