"""The door agents use: MCP over Streamable HTTP, and the second port for health and metrics."""
