"""What the stub upstream answers and what the runtime serves: seven apps of fifty tools, and their users."""

import json
from pathlib import Path
from typing import Any

import yaml

from pipewise_crds import API_VERSION

APPS = tuple(f"app{number}" for number in range(7))
TOOLS_PER_APP = 50
AGENT = "coordinator"
CALLED = f"{APPS[0]}-action-0"
"""The tool that load is put on."""

_DESCRIPTION = "Does one thing in the service and returns what came of it. " * 6


def users(count: int) -> list[str]:
    """The external user ids that are served."""
    return [f"user-{number}" for number in range(count)]


def write_replies(folder: Path, served: list[str]) -> None:
    """Write the files that the stub serves."""
    accounts = [
        {
            "id": f"apn_{user}_{app}",
            "external_id": user,
            "healthy": True,
            "dead": False,
            "app": {"name_slug": app},
        }
        for user in served
        for app in APPS
    ]
    called = {"content": [{"type": "text", "text": '{"exports":{},"ret":"done"}'}], "isError": False}
    replies: dict[str, Any] = {
        "token": {"access_token": "bench", "token_type": "Bearer", "expires_in": 3600},
        "accounts": {"data": accounts, "page_info": {"end_cursor": None}},
        "call": called,
    }
    for number, app in enumerate(APPS):
        replies[f"tools-{number}"] = {"tools": [_tool(app, index) for index in range(TOOLS_PER_APP)]}
    folder.mkdir(parents=True, exist_ok=True)
    for name, reply in replies.items():
        (folder / f"{name}.json").write_text(json.dumps(reply, separators=(",", ":")))


def write_bindings(folder: Path, served: list[str], upstream: str) -> None:
    """Write the manifests for a runtime without Kubernetes."""
    project = {
        "projectID": "proj_bench",
        "environment": "development",
        "credentialsSecretRef": {"name": "pipedream-client"},
        "endpoints": {"api": f"{upstream}/v1", "mcp": f"{upstream}/v3"},
        "limits": {"toolRuns": 10_000_000, "window": "1s"},
    }
    services = [{"name": app, "app": app} for app in APPS]
    documents = [
        _manifest("PipedreamProject", "default", project),
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "pipedream-client"},
            "stringData": {"client-id": "bench", "client-secret": "bench"},
        },
        *(
            _manifest(
                "AgentMCPBinding",
                user,
                {"agent": AGENT, "user": user, "services": services, "demo": "Never"},
            )
            for user in served
        ),
    ]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "bench.yaml").write_text(yaml.safe_dump_all(documents))


def _manifest(kind: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": name}, "spec": spec}


def _tool(app: str, index: int) -> dict[str, Any]:
    """A definition of about one kilobyte, as Pipedream's are."""
    properties = {
        f"field{number}": {"type": "string", "description": f"What goes into field {number} of the action."}
        for number in range(6)
    }
    return {
        "name": f"{app}-action-{index}",
        "description": _DESCRIPTION.strip(),
        "inputSchema": {"type": "object", "properties": properties, "additionalProperties": False},
        "annotations": {"readOnlyHint": False},
    }
