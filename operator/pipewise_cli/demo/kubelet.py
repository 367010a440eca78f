"""A kubelet for one Pod, as far as anybody looks: it probes the runtime and writes the Pod's conditions.

The demo has no node. The runtime runs as a process, and this thread says of the Pod what a kubelet would
say of it: Ready when /readyz answers, not Ready when the process is gone or three probes in a row failed.
"""

import threading
from datetime import UTC, datetime
from typing import Any

from pipewise_cli.controlplane import Api, ApiError
from pipewise_crds import timestamp

from .programs import Program

_PERIOD_SECONDS = 0.25
_FAILURES_ALLOWED = 2
_PROBE_FAILS = "the readiness probe of the runtime fails"
_MERGE = "application/merge-patch+json"


class Kubelet:
    """Keeps the Ready condition of a Pod true to the program in it; a context manager.

    Args:
        api: who may write the Pod's status.
        pod: path of the Pod in the API.
        program: what runs in it.
    """

    def __init__(self, api: Api, pod: str, program: Program) -> None:
        self._api, self._pod, self._program = api, pod, program
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="kubelet", daemon=True)

    def __enter__(self) -> None:
        """Begin to probe."""
        self._thread.start()

    def __exit__(self, *_exc: object) -> None:
        """Stop; the Pod stays as it was last seen."""
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        written: str | None = None
        failures = 0
        while not self._stopped.wait(_PERIOD_SECONDS):
            problem = self._problem()
            failures = failures + 1 if problem else 0
            is_slow = problem == _PROBE_FAILS and written == "" and failures <= _FAILURES_ALLOWED
            if problem != written and not is_slow and self._write(problem):
                written = problem

    def _problem(self) -> str:
        """Why the Pod is not ready; nothing when it is."""
        if not self._program.process.is_running:
            return "the runtime's container is not running"
        return "" if self._program.is_ready else _PROBE_FAILS

    def _write(self, problem: str) -> bool:
        try:
            self._api.request("PATCH", f"{self._pod}/status", {"status": _status(problem)}, _MERGE)
        except (ApiError, OSError):
            return False  # the next round writes it
        return True


def _status(problem: str) -> dict[str, Any]:
    condition = {
        "type": "Ready",
        "status": "False" if problem else "True",
        "reason": "ContainersNotReady" if problem else "ContainersReady",
        "message": problem,
        "lastTransitionTime": timestamp(datetime.now(UTC)),
    }
    return {"phase": "Running", "conditions": [condition]}
