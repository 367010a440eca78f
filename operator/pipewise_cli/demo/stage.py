"""Everything that runs in a demo, and the words in which steps ask about it."""

import base64
import os
import subprocess
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from pipewise_cli.controlplane import Api, ControlPlane
from pipewise_crds import API_VERSION, AgentMCPBinding, endpoint_path, token_secret_name

from .console import Console
from .expectation import ProofFailedError
from .layout import narrowed
from .programs import Program, text_of
from .sandbox import Sandbox

NAMESPACE = "demo"
USER = "user-42"
NEWCOMER = "user-7"
AGENTS = ("coordinator", "meeting-scheduler", "lead-administrator")
POD = "demo-agents-0"
SAMPLES = Path(__file__).parent / "samples"

_POLL_SECONDS = 0.03
_KUBECTL_TIMEOUT_SECONDS = 20.0

Found = TypeVar("Found")


def binding_name(agent: str, user: str) -> str:
    """The name of a binding in the samples."""
    return f"{agent}-{user.removeprefix('user-')}"


@dataclass(slots=True)
class Stage:
    """What is on stage. The first steps fill it; `cleanup` takes all of it down again, in reverse.

    Attributes:
        console: for progress and for what goes on before the first step.
        cleanup: what to end, the last first.
        substitutions: what the samples say, and what this demo puts in its place.
        secrets: by what they are, the values that must be found nowhere.
        link: the connect link that an agent was given.
        moments: when what later steps measure from happened, on the monotonic clock.
    """

    console: Console
    cleanup: ExitStack
    plane: ControlPlane = field(init=False)
    kubectl_program: Path = field(init=False)
    folder: Path = field(init=False)
    sandbox: Sandbox = field(init=False)
    programs: dict[str, Program] = field(default_factory=dict)
    agents_url: str = ""
    link: str = ""
    substitutions: dict[str, str] = field(default_factory=dict)
    secrets: dict[str, set[str]] = field(default_factory=dict)
    moments: dict[str, float] = field(default_factory=dict)

    @property
    def api(self) -> Api:
        """The API server, as its administrator."""
        return self.plane.api

    def keep_secret(self, kind: str, value: str) -> None:
        """Remember a value that must not turn up in logs, statuses or events."""
        if value:
            self.secrets.setdefault(kind, set()).add(value)

    def keep_token(self) -> None:
        """Remember the developer token of now."""
        path = f"/api/v1/namespaces/{NAMESPACE}/secrets/{token_secret_name('default')}"
        data = self.api.json("GET", path)["data"]
        self.keep_secret("developer tokens", base64.b64decode(data["token"]).decode())

    def wait(self, what: str, check: Callable[[], Found | None], within_seconds: float) -> Found:
        """Ask until the check returns something true.

        Raises:
            ProofFailedError: it did not in time.
        """
        self.console.doing(f"waiting until {what}")
        deadline = time.monotonic() + within_seconds
        while not (found := check()):
            if time.monotonic() > deadline:
                raise ProofFailedError(f"waited {within_seconds:.0f} s in vain until {what}")
            time.sleep(_POLL_SECONDS)
        return found

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        """Run kubectl in the demo's namespace and return what it printed.

        Raises:
            ProofFailedError: it failed; the message is what it wrote to stderr.
        """
        done = self.kubectl_done(*arguments, stdin=stdin)
        if done.returncode:
            raise ProofFailedError(f"kubectl {' '.join(arguments)}: {done.stderr.strip()}")
        return done.stdout

    def kubectl_done(self, *arguments: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run kubectl in the demo's namespace and return how it ended."""
        where = ["--kubeconfig", str(self.plane.kubeconfig), "--namespace", NAMESPACE]
        return subprocess.run(  # noqa: S603 - the command is ours
            [self.kubectl_program, *where, *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=_KUBECTL_TIMEOUT_SECONDS,
            env={**os.environ, "KUBECTL_KUBERC": "false"},
            check=False,
        )

    def apply(self, sample: str) -> str:
        """Apply one of the sample files, with this demo's address and secret put in."""
        text = (SAMPLES / sample).read_text()
        for said, meant in self.substitutions.items():
            text = text.replace(said, meant)
        return self.kubectl("apply", "-f", "-", stdin=text)

    def table(self, *arguments: str) -> str:
        """What `kubectl get` prints, as narrow as it can be."""
        return narrowed(self.kubectl("get", *arguments))

    def binding(self, agent: str, user: str = USER) -> AgentMCPBinding:
        """A binding as it is now."""
        path = f"/apis/{API_VERSION}/namespaces/{NAMESPACE}/agentmcpbindings/{binding_name(agent, user)}"
        return AgentMCPBinding.model_validate(self.api.json("GET", path))

    def condition(self, agent: str, kind: str = "Ready", user: str = USER) -> tuple[str, str]:
        """Status and reason of a binding's condition; empty before the first judgement."""
        for condition in self.binding(agent, user).status.conditions:
            if condition.type == kind:
                return condition.status, condition.reason
        return "", ""

    def is_ready(self, agent: str) -> bool:
        """Whether the binding of an agent of our user is Ready, judged from its present generation."""
        binding = self.binding(agent)
        is_judged = binding.status.observed_generation == binding.metadata.generation
        return is_judged and self.condition(agent) == ("True", "Ready")

    def is_not_ready_for(self, agent: str, reason: str) -> bool:
        """Whether the binding of an agent of our user is not Ready for this reason."""
        return self.condition(agent) == ("False", reason)

    def endpoint(self, agent: str, user: str = USER) -> str:
        """Where the runtime serves an agent that acts for a user."""
        return self.agents_url + endpoint_path(agent, user)

    def metrics(self, program: str) -> str:
        """What a program's /metrics says."""
        return text_of(f"{self.programs[program].url}/metrics")

    def log_tail(self, program: str) -> str:
        """The last lines of a program's log."""
        known = self.programs.get(program)
        return known.process.log_tail() if known else ""
