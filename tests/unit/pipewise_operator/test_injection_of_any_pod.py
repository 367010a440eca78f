"""Injection of random pods: nothing that is not ours is touched, and a second time changes nothing."""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from pipewise_operator.injection import (
    AGENTS,
    NAME,
    PROFILES,
    RUNTIME_LABEL,
    URL_VARIABLE,
    Patch,
    Settings,
    patch,
)
from pipewise_operator.injection.drafting import covers
from support.injecting import RICH_SETTINGS, SETTINGS
from support.json_patch import patched

names = st.sampled_from(["a", "b", "web", "agents", "init", "x/y~z"])
texts = st.dictionaries(names, st.text(max_size=5), max_size=3)
variables = st.lists(
    st.fixed_dictionaries({"name": st.sampled_from(["A", "B", URL_VARIABLE]), "value": st.text(max_size=3)}),
    max_size=3,
    unique_by=lambda each: each["name"],
)
containers = st.fixed_dictionaries(
    {"name": names, "image": st.just("x")},
    optional={
        "env": st.none() | variables,
        "ports": st.lists(st.fixed_dictionaries({"containerPort": st.integers(1, 8719)}), max_size=2),
        "volumeMounts": st.just([{"name": "scratch", "mountPath": "/x"}]),
    },
)
named = st.lists(st.fixed_dictionaries({"name": names}), max_size=3, unique_by=lambda each: each["name"])


def rows(least: int) -> st.SearchStrategy[list[dict[str, Any]]]:
    return st.lists(containers, min_size=least, max_size=3, unique_by=lambda each: str(each["name"]))


pods = st.fixed_dictionaries(
    {
        "metadata": st.fixed_dictionaries(
            {"annotations": texts.map(lambda given: {**given, AGENTS: "coordinator"})},
            optional={"labels": st.none() | texts, "name": names},
        ),
        "spec": st.fixed_dictionaries(
            {"containers": rows(1)},
            optional={
                "initContainers": st.none() | rows(0),
                "volumes": st.none() | named,
                "imagePullSecrets": named,
                "nodeSelector": texts,
                "securityContext": st.just({"runAsUser": 0}),
            },
        ),
    }
)
settings_given = st.sampled_from([SETTINGS, RICH_SETTINGS])


def injected(pod: Mapping[str, Any], settings: Settings) -> dict[str, Any]:
    made = patch(pod, settings)
    assert isinstance(made, Patch)
    return patched(pod, made.operations)


def without_ours(pod: Mapping[str, Any], original: Mapping[str, Any]) -> dict[str, Any]:
    """The pod with everything taken away that injection may add."""
    left = deepcopy(dict(pod))
    left["metadata"].get("labels", {}).pop(RUNTIME_LABEL)
    left["metadata"]["annotations"].pop(PROFILES, None)
    spec, before = left["spec"], original["spec"]
    spec["initContainers"] = [each for each in spec["initContainers"] if each["name"] != NAME]
    spec["volumes"] = [each for each in spec["volumes"] if not each["name"].startswith("pipewise-")]
    secrets = before.get("imagePullSecrets", [])
    spec["imagePullSecrets"] = [each for each in spec.get("imagePullSecrets", []) if each in secrets]
    for kind in ("initContainers", "containers"):
        for each, was in zip(spec[kind], before.get(kind) or [], strict=True):
            each["env"] = [entry for entry in each["env"] if entry in (was.get("env") or [])]
    return left


def shape(value: Any) -> Any:  # noqa: ANN401 - JSON
    """JSON in which absent, null and empty are the same."""
    if isinstance(value, dict):
        return {key: shape(inner) for key, inner in value.items() if shape(inner) not in ({}, [], None)}
    return [shape(inner) for inner in value] if isinstance(value, list) else value


@given(pod=pods, settings=settings_given)
def test_a_second_injection_changes_nothing(pod: dict[str, Any], settings: Settings) -> None:
    made = patch(injected(pod, settings), settings)
    assert isinstance(made, Patch)
    assert made.operations == ()


@given(pod=pods, settings=settings_given)
def test_what_is_not_ours_stays_as_it_was(pod: dict[str, Any], settings: Settings) -> None:
    assert shape(without_ours(injected(pod, settings), pod)) == shape(pod)


@given(pod=pods, settings=settings_given)
def test_the_sidecar_comes_before_all_that_may_call_it(pod: dict[str, Any], settings: Settings) -> None:
    spec = injected(pod, settings)["spec"]
    assert spec["initContainers"][0]["name"] == NAME
    assert [each["name"] for each in spec["initContainers"] + spec["containers"]].count(NAME) == 1
    for each in spec["initContainers"][1:] + spec["containers"]:
        assert [entry["name"] for entry in each["env"]].count(URL_VARIABLE) == 1


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(0, 3) | st.sampled_from(["", "x"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["name", "k"]), inner),
    max_leaves=8,
)


@given(value=json_values)
def test_everything_covers_itself(value: Any) -> None:  # noqa: ANN401 - JSON
    assert covers(value, value)


@given(value=st.dictionaries(st.sampled_from(["name", "k"]), json_values), more=json_values)
def test_additions_are_covered_and_losses_are_not(value: dict[str, Any], more: Any) -> None:  # noqa: ANN401
    assert covers({**value, "added": more}, value)
    assert not covers(value, {**value, "added": more})
