"""The demo's sample files are documentation: valid, and granting what the chart grants."""

from pathlib import Path
from typing import Any

import pytest
import yaml

import pipewise_cli.demo.stage
from pipewise_crds import API_VERSION, KINDS
from pipewise_operator.desired.identities import identities
from support.chart import objects
from support.cluster import Namespace

SAMPLES = Path(pipewise_cli.demo.stage.__file__).parent / "samples"
FILES = sorted(SAMPLES.glob("*.yaml"))


def in_file(name: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((SAMPLES / name).read_text()))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_kubectl_takes_a_sample_as_it_is(namespace: Namespace, file: Path) -> None:
    applied = namespace.kubectl("apply", "--dry-run=server", "-f", str(file))
    assert applied.count("created") == len(in_file(file.name))


def test_our_kinds_in_the_samples_are_what_their_models_read() -> None:
    models = {kind.name: kind.spec for kind in KINDS}
    specs = [each for file in FILES for each in in_file(file.name) if each["apiVersion"] == API_VERSION]
    assert len(specs) == 5
    for each in specs:
        known = models[each["kind"]].model_validate(each["spec"])
        said = known.model_dump(by_alias=True, exclude_unset=True)
        assert set(said) == set(each["spec"])


@pytest.mark.parametrize("program", ["operator", "runtime"])
def test_the_demos_programs_have_the_rights_the_chart_gives(program: str) -> None:
    chart = objects("operator.namespaces={demo}", "managed.enabled=false", namespace="demo")
    runtimes = identities("demo", ["agents"], ["default"])
    (granted,) = [
        each["rules"]
        for each in (*chart, *runtimes)
        if each["kind"] == "Role" and each["metadata"]["name"].endswith(f"-{program}")
    ]
    (ours,) = [
        each["rules"]
        for each in in_file("rights.yaml")
        if each["kind"] == "Role" and each["metadata"]["name"] == f"pipewise-{program}"
    ]
    assert ours == granted
