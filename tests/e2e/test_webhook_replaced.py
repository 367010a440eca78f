"""Promise: while the webhook's replicas are replaced, every pod that asks for a sidecar gets it."""

import time

import pytest

from support.agent_pods import asking_pod
from support.kind import ClusterError, Kind
from support.release import AGENTS, NAME, NAMESPACE, Release
from support.timings import Timings

pytestmark = pytest.mark.e2e

WITHIN_SECONDS = 120


def test_no_pod_is_refused_while_the_replicas_are_replaced(
    kind: Kind, release: Release, timings: Timings
) -> None:
    before = lives(release)
    deployment = f"deployment/{NAME}-webhook"
    kind.kubectl("rollout", "restart", deployment, namespace=NAMESPACE)
    asked, refused, longest = 0, [], 0.0
    ends = time.monotonic() + WITHIN_SECONDS
    while lives(release) & before:
        assert time.monotonic() < ends, "the replicas were not replaced in time"
        began = time.monotonic()
        try:
            pod = kind.admitted(AGENTS, asking_pod("asked", "agent:1"))
            assert pod["spec"]["initContainers"][0]["name"] == "pipewise-runtime"
        except ClusterError as error:
            refused.append(str(error))
        asked, longest = asked + 1, max(longest, time.monotonic() - began)
    assert asked > 5
    assert refused == []
    timings.seconds["webhook replaced: the longest admission meanwhile, with kubectl"] = longest


def lives(release: Release) -> set[str]:
    """The webhook's pods that are there, on their way out or not."""
    selector = "app.kubernetes.io/component=webhook"
    return {pod["metadata"]["uid"] for pod in release.cluster.items("pods", NAMESPACE, selector)}
