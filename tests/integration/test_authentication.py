"""Who is let in to a Managed runtime: asked of a real API server, with tokens that it has issued."""

import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest

from pipewise_agents import McpConfig, connected_servers
from pipewise_runtime.permitting import AUDIENCE
from support.agent_calls import AgentCalls
from support.cluster import Cluster, KubectlError, Namespace
from support.eventually import eventually
from support.guarded import Door, grant, guarded_by, revoke
from support.memory_calls import MemoryCalls
from support.memory_reviews import token_of
from support.runtimes import api_server_away
from support.serving import call, post

BINDING = "coordinator-user-42"
HELLO = call("echo", text="hola")


@pytest.fixture
async def door(namespace: Namespace) -> AsyncIterator[Door]:
    calls = MemoryCalls(("coordinator", "user-42"), ("coordinator", "other"))
    async with guarded_by(namespace, calls) as door:
        yield door


@pytest.fixture
def token(namespace: Namespace) -> str:
    return namespace.service_account_token("agents", [AUDIENCE])


async def asked(door: Door, token: str | None, user: str = "user-42") -> httpx2.Response:
    """What a request with that token is answered."""
    headers = {"Authorization": f"Bearer {token}"} if token is not None else {}
    async with httpx2.AsyncClient(base_url=door.url, timeout=10, headers=headers) as http:
        if user == "user-42":
            return await post(http, HELLO)
        return await http.post(f"/agents/coordinator/users/{user}/mcp", json=HELLO)


def pod_token(namespace: Namespace, pod: str) -> str:
    """A token as the kubelet would mount it into a pod of the agents, which is made."""
    namespace.service_account_token("agents")
    spec = {"serviceAccountName": "agents", "containers": [{"name": "a", "image": "a"}]}
    namespace.apply({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": pod}, "spec": spec})
    return namespace.service_account_token("agents", [AUDIENCE], pod)


def paste(namespace: Namespace, commands: str) -> None:
    """Run commands as the administrator would in a shell."""
    kubectl = f"{namespace.cluster.kubectl_program} --kubeconfig {namespace.cluster.kubeconfig}"
    subprocess.run(commands.replace("kubectl", kubectl), shell=True, check=True, timeout=30)  # noqa: S602 - that is the point


async def test_who_has_the_right_is_served(namespace: Namespace, door: Door, token: str) -> None:
    grant(namespace, BINDING, f"{namespace}:agents")
    await eventually(lambda: _becomes(door, token, 200))
    answer = await asked(door, token)
    assert answer.json()["result"]["content"][0]["text"] == "hola"


async def test_without_a_token_nobody_is_served_and_each_reason_has_its_count(door: Door) -> None:
    assert set(door.refusals().values()) == {0}
    assert len(door.refusals()) == 6
    answer = await asked(door, None)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    error = answer.json()["error"]
    assert error["data"] == {"reason": "no_token"}
    assert AUDIENCE in error["message"]
    assert door.refusals()['{code="401",reason="no_token"}'] == 1


@pytest.mark.parametrize("scheme", ["Basic dTpw", "Bearer", "Bearers x"])
async def test_what_is_no_bearer_token_is_none(door: Door, scheme: str) -> None:
    async with httpx2.AsyncClient(base_url=door.url) as http:
        answer = await post(http, HELLO, Authorization=scheme)
    assert answer.json()["error"]["data"] == {"reason": "no_token"}


async def test_a_token_for_another_audience_is_refused(namespace: Namespace, door: Door) -> None:
    grant(namespace, BINDING, f"{namespace}:agents")
    for audiences in ([], ["somebody.else"]):
        answer = await asked(door, namespace.service_account_token("agents", audiences))
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == 'Bearer error="invalid_token"'
        assert answer.json()["error"]["data"] == {"reason": "wrong_audience"}


async def test_a_token_that_only_says_it_is_for_us_is_refused(door: Door, token: str) -> None:
    header, claims, signature = token.split(".")
    for each in (token_of(), f"{header}.{claims}.{signature[:-8]}AAAAAAAA", f"{header}.{claims}", "?"):
        answer = await asked(door, each)
        assert (answer.status_code, answer.json()["error"]["data"]) == (401, {"reason": "invalid_token"})


async def test_a_token_that_has_expired_is_refused(namespace: Namespace, door: Door, token: str) -> None:
    grant(namespace, BINDING, f"{namespace}:agents")
    await eventually(lambda: _becomes(door, token, 200))
    door.time.passed = 3700
    answer = await asked(door, token)
    assert (answer.status_code, answer.json()["error"]["data"]) == (401, {"reason": "expired"})


async def test_a_token_of_a_pod_that_is_gone_is_refused(namespace: Namespace, door: Door) -> None:
    grant(namespace, BINDING, f"{namespace}:agents")
    bound = pod_token(namespace, "gone")
    namespace.kubectl("delete", "pod", "gone", "--force", "--grace-period=0")
    await eventually(lambda: _becomes(door, bound, 401))
    answer = await asked(door, bound)
    assert answer.json()["error"]["data"] == {"reason": "invalid_token"}
    assert "of an account and a pod that are still there" in answer.json()["error"]["message"]


async def test_an_account_without_the_right_is_told_how_to_be_given_it_and_that_works(
    namespace: Namespace, door: Door, token: str
) -> None:
    answer = await asked(door, token)
    assert answer.status_code == 403
    assert answer.json()["error"]["data"] == {"reason": "no_right"}
    message: str = answer.json()["error"]["message"]
    assert f'system:serviceaccount:{namespace}:agents may not "use"' in message
    assert 'agent "coordinator" and user "user-42"' in message
    paste(namespace, message.replace("BINDING", BINDING).partition(f" for {BINDING}: ")[2])
    await eventually(lambda: _becomes(door, token, 200))
    assert (await asked(door, token, "other")).status_code == 403


async def test_an_account_of_another_namespace_needs_the_right_in_this_one(
    cluster: Cluster, namespace: Namespace, door: Door
) -> None:
    elsewhere = Namespace(cluster)
    grant(elsewhere, BINDING, f"{elsewhere}:agents")
    token = elsewhere.service_account_token("agents", [AUDIENCE])
    answer = await asked(door, token)
    assert answer.status_code == 403
    assert f"system:serviceaccount:{elsewhere}:agents" in answer.json()["error"]["message"]
    grant(namespace, BINDING, f"{elsewhere}:agents")
    await eventually(lambda: _becomes(door, token, 200))


async def test_a_right_that_is_taken_away_ends_within_the_minute(
    namespace: Namespace, door: Door, token: str
) -> None:
    grant(namespace, BINDING, f"{namespace}:agents")
    await eventually(lambda: _becomes(door, token, 200))
    revoke(namespace)
    door.time.passed += 30
    assert (await asked(door, token)).status_code == 200
    door.time.passed += 30
    await eventually(lambda: _becomes(door, token, 403, seconds=61))


async def test_who_the_users_are_is_told_only_to_those_who_may_use_all_bindings(
    namespace: Namespace, door: Door, token: str
) -> None:
    strange, known = [(await asked(door, token, user)).json()["error"] for user in ("nobody-at-all", "other")]
    strange["message"] = strange["message"].replace("nobody-at-all", "other")
    assert strange == known
    grant(namespace, "", f"{namespace}:agents")
    await eventually(lambda: _becomes(door, token, 200))
    assert (await asked(door, token, "other")).status_code == 200
    assert (await asked(door, token, "nobody-at-all")).status_code == 404


async def test_while_the_api_server_is_away_who_was_let_in_stays_and_others_wait(
    namespace: Namespace, door: Door, token: str
) -> None:
    grant(namespace, BINDING, f"{namespace}:agents")
    await eventually(lambda: _becomes(door, token, 200))
    other = namespace.service_account_token("agents", [AUDIENCE])
    assert other != token
    with api_server_away(namespace.cluster):
        assert (await asked(door, token)).status_code == 200
        refused = await asked(door, other)
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "2")
        assert refused.json()["error"]["data"] == {"reason": "not_reviewed"}
        door.time.passed += 300
        assert (await asked(door, token)).status_code == 200
        door.time.passed += 300
        assert (await asked(door, token)).status_code == 503
    await eventually(lambda: _becomes(door, token, 200), within=15)


async def test_agents_are_let_in_by_the_token_that_their_pod_has_mounted(
    namespace: Namespace, tmp_path: Path
) -> None:
    mounted = tmp_path / "token"
    mounted.write_text(pod_token(namespace, "agents-0"))
    calls = AgentCalls()
    grant(namespace, BINDING, f"{namespace}:agents")
    async with guarded_by(namespace, calls) as door:
        await eventually(lambda: _becomes(door, mounted.read_text(), 200))
        agents, config = ["coordinator", "meeting-scheduler"], McpConfig(door.url, token_file=mounted)
        async with connected_servers("user-42", agents, config) as connections:
            [server] = connections.servers["coordinator"]
            assert {tool.name.split("-", 1)[0] for tool in await server.list_tools()} == {
                "sendgrid",
                "twitter",
            }
            assert connections.unavailable == {"meeting-scheduler"}
            result = await server.call_tool("sendgrid-list-global-suppressions", {})
            assert not result.is_error


async def test_whoever_is_not_let_in_can_say_nothing_to_other_paths_either(door: Door) -> None:
    async with httpx2.AsyncClient(base_url=door.url) as http:
        assert (await http.get("/metrics")).status_code == 404
        assert (await http.get("/agents/coordinator/users/user-42/sse")).status_code == 401


def test_a_right_to_use_bindings_is_no_right_to_see_them(namespace: Namespace) -> None:
    grant(namespace, BINDING, f"{namespace}:agents")
    who = f"--as=system:serviceaccount:{namespace}:agents"
    assert namespace.kubectl("auth", "can-i", "use", f"agentmcpbindings.mcp.pipewise.io/{BINDING}", who)
    with pytest.raises(KubectlError):
        namespace.kubectl("get", "agentmcpbindings", who)


async def _becomes(door: Door, token: str, status: int, seconds: float = 6.0) -> bool:
    """Whether the answer is that, once short memories are over."""
    door.time.passed += seconds
    return (await asked(door, token)).status_code == status
