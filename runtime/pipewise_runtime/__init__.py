"""The sidecar runtime: holds an agent's MCP connections to Pipedream and answers its calls."""
