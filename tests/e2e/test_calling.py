"""Promise: an agent in the cluster calls its user's tools soon after the binding is applied."""

import pytest

from support.agent_pods import AgentPod
from support.eventually import eventually_sync
from support.mcp_wire import MAIL, SEND
from support.release import AGENTS, Release, SandboxInside
from support.timings import Timings

pytestmark = pytest.mark.e2e


def test_a_bound_users_mail_is_sent_exactly_once(
    release: Release, agent: AgentPod, sandbox: SandboxInside, timings: Timings
) -> None:
    sandbox.connect("ada")
    with timings.taking("binding applied until Ready"):
        name = release.bind("ada")
        eventually_sync(lambda: release.ready(name) == ("True", "Ready"), within=60)
    with timings.taking("first call of a user, from another pod"):
        answer = agent.call(release.endpoint(name), SEND, **MAIL)
    assert not answer.failed, answer.text
    assert sandbox.runs("ada") == 1


def test_an_account_that_may_not_use_the_binding_is_refused(
    release: Release, agent: AgentPod, sandbox: SandboxInside
) -> None:
    sandbox.connect("eva")
    name = release.bind("eva")
    eventually_sync(lambda: release.ready(name) == ("True", "Ready"), within=60)
    token = release.cluster.kubectl(
        "create", "token", "default", "--audience=mcp.pipewise.io", namespace=AGENTS
    )
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    for bearer, refused in ((token.strip(), 403), ("nobody", 401)):
        headers = {"authorization": f"Bearer {bearer}"}
        status, text = agent.request("POST", release.endpoint(name), body, headers)
        assert status == refused, text


def test_a_user_without_an_account_gets_results_marked_as_made_up(
    release: Release, agent: AgentPod, sandbox: SandboxInside
) -> None:
    name = release.bind("nora")
    eventually_sync(lambda: release.ready(name) == ("False", "CredentialInvalid"), within=60)
    answer = agent.call(release.endpoint(name), SEND, **MAIL)
    assert answer.text.startswith("[demo]")
    assert sandbox.runs("nora") == 0
