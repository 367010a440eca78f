"""Injection: a pod that asks gets one sidecar and keeps everything else, or hears why not."""

from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipewise_crds import Service
from pipewise_crds.profiles import profiles_from
from pipewise_operator.injection import (
    AGENTS,
    CPU_LIMIT,
    LOG_LEVEL,
    MEMORY_LIMIT,
    MEMORY_REQUEST,
    METRICS_PORT,
    PORT,
    PROFILES,
    Patch,
    Refusal,
    Settings,
    patch,
)
from pipewise_runtime.arguments import arguments_of
from pipewise_runtime.server.listening import Address
from support.injecting import CASES, RICH_SETTINGS, SETTINGS, pod_of
from support.json_patch import patched


def pod(**annotations: str) -> dict[str, Any]:
    return {
        "metadata": {"annotations": {AGENTS: "coordinator", **annotations}},
        "spec": {"containers": [{"name": "agents", "image": "x"}]},
    }


def injected(given: dict[str, Any], settings: Settings = SETTINGS) -> dict[str, Any]:
    made = patch(given, settings)
    assert isinstance(made, Patch), made
    return patched(given, made.operations)


def problems(given: dict[str, Any], settings: Settings = SETTINGS) -> tuple[str, ...]:
    made = patch(given, settings)
    assert isinstance(made, Refusal), made
    return made.problems


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_each_sample_pod_becomes_what_its_golden_file_says(case: Path) -> None:
    given = pod_of(case)
    made = patch(given, SETTINGS)
    if isinstance(made, Refusal):
        assert (case / "refused.txt").read_text().splitlines() == list(made.problems)
    else:
        assert yaml.safe_load((case / "patched.yaml").read_text()) == patched(given, made.operations)
        # An API server may cut longer ones.
        assert all(len(warning.encode()) <= 256 for warning in made.warnings)
        told = case / "warnings.txt"
        assert list(made.warnings) == (told.read_text().splitlines() if told.exists() else [])


@pytest.mark.parametrize("settings", [SETTINGS, RICH_SETTINGS], ids=["plain", "rich"])
@pytest.mark.parametrize("case", [c for c in CASES if (c / "patched.yaml").exists()], ids=lambda c: c.name)
def test_a_pod_that_has_its_sidecar_is_left_alone(case: Path, settings: Settings) -> None:
    made = patch(injected(pod_of(case), settings), settings)
    assert isinstance(made, Patch)
    assert made.operations == ()


def test_the_api_servers_defaults_and_others_additions_are_left_alone() -> None:
    once = injected(pod())
    (sidecar,) = once["spec"]["initContainers"]
    sidecar["terminationMessagePath"] = "/dev/termination-log"
    sidecar["env"].append({"name": "HTTPS_PROXY", "value": "http://proxy:3128"})
    sidecar["livenessProbe"]["successThreshold"] = 1
    made = patch(once, SETTINGS)
    assert isinstance(made, Patch)
    assert made.operations == ()


def test_a_pod_copied_from_an_older_installation_gets_the_present_sidecar_in_the_same_place() -> None:
    copied = injected(pod())
    copied["spec"]["initContainers"].insert(0, {"name": "first", "image": "x"})
    renewed = injected(copied, replace(SETTINGS, image="runtime:next"))
    assert [each["name"] for each in renewed["spec"]["initContainers"]] == ["first", "pipewise-runtime"]
    assert renewed["spec"]["initContainers"][1]["image"] == "runtime:next"


def test_the_pod_given_is_not_changed() -> None:
    given = pod()
    before = deepcopy(given)
    patch(given, SETTINGS)
    assert given == before


def test_profiles_reach_the_sidecar_with_the_pod_and_only_those_of_its_agents() -> None:
    once = injected(pod(), RICH_SETTINGS)
    assert yaml.safe_load(once["metadata"]["annotations"][PROFILES]) == {
        "coordinator": [{"name": "mail", "app": "sendgrid"}]
    }
    (sidecar,) = once["spec"]["initContainers"]
    assert "--profiles=/etc/pipewise/profiles.yaml" in sidecar["args"]
    forged = injected(pod(**{PROFILES: "{}"}), RICH_SETTINGS)
    assert forged["metadata"]["annotations"][PROFILES] == once["metadata"]["annotations"][PROFILES]


def test_without_a_user_of_the_installations_choice_the_sidecar_still_may_not_be_root() -> None:
    (sidecar,) = injected(pod(), RICH_SETTINGS)["spec"]["initContainers"]
    assert "runAsUser" not in sidecar["securityContext"]
    assert sidecar["securityContext"]["runAsNonRoot"] is True


def test_the_runtime_understands_what_the_sidecar_tells_it(tmp_path: Path) -> None:
    given = pod(**{AGENTS: "coordinator, meeting-scheduler", PORT: "9000", LOG_LEVEL: "debug"})
    once = injected(given, RICH_SETTINGS)
    (sidecar,) = once["spec"]["initContainers"]
    profiles = tmp_path / "profiles.yaml"
    profiles.write_text(once["metadata"]["annotations"][PROFILES])
    told = [each.replace("/etc/pipewise/profiles.yaml", str(profiles)) for each in sidecar["args"]]
    names = {each["name"]: "x" for each in sidecar["env"]}
    understood = arguments_of(told, names)
    assert (understood.listen, understood.metrics) == (Address("127.0.0.1", 9000), Address("0.0.0.0", 8721))  # noqa: S104 - compared, not bound
    assert understood.agents == {"coordinator", "meeting-scheduler"}
    assert (understood.placement, understood.log_level) == ("Sidecar", "debug")
    assert (understood.name, understood.namespace, understood.pod_uid) == ("x", "x", "x")
    assert profiles_from(understood.profiles) == {"coordinator": (Service(name="mail", app="sendgrid"),)}


def test_pull_secrets_are_added_once() -> None:
    given = pod()
    given["spec"]["imagePullSecrets"] = [{"name": "mine"}, {"name": "registry"}]
    assert injected(given, RICH_SETTINGS)["spec"]["imagePullSecrets"] == given["spec"]["imagePullSecrets"]
    assert injected(pod(), RICH_SETTINGS)["spec"]["imagePullSecrets"] == [{"name": "registry"}]


@pytest.mark.parametrize(
    ("annotation", "value", "form"),
    [
        (AGENTS, "", "separated by commas"),
        (AGENTS, "coordinator,", "separated by commas"),
        (AGENTS, "Coordinator", "lower-case"),
        (AGENTS, "a" * 64, "lower-case"),
        (AGENTS, ",".join(f"a{n}" for n in range(65)), "lower-case"),
        (AGENTS, "coordinatör", "lower-case"),
        (PORT, "80", "a port from 1024 to 65535"),
        (PORT, "65536", "a port from 1024 to 65535"),
        (METRICS_PORT, "http", "a port from 1024 to 65535"),
        (METRICS_PORT, "٨٧٢١", "a port from 1024 to 65535"),
        (LOG_LEVEL, "trace", "one of debug, info, warning, error"),
        (CPU_LIMIT, "lots", "such as 100m or 0.5"),
        (CPU_LIMIT, "0", "such as 100m or 0.5"),
        (MEMORY_LIMIT, "128m", "such as 128Mi"),
        (MEMORY_LIMIT, "128 Mi", "such as 128Mi"),
        (MEMORY_LIMIT, "-1Gi", "such as 128Mi"),
    ],
)
def test_a_wrong_value_is_told_with_its_annotation_and_the_form_expected(
    annotation: str, value: str, form: str
) -> None:
    (problem,) = problems(pod(**{annotation: value}))
    assert annotation in problem
    assert value[:60] in problem
    assert form in problem


def test_every_wrong_value_is_told_at_once() -> None:
    assert len(problems(pod(**{PORT: "0", LOG_LEVEL: "loud", AGENTS: "?"}))) == 3


def test_a_request_above_the_limit_is_told_before_the_api_server_does() -> None:
    (problem,) = problems(pod(**{MEMORY_REQUEST: "1Gi"}))
    assert "1Gi is above its limit 256Mi" in problem
    assert MEMORY_LIMIT in problem
    injected(pod(**{MEMORY_REQUEST: "1Gi", MEMORY_LIMIT: "1024Mi"}))


def test_two_equal_ports_are_refused() -> None:
    (problem,) = problems(pod(**{PORT: "9000", METRICS_PORT: "9000"}))
    assert "two ports" in problem


def test_a_container_may_not_bear_the_sidecars_name() -> None:
    given = pod()
    given["spec"]["containers"][0]["name"] = "pipewise-runtime"
    assert "rename" in problems(given)[0]


@pytest.mark.parametrize("place", ["containers", "initContainers"])
def test_whoever_else_may_use_the_token_that_a_runtimes_rights_come_with_is_named(place: str) -> None:
    given = pod()
    path = "/var/run/secrets/kubernetes.io/serviceaccount/"
    reader = {"name": "reader", "image": "x", "volumeMounts": [{"name": "token", "mountPath": path}]}
    given["spec"][place] = [*given["spec"].get(place, []), reader]
    made = patch(given, SETTINGS)
    assert isinstance(made, Patch)
    (warning,) = made.warnings
    assert warning.startswith('container "reader" may use the ServiceAccount\'s token')
    assert "automountServiceAccountToken: false" in warning
