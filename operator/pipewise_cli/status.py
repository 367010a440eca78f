"""`pipewise status`: which bindings work, and for those that do not, why and who mends it."""

import sys
import textwrap
from collections.abc import Iterator, Sequence

from pipewise_crds import AgentMCPBinding, Condition, ServiceStatus, Verdict

from .kubernetes import CommandError, Kubernetes

_WIDTH = 96
_MESSAGE_INDENT = " " * 6


def show(namespace: str | None, agent: str | None, user: str | None) -> int:
    """Print the bindings; 1 when they cannot be read."""
    try:
        cluster = Kubernetes(namespace)
        bindings = cluster.bindings(agent, user)
    except CommandError as error:
        sys.stderr.write(f"pipewise status: {error}\n")
        return 1
    if not bindings:
        asked = "".join(f" for {kind} {name}" for kind, name in (("agent", agent), ("user", user)) if name)
        sys.stderr.write(f"no AgentMCPBinding{asked} in namespace {cluster.namespace}\n")
        return 0
    sys.stdout.write("\n".join(lines_of(bindings)) + "\n")
    return 0


def lines_of(bindings: Sequence[AgentMCPBinding]) -> Iterator[str]:
    """The table, line by line."""
    services = [service for binding in bindings for service in binding.status.services]
    name_width = max((len(service.name) for service in services), default=0)
    ready = 0
    for binding in bindings:
        condition = next((each for each in binding.status.conditions if each.type == "Ready"), None)
        ready += _is(condition, "True")
        yield _headline(binding, condition)
        if not binding.status.services and condition and not _is(condition, "True"):
            yield from _message(condition.message)
        for service in binding.status.services:
            yield _row(service, name_width)
            yield from _message(service.message)
        yield ""
    yield f"{ready} of {len(bindings)} Ready"


def _headline(binding: AgentMCPBinding, condition: Condition | None) -> str:
    title = f"{binding.spec.agent} for {binding.spec.user}"
    match condition:
        case None:
            return f"? {title}: not judged yet; does the operator run?"
        case Condition(status="True"):
            return f"✓ {title}: Ready"
        case _:
            return f"✗ {title}: not Ready, {condition.reason}"


def _row(service: ServiceStatus, name_width: int) -> str:
    mark = {Verdict.HEALTHY: "✓", Verdict.UNKNOWN: "?"}.get(service.verdict, "✗")
    tools = "" if service.tools is None else f"{service.tools} tools"
    words = [
        f"{service.verdict:<20}",
        f"{service.mode:<4}",
        f"account {service.account.state:<9}",
        f"{tools:<9}",
        "breaker open" if service.breaker == "Open" else "",
    ]
    return f"  {mark} {service.name:<{name_width}}  {'  '.join(words)}".rstrip()


def _message(text: str) -> Sequence[str]:
    return textwrap.wrap(
        text,
        _WIDTH,
        initial_indent=_MESSAGE_INDENT,
        subsequent_indent=_MESSAGE_INDENT,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _is(condition: Condition | None, status: str) -> bool:
    return condition is not None and condition.status == status
