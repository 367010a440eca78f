"""What the operator makes for runtimes, with the chart's rights: identities and managed runtimes."""

import json
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipewise_crds import API_VERSION
from support.charted import POLICY, charted_operator
from support.cluster import Namespace
from support.eventually import eventually
from support.operating import Operated
from support.sandbox import Sandbox, sandbox

NOBODY = {"kind": "", "name": "nobody"}
ALL = "role,rolebinding,serviceaccount,service,networkpolicy,poddisruptionbudget,deployment"


@pytest.fixture
async def pipedream() -> AsyncIterator[Sandbox]:
    async with sandbox() as running:
        yield running


@pytest.fixture
def operated(namespace: Namespace, pipedream: Sandbox, tmp_path: Path) -> Iterator[Operated]:
    """An operator of one namespace, and a project."""
    values = f"operator.namespaces={{{namespace}}}"
    with charted_operator(namespace, tmp_path, values, scope=["--namespace", namespace.name]) as program:
        program.url("metrics", within=30)
        running = Operated(namespace, program)
        running.credentials()
        running.project(pipedream.api_url)
        yield running
        assert "orbidden" not in program.log


def made(namespace: Namespace) -> set[str]:
    """What the operator has made for runtimes."""
    selection = "app.kubernetes.io/managed-by=pipewise-operator,app.kubernetes.io/component=runtime"
    return {
        f"{each['kind']}/{each['metadata']['name']}" for each in namespace.items(ALL, "--selector", selection)
    }


def owners(namespace: Namespace) -> set[tuple[str, str]]:
    """Kind and name of the owners of what the operator has made for runtimes; NOBODY for what has none."""
    selection = "app.kubernetes.io/managed-by=pipewise-operator,app.kubernetes.io/component=runtime"
    return {
        (owner["kind"], owner["name"])
        for each in namespace.items(ALL, "--selector", selection)
        for owner in each["metadata"].get("ownerReferences", [NOBODY])
    }


def pod(name: str, account: str, **labels: str) -> dict[str, Any]:
    metadata = {"name": name, "labels": {f"mcp.pipewise.io/{key}": value for key, value in labels.items()}}
    spec = {"serviceAccountName": account, "containers": [{"name": "agent", "image": "agent"}]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def shards(namespace: Namespace) -> Mapping[str, int | None]:
    return {
        each["metadata"]["name"]: each.get("status", {}).get("shard")
        for each in namespace.items("agentmcpbindings")
    }


def placed(namespace: Namespace) -> list[int]:
    return sorted(shard for shard in shards(namespace).values() if shard is not None)


async def test_the_service_account_of_a_sidecar_has_its_rights_while_its_pods_run(operated: Operated) -> None:
    namespace = operated.namespace
    namespace.apply(
        pod("a", "agents", inject="true"), pod("b", "agents", runtime="sidecar"), pod("c", "stranger")
    )
    await eventually(
        lambda: made(namespace) == {"Role/pipewise-runtime", "RoleBinding/pipewise-runtime-agents"}
    )
    role = namespace.get("role", "pipewise-runtime")
    assert role["rules"][-1]["resourceNames"] == ["default-pipedream-token"]
    namespace.kubectl("delete", "pod", "a", "--force")
    namespace.apply(pod("d", "others", inject="true"))
    both = {f"RoleBinding/pipewise-runtime-{account}" for account in ("agents", "others")}
    await eventually(lambda: made(namespace) == {"Role/pipewise-runtime", *both})
    namespace.kubectl("delete", "pod", "b", "d", "--force")
    await eventually(lambda: made(namespace) == set())


async def test_a_second_projects_token_may_be_read_too_and_no_more_when_it_is_gone(
    operated: Operated,
) -> None:
    namespace = operated.namespace
    namespace.apply(pod("a", "agents", inject="true"))
    second = namespace.get("pipedreamproject", "default")["spec"]
    namespace.apply(
        {
            "apiVersion": API_VERSION,
            "kind": "PipedreamProject",
            "metadata": {"name": "second"},
            "spec": second,
        }
    )

    def readable() -> list[str]:
        role = namespace.get("role", "pipewise-runtime")
        return list(role["rules"][-1]["resourceNames"])

    both = ["default-pipedream-token", "second-pipedream-token"]
    await eventually(lambda: bool(made(namespace)) and readable() == both)
    namespace.kubectl("delete", "pipedreamproject", "second")
    await eventually(lambda: readable() == ["default-pipedream-token"])


async def test_managed_runtimes_come_grow_and_go_with_the_bindings(operated: Operated) -> None:
    namespace = operated.namespace
    for number in range(3):
        operated.binding(f"b{number}", f"user-{number}", placement="Managed")
    await eventually(lambda: placed(namespace) == [0, 0, 1], within=8)
    shared = {"Role", "RoleBinding", "ServiceAccount", "NetworkPolicy"}
    first, second = ({f"{kind}/pipewise-runtime-{n}" for kind in ("Service", "Deployment")} for n in (0, 1))
    await eventually(lambda: first | second <= made(namespace))
    assert {each.split("/")[0] for each in made(namespace) - first - second} == shared
    told = shards(namespace)
    (alone,) = [name for name, shard in told.items() if shard == 1]
    await eventually(lambda: operated.ready(alone) == ("False", "RuntimeUnavailable"))
    assert operated.status(alone)["endpoint"].startswith(f"http://pipewise-runtime-1.{namespace}.svc:8720/")

    namespace.kubectl("delete", "agentmcpbinding", alone)
    await eventually(lambda: not second & made(namespace))
    assert first <= made(namespace)
    assert shards(namespace) == {name: shard for name, shard in told.items() if name != alone}
    namespace.kubectl("delete", "agentmcpbinding", "--all")
    await eventually(lambda: made(namespace) == set())


async def test_a_managed_binding_is_ready_by_the_runtime_of_its_own_shard_only(
    operated: Operated, pipedream: Sandbox
) -> None:
    await pipedream.admin.add_account("user-42", "sendgrid")
    operated.runtime("other-shard")
    operated.report("other-shard", placement="Managed", shard=7)
    operated.binding(placement="Managed")
    await eventually(lambda: operated.ready() == ("False", "RuntimeUnavailable"))
    assert "pipewise-runtime-0" in operated.status()["conditions"][0]["message"]
    operated.runtime("right-shard")
    operated.report("right-shard", placement="Managed", shard=0)
    await eventually(lambda: operated.ready() == ("True", "Ready"))
    operated.binding(placement="Sidecar")
    await eventually(lambda: "shard" not in operated.status())


async def test_what_somebody_changes_or_deletes_is_put_right_and_nothing_else_is_written(
    operated: Operated,
) -> None:
    namespace = operated.namespace
    operated.binding(placement="Managed")
    await eventually(lambda: len(made(namespace)) == 6)
    everything = made(namespace)
    assert operated.program.terminate() == 0
    namespace.kubectl("delete", "service", "pipewise-runtime-0")
    disowned = '{"metadata": {"ownerReferences": null}}'
    namespace.kubectl("patch", "role", "pipewise-runtime", "--type=merge", f"--patch={disowned}")
    namespace.kubectl("scale", "deployment", "pipewise-runtime-0", "--replicas=5")
    before = len(operated.program.log)
    operated.program.start()
    await eventually(lambda: made(namespace) == everything, within=20)
    await eventually(lambda: namespace.get("deployment", "pipewise-runtime-0")["spec"]["replicas"] == 1)
    events = [json.loads(line) for line in operated.program.log[before:].splitlines()]
    applied = sorted(each["kind"] for each in events if each["event"] == "runtime's object applied")
    assert applied == ["Deployment", "Role", "Service"]
    assert owners(namespace) == {(POLICY, f"{namespace}-own-runtime")}


async def test_all_it_makes_is_owned_by_the_policy_so_that_it_goes_with_the_release(
    operated: Operated,
) -> None:
    namespace = operated.namespace
    namespace.apply(pod("a", "agents", inject="true"))
    operated.binding(placement="Managed")
    await eventually(lambda: len(made(namespace)) == 7)
    assert owners(namespace) == {(POLICY, f"{namespace}-own-runtime")}
    policy = json.loads(namespace.kubectl("get", POLICY, f"{namespace}-own-runtime", "-o", "json"))
    (owner,) = namespace.get("deployment", "pipewise-runtime-0")["metadata"]["ownerReferences"]
    assert owner["uid"] == policy["metadata"]["uid"]


async def test_without_its_owner_agents_are_served_all_the_same_and_the_log_tells(operated: Operated) -> None:
    namespace = operated.namespace
    assert operated.program.terminate() == 0
    namespace.kubectl("delete", POLICY, f"{namespace}-own-runtime")
    operated.program.start()
    operated.binding(placement="Managed")
    await eventually(lambda: len(made(namespace)) == 6, within=15)
    assert owners(namespace) == {("", "nobody")}
    assert "runtimes' objects will outlive the release" in operated.program.log


async def test_with_all_namespaces_the_operator_names_who_may_have_tokens_reviewed(
    namespace: Namespace, tmp_path: Path
) -> None:
    with charted_operator(namespace, tmp_path, scope=[]) as program:
        operated = Operated(namespace, program)
        operated.binding(placement="Managed")
        name = f"{namespace}-runtime-authentication"

        def subjects() -> list[str]:
            found = yaml.safe_load(namespace.kubectl("get", "clusterrolebinding", name, "-o", "yaml"))
            return [each["namespace"] for each in found.get("subjects") or []]

        await eventually(lambda: subjects() == [namespace.name], within=15)
        namespace.kubectl("delete", "agentmcpbinding", "b")
        await eventually(lambda: subjects() == [])
        await eventually(lambda: made(namespace) == set())
    assert "orbidden" not in program.log
