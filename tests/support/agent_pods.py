"""A pod that plays an agent: what it asks leaves from inside the cluster, by the network that agents use."""

import json
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .kind import Kind

_SCRIPT = (Path(__file__).parent / "in_pod.py").read_text()
_LAST_ANSWER_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What an agent is told.

    Attributes:
        text: the text of the result, or what came instead of one.
        failed: whether it is anything but a good result.
        details: the structured part of the result.
    """

    text: str
    failed: bool
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Called:
    """What came of calls made over and over; filled in when they have ended."""

    count: int = 0
    longest_seconds: float = 0.0
    problems: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class AgentPod:
    """A running pod of an agent."""

    cluster: Kind
    namespace: str
    name: str
    container: str = "agent"

    def request(
        self,
        method: str,
        url: str,
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[int, str]:
        """Make one HTTP request, once its Service is in force; status (0: no answer) and text."""
        asked = {"method": method, "url": url, "headers": headers or {}}
        line = json.dumps({"requests": [asked | ({} if body is None else {"body": body})]}) + "\n"
        (found,) = json.loads(self.cluster.kubectl(*self._command(), namespace=self.namespace, stdin=line))
        return found["status"], found["text"]

    def call(self, url: str, tool: str, **arguments: Any) -> Answer:  # noqa: ANN401 - JSON
        """Call a tool once: what was sent is not sent again."""
        status, text = self.request("POST", url, _tool_call(tool, arguments))
        if status != 200:
            return Answer(f"HTTP {status}: {text}", failed=True)
        reply = json.loads(text)
        if "error" in reply:
            return Answer(json.dumps(reply["error"]), failed=True)
        result = reply["result"]
        said = "\n".join(item["text"] for item in result["content"] if item["type"] == "text")
        return Answer(said, bool(result.get("isError")), result.get("structuredContent") or {})

    @contextmanager
    def calling(self, url: str, tool: str, **arguments: Any) -> Iterator[Called]:  # noqa: ANN401 - JSON
        """Call a tool over and over while the block runs."""
        called = Called()
        asked = {"method": "POST", "url": url, "body": _tool_call(tool, arguments)}
        where = ["--kubeconfig", str(self.cluster.kubeconfig), "--namespace", self.namespace]
        with subprocess.Popen(
            ["kubectl", *where, *self._command()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdin
            process.stdin.write(json.dumps({"requests": [asked], "forever": True}) + "\n")
            process.stdin.flush()
            try:
                yield called
                out, complaint = process.communicate(timeout=_LAST_ANSWER_SECONDS)
            finally:
                process.kill()
        assert process.returncode == 0, f"the pod {self.name} stopped calling: {complaint}"
        found = json.loads(out)
        called.count, called.problems = found["count"], found["problems"]
        called.longest_seconds = found["longest_seconds"]

    def _command(self) -> Sequence[str]:
        return ["exec", "-i", self.name, "--container", self.container, "--", "python", "-c", _SCRIPT]


def agent_pod(name: str, image: str, **metadata: Mapping[str, str]) -> dict[str, Any]:
    """The manifest of a pod that waits to be told what to ask, within the restricted standard.

    Its ServiceAccount is `agent`, whose token for managed runtimes it has.
    """
    token = {"audience": "mcp.pipewise.io", "expirationSeconds": 3600, "path": "token"}
    container = {
        "name": "agent",
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["python", "-c", "import signal; signal.sigwait([signal.SIGTERM])"],
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [{"name": "token", "mountPath": "/var/run/secrets/mcp.pipewise.io"}],
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, **metadata},
        "spec": {
            "serviceAccountName": "agent",
            "automountServiceAccountToken": False,
            "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [container],
            "volumes": [
                {"name": "token", "projected": {"sources": [{"serviceAccountToken": token}]}},
            ],
            "terminationGracePeriodSeconds": 5,
        },
    }


def asking_pod(name: str, image: str) -> dict[str, Any]:
    """An agent's pod that asks for a sidecar of the coordinator."""
    return agent_pod(
        name,
        image,
        labels={"mcp.pipewise.io/inject": "true"},
        annotations={"mcp.pipewise.io/agents": "coordinator"},
    )


def _tool_call(tool: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "tools/call",
        "params": {"name": tool, "arguments": dict(arguments)},
    }
