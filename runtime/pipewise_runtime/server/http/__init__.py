"""HTTP/1.1 for ASGI applications: what agents, kubelets and scrapers need of both, at little cost."""
