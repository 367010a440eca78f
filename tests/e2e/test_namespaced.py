"""Promise: an operator of some namespaces serves them as before, with Roles, and leaves all others alone."""

from collections.abc import Iterator

import pytest

from support.agent_pods import AgentPod
from support.eventually import eventually_sync
from support.kind import Kind
from support.mcp_wire import MAIL, SEND
from support.release import AGENTS, NAME, NAMESPACE, Release, SandboxInside, binding

pytestmark = pytest.mark.e2e

ELSEWHERE = "elsewhere"
SERVICES = [{"name": "sendgrid", "app": "sendgrid"}]


@pytest.fixture
def narrow(release: Release) -> Iterator[Release]:
    """The release, confined to two namespaces for one test."""
    release.install(f"operator.namespaces={{{NAMESPACE},{AGENTS}}}")
    yield release
    release.install()


def test_named_namespaces_are_served_and_others_are_not_looked_at(
    kind: Kind, narrow: Release, agent: AgentPod
) -> None:
    metadata = {"name": ELSEWHERE, "labels": {"mcp.pipewise.io/e2e": "true"}}
    kind.apply("", {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
    kind.apply(ELSEWHERE, binding("nils", agent="coordinator", user="nils", services=SERVICES))
    sandbox = SandboxInside(agent)
    # Its accounts live in memory, and an upgrade may replace it.
    sandbox.connect("nadia")
    name = narrow.bind("nadia", demo="Never")
    eventually_sync(lambda: narrow.ready(name) == ("True", "Ready"), within=60)
    assert not agent.call(narrow.endpoint(name), SEND, **MAIL).failed
    assert sandbox.runs("nadia") == 1
    assert "ran at the sandbox" in narrow.try_out()

    assert narrow.status("nils", ELSEWHERE) == {}
    account = f"system:serviceaccount:{NAMESPACE}:{NAME}-operator"
    for resource in ("agentmcpbindings.mcp.pipewise.io", "secrets", "pods"):
        assert kind.may(account, "get", resource, AGENTS)
        assert not kind.may(account, "get", resource, ELSEWHERE)
    kind.kubectl("delete", "namespace", ELSEWHERE)
