"""Every right the chart grants the operator is one that it uses, as the API server's audit log shows."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from support.chart import named, objects
from support.charted import charted_operator
from support.cluster import Namespace
from support.eventually import eventually
from support.operating import Operated
from support.sandbox import sandbox

Right = tuple[str, str]
READING = ("get", "list", "watch")
HELD = {
    # Nobody can grant what he may not do himself, and runtimes register and report.
    ("mcpruntimes", "create"),
    ("mcpruntimes/status", "patch"),
    # Asked for beside the binding of it that is patched.
    ("clusterroles", "bind"),
    # An apply that makes the object, which the log tells as a patch; it is never deleted.
    ("secrets", "create"),
}
READ = {
    *((kind, verb) for kind in ("agentmcpbindings", "mcpruntimes", "pipedreamprojects") for verb in READING),
    *(("pods", verb) for verb in READING),
    ("secrets", "get"),
    ("clusterrolebindings", "get"),
    ("validatingadmissionpolicies", "get"),
    ("customresourcedefinitions", "list"),
    ("customresourcedefinitions", "watch"),
}


def granted() -> set[Right]:
    """What the operator's ClusterRole says."""
    rules = named(objects(), "ClusterRole", "-operator")["rules"]
    return {(kind, verb) for rule in rules for kind in rule["resources"] for verb in rule["verbs"]}


def written(namespace: Namespace) -> set[Right]:
    """What the operator of a release has written successfully, but for its Lease."""
    user = f"system:serviceaccount:{namespace}:{namespace}-operator"
    with namespace.cluster.plane.audit_log.open() as log:
        noted: Iterable[Mapping[str, Any]] = [json.loads(line) for line in log if user in line]
    return {
        (_kind(each["objectRef"]), each["verb"])
        for each in noted
        if each["user"]["username"] == user
        and each["responseStatus"]["code"] < 300
        and each["objectRef"]["resource"] != "leases"
    }


def _kind(reference: Mapping[str, Any]) -> str:
    subresource = reference.get("subresource")
    return f"{reference['resource']}/{subresource}" if subresource else str(reference["resource"])


async def test_the_operator_uses_each_right_to_write_that_it_has(
    namespace: Namespace, tmp_path: Path
) -> None:
    values = "managed.replicas=2"
    async with sandbox() as pipedream:
        with charted_operator(namespace, tmp_path, values, scope=[]) as program:
            operated = Operated(namespace, program)
            operated.credentials()
            operated.project(pipedream.api_url)
            operated.binding(placement="Managed")
            await eventually(lambda: operated.ready() == ("False", "RuntimeUnavailable"), within=60)
            operated.runtime()
            keeps_to = [{"project": "default", "runsAllowed": 1}]
            operated.report(placement="Managed", shard=0, projects=keeps_to)
            await eventually(lambda: ("mcpruntimes", "patch") in written(namespace), within=30)
            await eventually(lambda: ("poddisruptionbudgets", "patch") in written(namespace), within=30)
            namespace.kubectl("delete", "agentmcpbinding", "b")
            deletes = {right for right in granted() if right[1] == "delete"}
            await eventually(lambda: deletes <= written(namespace), within=30)
    done = written(namespace)
    made = {(kind, "create") for kind, verb in done if verb == "delete"}
    assert {right for right in granted() if right[1] not in READING} == done | made | HELD


def test_the_operator_may_read_what_it_reads_and_list_no_more() -> None:
    # Whatever the operator makes it lists, and deletes.
    listed = {(kind, "list") for kind, verb in granted() if verb == "delete"}
    assert {right for right in granted() if right[1] in READING} == READ | listed
