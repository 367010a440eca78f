"""What makes a pod's sidecar: the webhook's pure core, from a pod and settings to JSON-patch operations.

A pod asks with the label `mcp.pipewise.io/inject: "true"` and says in annotations what it wants.
"""

from .annotations import (
    AGENTS,
    CPU_LIMIT,
    CPU_REQUEST,
    INJECT_LABEL,
    LOG_LEVEL,
    MEMORY_LIMIT,
    MEMORY_REQUEST,
    METRICS_PORT,
    PORT,
    PROFILES,
    RUNTIME_LABEL,
)
from .patching import Patch, Refusal, patch
from .settings import Settings
from .sidecar import NAME, URL_VARIABLE

__all__ = [
    "AGENTS",
    "CPU_LIMIT",
    "CPU_REQUEST",
    "INJECT_LABEL",
    "LOG_LEVEL",
    "MEMORY_LIMIT",
    "MEMORY_REQUEST",
    "METRICS_PORT",
    "NAME",
    "PORT",
    "PROFILES",
    "RUNTIME_LABEL",
    "URL_VARIABLE",
    "Patch",
    "Refusal",
    "Settings",
    "patch",
]
