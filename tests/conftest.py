"""Fixtures for all tests: a real API server with our CRDs, and a fresh namespace in it."""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from pipewise_cli.controlplane import ControlPlane, find_binaries, find_kubectl
from support.cluster import Cluster, Namespace

pytest_plugins = ["support.serving"]

settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")  # a busy machine is slow and nothing is wrong with that


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A Kubernetes API server for the whole run, with our CRDs installed."""
    with ControlPlane(find_binaries()) as plane:
        plane.install_definitions()
        yield Cluster(plane, find_kubectl())


@pytest.fixture
def namespace(cluster: Cluster) -> Iterator[Namespace]:
    """A fresh namespace; our objects in it are removed after the test."""
    fresh = Namespace(cluster)
    yield fresh
    fresh.clear()
