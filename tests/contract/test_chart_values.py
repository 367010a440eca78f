"""Every value of the chart does what it says, a misspelt one is refused by name, and the README lists all."""

import functools
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipewise_crds.binding import Service
from pipewise_operator.desired.managed_settings import ManagedSettings
from pipewise_operator.webhook.configuration import configuration
from pipewise_sandbox.admin_bodies import AccountBody
from pipewise_sandbox.settings import Settings
from support.chart import CHART, HelmError, manifest, named, objects

VALUES = yaml.safe_load((CHART / "values.yaml").read_text())
SCHEMA = yaml.safe_load((CHART / "values.schema.json").read_text())
CASES = yaml.safe_load((Path(__file__).parents[1] / "data" / "chart" / "values.yaml").read_text())


def leaves(node: Mapping[str, Any], path: str = "") -> Iterator[str]:
    """The paths of values: what is not a section, or is one that the schema leaves open."""
    for name, value in node.items():
        if (
            isinstance(value, dict)
            and isinstance(_schema_at(f"{path}{name}").get("properties"), dict)
            and value
        ):
            yield from leaves(value, f"{path}{name}.")
        else:
            yield f"{path}{name}"


def sections(node: Mapping[str, Any], path: str = "") -> Iterator[str]:
    """The paths of sections."""
    yield path.removesuffix(".")
    for name, value in node.items():
        if isinstance(value, dict) and "properties" in _schema_at(f"{path}{name}"):
            yield from sections(value, f"{path}{name}.")


def _schema_at(path: str) -> dict[str, Any]:
    node: dict[str, Any] = SCHEMA
    for name in path.split("."):
        node = node["properties"][name]
        while "$ref" in node:
            node = SCHEMA["definitions"][node["$ref"].rsplit("/", 1)[-1]]
    return node


@functools.cache
def rendered(*settings: str) -> Sequence[dict[str, Any]]:
    """The chart's objects with these settings."""
    return objects(*settings)


def seen(where: str, *settings: str) -> str:
    """All objects of a kind, and with a suffix of their names, as text; empty when there is none."""
    kind, _, suffix = where.partition(" ")
    return "\n".join(
        yaml.safe_dump(each, sort_keys=False) + "\n".join(each.get("data", {}).values())
        for each in rendered(*settings)
        if each["kind"] == kind and each["metadata"]["name"].endswith(suffix)
    )


def test_every_value_has_its_case() -> None:
    assert set(CASES) == set(leaves(VALUES))


@pytest.mark.parametrize("path", sorted(CASES))
def test_a_value_changes_what_it_says(path: str) -> None:
    case = CASES[path]
    given = [case["given"]] if "given" in case else []
    before, after = seen(case["in"], *given), seen(case["in"], *given, case["set"])
    if "reads" in case:
        assert case["reads"] not in before
        assert case["reads"] in after
    else:
        assert before
        assert not after


@pytest.mark.parametrize("section", sorted(sections(VALUES)), ids=lambda section: section or "top")
def test_a_misspelt_value_is_refused_with_its_name_and_its_place(section: str) -> None:
    with pytest.raises(HelmError) as refused:
        manifest(f"{section}.replcas=1" if section else "replcas=1")
    assert "'replcas' not allowed" in str(refused.value)
    assert f"at '{'/' + section.replace('.', '/') if section else ''}'" in str(refused.value)


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ("operator.replicas=two", "operator/replicas"),
        ("operator.replicas=0", "operator/replicas"),
        ("webhook.timeoutSeconds=1", "webhook/timeoutSeconds"),
        ("managed.runAsUser=0", "managed/runAsUser"),
        ("monitoring.podMonitor.interval=15", "monitoring/podMonitor/interval"),
        ("operator.resources.requests.cpu[0]=1", "operator/resources/requests/cpu"),
        (
            "profiles.coordinator[0].name=mail,profiles.coordinator[0].app=SendGrid",
            "profiles/coordinator/0/app",
        ),
        ("sandbox.accounts[0].user=ada", "sandbox/accounts/0"),
        ("projects.endpoints[0]=pipedream.com", "projects/endpoints/0"),
        ("projects.endpoints[0]=https://pipedream.com/", "projects/endpoints/0"),
        ("projects.endpoints[0]=https://x']+['y", "projects/endpoints/0"),
    ],
)
def test_a_wrong_value_is_refused_with_its_place(setting: str, told: str) -> None:
    with pytest.raises(HelmError, match=told):
        manifest(setting)


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ("managed.resources=null", "at '/managed': missing property 'resources'"),
        ("managed.nodeSelector=null", "at '/managed': missing property 'nodeSelector'"),
        ("operator.image=null", "at '/operator': missing property 'image'"),
        ("networkPolicy=null", "at '': missing property 'networkPolicy'"),
        ("webhook.apps.known=null", "at '/webhook/apps': missing property 'known'"),
    ],
)
def test_a_value_that_is_taken_away_is_refused_with_its_place(setting: str, told: str) -> None:
    with pytest.raises(HelmError, match=told):
        manifest(setting)


def test_only_values_that_mean_something_when_they_are_null_may_be() -> None:
    may_be_null = set()
    for section in set(sections(VALUES)) - set(CASES):
        node = _schema_at(section) if section else SCHEMA
        optional = set(node["properties"]) - set(node.get("required", []))
        may_be_null |= {f"{section}.{name}".removeprefix(".") for name in optional}
    amounts = {path for path in CASES if path.endswith((".resources.requests", ".resources.limits"))}
    users = {path for path in CASES if path.endswith("runAsUser")}
    assert may_be_null == amounts | users | {"global", "projects.endpoints"}


def test_containers_may_be_given_no_resources_at_all(tmp_path: Path) -> None:
    bare = [
        f"{part}.resources.{kind}=null" for part in ("managed", "sidecar") for kind in ("requests", "limits")
    ]
    found = objects(*bare)
    managed = yaml.safe_load(named(found, "ConfigMap", "-managed")["data"]["managed.yaml"])
    assert ManagedSettings.model_validate(managed).resources.model_dump() == {"requests": {}, "limits": {}}
    path = tmp_path / "webhook.yaml"
    path.write_text(named(found, "ConfigMap", "-webhook")["data"]["webhook.yaml"])
    settings, _ = configuration(path, None)
    assert (settings.requests, settings.limits) == ({}, {})


def test_the_schema_knows_the_fields_that_the_programs_know() -> None:
    for name, model in (("service", Service), ("sandboxAccount", AccountBody), ("sandboxSettings", Settings)):
        fields = model.model_json_schema(by_alias=True)["properties"]
        assert set(SCHEMA["definitions"][name]["properties"]) == set(fields), name


def test_the_readme_is_the_one_of_the_values_and_lists_each_with_its_meaning() -> None:
    done = subprocess.run(
        [sys.executable, CHART.parent / "readme.py", "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    rows = [line for line in (CHART / "README.md").read_text().splitlines() if line.startswith("| `")]
    listed = {row.split("`")[1]: row.rsplit("|", 2)[-2].strip() for row in rows}
    assert set(listed) == set(leaves(VALUES))
    named_alone = ("logLevel", "requests", "limits", "nodeSelector", "tolerations", "affinity")
    assert [path for path, text in listed.items() if not text and not path.endswith(named_alone)] == []
