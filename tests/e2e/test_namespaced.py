"""Promise: an operator of some namespaces serves them as before, with Roles, and leaves all others alone."""

from collections.abc import Iterator

import pytest

from support.agent_pods import AgentPod
from support.eventually import eventually_sync
from support.kind import Kind
from support.mcp_wire import MAIL, SEND
from support.release import AGENTS, NAME, NAMESPACE, Release, SandboxInside, binding

pytestmark = pytest.mark.e2e

SERVICES = [{"name": "sendgrid", "app": "sendgrid"}]


@pytest.fixture
def narrow(release: Release) -> Iterator[Release]:
    """The release, confined to two namespaces for one test."""
    release.install(f"operator.namespaces={{{NAMESPACE},{AGENTS}}}")
    yield release
    release.install()
    # Who may have tokens reviewed is said by the chart here, and by the operator otherwise, once it leads.
    runtime = f"system:serviceaccount:{AGENTS}:pipewise-runtime"
    reviews = "tokenreviews.authentication.k8s.io"
    eventually_sync(lambda: release.cluster.may(runtime, "create", reviews, ""), within=60)


@pytest.fixture
def elsewhere(kind: Kind, narrow: Release) -> Iterator[str]:
    """A namespace that the operator is not told of, while it is not."""
    assert narrow
    name = "elsewhere"
    kind.kubectl("delete", "namespace", name, "--ignore-not-found")
    kind.kubectl("create", "namespace", name)
    yield name
    kind.kubectl("delete", "namespace", name)


def test_named_namespaces_are_served_and_others_are_not_looked_at(
    kind: Kind, narrow: Release, elsewhere: str, agent: AgentPod
) -> None:
    kind.apply(elsewhere, binding("nils", agent="coordinator", user="nils", services=SERVICES))
    sandbox = SandboxInside(agent)
    sandbox.connect("nadia")
    name = narrow.bind("nadia", demo="Never")
    eventually_sync(lambda: narrow.ready(name) == ("True", "Ready"), within=60)
    assert not agent.call(narrow.endpoint(name), SEND, **MAIL).failed
    assert sandbox.runs("nadia") == 1
    assert "ran at the sandbox" in narrow.try_out()

    assert narrow.status("nils", elsewhere) == {}
    account = f"system:serviceaccount:{NAMESPACE}:{NAME}-operator"
    for resource in ("agentmcpbindings.mcp.pipewise.io", "secrets", "pods"):
        assert kind.may(account, "get", resource, AGENTS)
        assert not kind.may(account, "get", resource, elsewhere)
