"""What the demo proves, in order."""

from collections.abc import Sequence

from pipewise_cli.demo.proof import Seen, Step
from pipewise_cli.demo.stage import Stage

from . import accounts, alarms, crashes, outage, rules, secrecy, setting, tools

PLANE = ("etcd", "kube-apiserver")
ALL = ("sandbox", "operator", "runtime")


def _conversation(stage: Stage, seen: Seen) -> None:
    from .conversation import conversation  # noqa: PLC0415 - the Agents SDK takes seconds to load

    conversation(stage, seen)


_BEGINNING = (
    Step("control-plane", "A real Kubernetes control plane is up", setting.control_plane, PLANE),
    Step("programs", "Sandbox, operator and runtime run as you would run them", setting.programs, ALL),
    Step("bindings", "Three agents of one user get their services", setting.bindings, ALL),
    Step("tools", "Any MCP client sees an agent's tools, and only that agent's", tools.tools),
    Step("conversation", "Three agents work together; each action happens once", _conversation, ALL),
)
_OUTAGE = Step("outage", "SendGrid fails: told plainly, seen in the status, kept apart", outage.outage, ALL)
_RECOVERY = Step("recovery", "SendGrid is back: Ready again, by itself", outage.recovery, ALL)
_REVOKED = Step("revoked", "A revoked account is found before a call fails", accounts.revoked, ALL)
_CONNECTED = Step("connected", "The link in the agent's answer mends it", accounts.connected, ALL)
_END = (
    Step("operator-killed", "The operator is killed: no call notices", crashes.operator_killed),
    Step("runtime-killed", "The runtime is killed: told, and healed", crashes.runtime_killed),
    Step("immutable", "A binding cannot be turned to another user", rules.immutable, PLANE),
    Step("demo-mode", "A user without accounts gets made-up results that say so", rules.demo_mode, ALL),
    Step("secrecy", "No secret is in any log, status or event", secrecy.secrecy, ALL),
)


def steps(*, prometheus: bool) -> Sequence[Step]:
    """All steps, with those of the alerts between the others where they are wanted."""
    if not prometheus:
        return (*_BEGINNING, _OUTAGE, _RECOVERY, _REVOKED, _CONNECTED, *_END)
    logs = ("prometheus", "operator")
    return (
        *_BEGINNING,
        Step("prometheus", "Prometheus watches with the shipped alerts", alarms.watching, logs),
        _OUTAGE,
        Step("upstream-alert", "UpstreamUnavailable fires", alarms.upstream_fires, logs),
        _RECOVERY,
        Step("upstream-clear", "UpstreamUnavailable clears", alarms.upstream_clears, logs),
        _REVOKED,
        Step("credential-alert", "CredentialInvalid fires", alarms.credential_fires, logs),
        _CONNECTED,
        Step("credential-clear", "CredentialInvalid clears", alarms.credential_clears, logs),
        *_END,
    )
