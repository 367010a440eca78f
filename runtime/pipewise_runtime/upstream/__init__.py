"""The narrow client for MCP servers: HTTP/1.1 over asyncio, and it knows whether a byte was written."""
