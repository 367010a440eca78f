"""Promise: what is bound in one namespace is out of reach for the runtimes of another."""

import pytest

from support.agent_pods import AgentPod
from support.eventually import eventually_sync
from support.mcp_wire import MAIL, SEND
from support.release import AGENTS, Release, SandboxInside, binding

pytestmark = pytest.mark.e2e

ELSEWHERE = "pipewise"
OURS = ("agentmcpbindings", "pipedreamprojects", "mcpruntimes")
SERVICES = [{"name": "sendgrid", "app": "sendgrid"}]


def test_a_binding_of_another_namespace_is_not_served(
    release: Release, agent: AgentPod, sandbox: SandboxInside
) -> None:
    for user in ("ines", "iris"):
        sandbox.connect(user)
    name = release.bind("iris")
    manifest = binding("ines", agent="coordinator", user="ines", services=SERVICES)
    release.cluster.apply(ELSEWHERE, manifest)
    eventually_sync(lambda: release.ready(name) == ("True", "Ready"), within=60)
    eventually_sync(lambda: release.ready("ines", ELSEWHERE)[0] == "False", within=30)
    answer = agent.call(release.endpoint(name).replace("iris", "ines"), SEND, **MAIL)
    assert answer.failed
    assert sandbox.runs("ines") == 0
    release.cluster.kubectl("delete", "amb", "ines", namespace=ELSEWHERE)


@pytest.mark.parametrize(
    "resource", [*(f"{plural}.mcp.pipewise.io" for plural in OURS), "secrets", "pods", "configmaps"]
)
def test_a_runtime_sees_nothing_of_another_namespace(release: Release, resource: str) -> None:
    account = f"system:serviceaccount:{AGENTS}:pipewise-runtime"
    may = [
        verb for verb in ("get", "list", "watch") if release.cluster.may(account, verb, resource, ELSEWHERE)
    ]
    assert may == []
