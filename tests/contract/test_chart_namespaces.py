"""A release that looks after some namespaces only: it makes and proposes nothing where nobody looks."""

import json
import os
import re
from collections.abc import Sequence

import pytest

from support.chart import CHART, EVERYTHING, HelmError, helm, manifest, tried
from support.cluster import Cluster


def notes(cluster: Cluster, *values: str) -> str:
    """What helm would tell after an install in the namespace `pipewise`."""
    settings = [f"--set={value}" for value in ("crds.install=false", *values)]
    where = ("install", "proposed", CHART, "--namespace", "pipewise", "--dry-run=client", "--output=json")
    environment = {**os.environ, "KUBECONFIG": str(cluster.kubeconfig)}
    found: str = json.loads(helm(*where, *settings, environment=environment))["info"]["notes"]
    return found


@pytest.mark.parametrize(
    ("values", "namespaces"),
    [
        ((), {"pipewise"}),
        (("operator.namespaces={sales,pipewise}",), {"pipewise"}),
        (("operator.namespaces={sales,ops}",), {"sales"}),
        (("operator.namespaces={sales,pipewise}", "sandbox.enabled=true"), {"pipewise"}),
    ],
)
def test_the_notes_propose_objects_where_the_operator_looks(
    cluster: Cluster, values: Sequence[str], namespaces: set[str]
) -> None:
    commands = re.findall(r"(?:kubectl|helm) -n (\S+)", notes(cluster, *values))
    assert len(commands) >= 2
    assert set(commands) == namespaces


def test_a_sandbox_that_nobody_would_look_at_is_refused() -> None:
    with pytest.raises(HelmError, match=r"add pipewise to operator\.namespaces"):
        manifest("operator.namespaces={sales,ops}", "sandbox.enabled=true")


def test_a_sandbox_among_the_namespaces_can_be_tried() -> None:
    assert tried("operator.namespaces={sales,pipewise}", *EVERYTHING)
