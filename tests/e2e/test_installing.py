"""Promise: one `helm install` and everything runs, within the restricted standard, and stays up."""

import pytest

from support.eventually import eventually_sync
from support.kind import Kind
from support.operating import condition
from support.release import NAMESPACE, Release
from support.timings import Timings

pytestmark = pytest.mark.e2e


def test_every_pod_is_ready_at_once_and_none_has_restarted(release: Release) -> None:
    pods = [pod for part in ("operator", "webhook", "sandbox") for pod in release.pods(part)]
    states = [state for pod in pods for state in pod["status"]["containerStatuses"]]
    assert len(states) >= 5
    assert all(state["ready"] for state in states)
    assert [state["name"] for state in states if state["restartCount"]] == []


def test_the_namespace_admits_restricted_pods_only(kind: Kind, release: Release) -> None:
    refused = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "root"},
        "spec": {"containers": [{"name": "root", "image": "pipewise-runtime:0"}]},
    }
    with pytest.raises(AssertionError, match="violates PodSecurity"):
        kind.apply(release.namespace, refused)


def test_the_sandboxs_project_is_ready(kind: Kind, release: Release) -> None:
    assert release

    def is_ready() -> bool:
        status = kind.get("pipedreamproject", "sandbox", NAMESPACE).get("status", {})
        return condition(status) == ("True", "Ready")

    eventually_sync(is_ready, within=30)


def test_helm_test_makes_a_real_call_and_leaves_nothing_behind(
    kind: Kind, release: Release, timings: Timings
) -> None:
    with timings.taking("helm test: a pod injected, bound and answered, and all of it gone again"):
        said = release.try_out()
    assert "google_calendar-list-events ran at the sandbox" in said
    made = kind.kubectl(
        *("get", "pods,serviceaccounts,agentmcpbindings", "-o", "name"),
        *("--selector", "app.kubernetes.io/component=test"),
        namespace=NAMESPACE,
    )
    assert made == ""
