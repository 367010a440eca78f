"""The operator of PipeWise MCP: it keeps the status of bindings and projects truthful."""

from importlib.metadata import version

__version__ = version("pipewise-mcp")
