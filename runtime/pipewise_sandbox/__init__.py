"""A faithful local Pipedream: the service PipeWise MCP depends on, with fault switches and a ledger.

``backend`` is the pure part (tools and their stateful results) that the runtime's demo mode uses in
process; everything else makes it a server: OAuth, Connect REST, MCP over Streamable HTTP, the connect page
and the admin API. Importing this package alone costs nothing.
"""
