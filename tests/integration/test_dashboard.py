"""The dashboard: the shipped file is the generated one, and each panel shows something of real programs."""

import json
import re
from pathlib import Path

import pytest

from pipewise_operator.dashboard import FILE_NAME, PANELS, document, main
from support.admitting import admitting
from support.chart import CHART
from support.cluster import Namespace
from support.deployed import binding_manifest, deployed
from support.eventually import eventually_sync
from support.programs import Program
from support.prometheus import Prometheus


def test_every_panel_has_series_with_the_labels_of_its_legend(namespace: Namespace, tmp_path: Path) -> None:
    with deployed(namespace, tmp_path) as stage, admitting(namespace, tmp_path / "webhook") as webhook:
        stage.connect(["ada"], "sendgrid", "twitter")
        namespace.apply(binding_manifest("b", "ada"))
        eventually_sync(lambda: stage.ready() == {"b": ("True", "Ready")}, within=15)
        programs = {"operator": stage.operator, "runtime": stage.runtime, "webhook": webhook.program}
        targets = {job: address(program) for job, program in programs.items()}
        with Prometheus(tmp_path, targets, namespace=namespace.name) as prometheus:
            for panel in PANELS:
                expression = panel.expression.replace("$namespace", ".*")
                series = eventually_sync(
                    lambda expression=expression: prometheus.series(expression),  # type: ignore[misc]
                    within=15,
                )
                wanted = set(re.findall(r"\{\{(\w+)\}\}", panel.legend))
                assert all(wanted == set(labels) for labels in series), (panel.title, series)


def address(program: Program) -> str:
    return program.url("metrics").removeprefix("http://")


def test_the_shipped_file_is_the_generated_one_and_check_tells_when_it_is_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(CHART / "files"), "--check"]) == 0
    assert main([str(tmp_path), "--check"]) == 1
    assert f"{tmp_path / FILE_NAME} is out of date: run `make generate`" in capsys.readouterr().err
    assert main([str(tmp_path)]) == 0
    assert (tmp_path / FILE_NAME).read_text() == document()


def test_panels_do_not_lie_over_each_other() -> None:
    places = [panel["gridPos"] for panel in json.loads(document())["panels"]]
    corners = [(place["x"], place["y"]) for place in places]
    assert len(corners) == len(set(corners)) == len(PANELS)
    assert all(place["x"] + place["w"] <= 24 for place in places)
