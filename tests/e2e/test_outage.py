"""Promise: an outage of a provider is told within seconds, and its end too."""

import pytest

from support.agent_pods import AgentPod
from support.eventually import eventually_sync
from support.mcp_wire import MAIL, SEND
from support.release import AGENTS, Release, SandboxInside, binding
from support.timings import Timings

pytestmark = pytest.mark.e2e

SENTENCE = "Ups, hubo un error al conectarse con SendGrid"


def test_an_outage_is_told_and_heals_by_itself(
    release: Release, agent: AgentPod, sandbox: SandboxInside, timings: Timings
) -> None:
    for app in ("sendgrid", "google_calendar"):
        sandbox.connect("olga", app)
    name = release.bind("olga")
    other = "other-olga"
    release.cluster.apply(AGENTS, _calendar(other))
    for each in (name, other):
        eventually_sync(lambda each=each: release.ready(each) == ("True", "Ready"), within=60)

    sandbox.admin("POST", "/faults", {"kind": "status", "app": "sendgrid", "status": 503})
    with timings.taking("an outage: first failed call until the status tells it"):
        answer = agent.call(release.endpoint(name), SEND, **MAIL)
        eventually_sync(lambda: release.ready(name) == ("False", "UpstreamUnavailable"), within=15)
    assert answer.text.startswith(SENTENCE)
    assert release.ready(other) == ("True", "Ready")

    sandbox.admin("DELETE", "/faults")
    with timings.taking("heal: the outage's end until Ready"):
        eventually_sync(lambda: release.ready(name) == ("True", "Ready"), within=20)
    assert sandbox.runs("olga") == 0
    assert not agent.call(release.endpoint(name), SEND, **MAIL).failed
    assert sandbox.runs("olga") == 1


def _calendar(name: str) -> dict[str, object]:
    services = [{"name": "google-calendar", "app": "google_calendar"}]
    spec = {"agent": "meeting-scheduler", "user": "olga", "placement": "Managed", "services": services}
    return binding(name, **spec)
