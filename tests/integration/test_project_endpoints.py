"""Where projects may send what is secret: a project's author need not be one who may read Secrets.

The policy is the chart's, on the real API server; `test_without_the_policy` shows what it holds back.
"""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from pipewise_crds import API_VERSION
from support.chart import policy
from support.cluster import Cluster, KubectlError, Namespace
from support.eventually import eventually_sync

API, MCP = "https://api.pipedream.com/v1", "https://remote.mcp.pipedream.net/v3"
FOREIGN = "https://collector.example/v1"
LOOK_ALIKES = (
    FOREIGN,
    "http://api.pipedream.com/v1",
    "https://api.pipedream.com.collector.example/v1",
    "https://api.pipedream.com@collector.example/v1",
    "https://api.pipedream.com:8443/v1",
)
REFUSAL = r"spec\.endpoints: {} is not below one of .*https://api\.pipedream\.com.*projects\.endpoints"


def project(name: str = "p", api: str = API, mcp: str = MCP) -> dict[str, Any]:
    return {
        "apiVersion": API_VERSION,
        "kind": "PipedreamProject",
        "metadata": {"name": name},
        "spec": {
            "projectID": "proj_1",
            "environment": "production",
            "credentialsSecretRef": {"name": "database-password"},
            "endpoints": {"api": api, "mcp": mcp},
        },
    }


def is_in_force(cluster: Cluster) -> bool:
    """Whether a project with a foreign endpoint is refused; nothing is kept of it."""
    body = json.dumps(project(api=FOREIGN))
    try:
        cluster.kubectl("create", "--dry-run=server", "-f", "-", stdin=body, namespace="default")
    except KubectlError as error:
        return "spec.endpoints" in str(error)
    return False


@contextmanager
def enforcing(cluster: Cluster, *values: str) -> Iterator[None]:
    """The chart's policy with these values, in force."""
    found = policy("-project-endpoints", *values)
    for each in found:
        cluster.kubectl("apply", "-f", "-", stdin=json.dumps(each))
    eventually_sync(lambda: is_in_force(cluster), within=20)
    yield
    for each in reversed(found):
        cluster.kubectl("delete", each["kind"], each["metadata"]["name"])
    eventually_sync(lambda: not is_in_force(cluster), within=20)


@pytest.fixture
def enforced(namespace: Namespace) -> Iterator[Namespace]:
    """A namespace of a cluster with the chart's policy in force."""
    with enforcing(namespace.cluster):
        yield namespace


def test_without_the_policy_secrets_can_be_sent_anywhere(namespace: Namespace) -> None:
    namespace.apply(project(api=FOREIGN))
    assert namespace.get("pipedreamproject", "p")["spec"]["endpoints"]["api"] == FOREIGN


def test_pipedreams_own_addresses_are_allowed_named_or_not(enforced: Namespace) -> None:
    silent = project("silent")
    del silent["spec"]["endpoints"]
    enforced.apply(project(), silent)


def test_no_other_address_is_however_much_it_looks_like_one(enforced: Namespace) -> None:
    for url in LOOK_ALIKES:
        for endpoint in ("api", "mcp"):
            with pytest.raises(KubectlError, match=REFUSAL.format(re.escape(url))):
                enforced.apply(project(**{endpoint: url}))


def test_a_project_cannot_be_led_astray_later(enforced: Namespace) -> None:
    enforced.apply(project())
    with pytest.raises(KubectlError, match="is not below one of"):
        enforced.apply(project(mcp=FOREIGN))
    assert enforced.get("pipedreamproject", "p")["spec"]["endpoints"]["mcp"] == MCP


def test_a_project_older_than_the_policy_can_be_changed_otherwise_and_deleted(namespace: Namespace) -> None:
    namespace.apply(project(api=FOREIGN))
    with enforcing(namespace.cluster):
        namespace.kubectl("label", "pipedreamproject", "p", "team=sales")
        namespace.kubectl("delete", "pipedreamproject", "p")


def test_the_sandbox_and_what_the_values_name_are_allowed(namespace: Namespace) -> None:
    sandbox, proxy = "http://demo-pipewise-mcp-sandbox.pipewise.svc:8790", "http://proxy.corp:8080/pd"
    with enforcing(namespace.cluster, "sandbox.enabled=true", f"projects.endpoints={{{proxy}}}"):
        namespace.apply(project("s", f"{sandbox}/v1", f"{sandbox}/v3"))
        namespace.apply(project("c", f"{proxy}/v1", proxy))
        for other in (f"{proxy}x", API):
            with pytest.raises(KubectlError, match=f"{other} is not below one of {proxy}, {sandbox};"):
                namespace.apply(project("x", other, proxy))


def test_only_namespaces_that_the_release_looks_after_are_confined(namespace: Namespace) -> None:
    with enforcing(namespace.cluster, "operator.namespaces={default}"):
        namespace.apply(project(api=FOREIGN))
