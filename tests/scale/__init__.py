"""Scale: what thousands of bindings cost the operator and the API server; see docs/sizing.md."""
