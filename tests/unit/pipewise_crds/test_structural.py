"""Schemas as Kubernetes demands them."""

from datetime import timedelta
from typing import Annotated, Any, Literal

import pytest
from pydantic import Field

from pipewise_crds import KINDS, Kind
from pipewise_crds.durations import Between
from pipewise_crds.model import Model
from pipewise_crds.rules import Immutable, Matching
from pipewise_crds.structural import structural_schema

REFUSED = {
    "$ref",
    "$defs",
    "anyOf",
    "oneOf",
    "title",
    "const",
    "pattern",
    "exclusiveMinimum",
    "discriminator",
}


class Inner(Model):
    """An inner value."""

    wait_time: Annotated[timedelta, Between("1s", "10m")] = timedelta(seconds=30)
    note: str | None = None


class Outer(Model):
    """An outer value."""

    kind: Literal["only"] = "only"
    inner: Inner = Inner()
    labels: dict[str, str] = Field(default={})
    many: list[Inner] = Field(default=[], max_length=3)


class Looping(Model):
    """A value within itself."""

    next: "Looping | None" = None


class Either(Model):
    """A value of two types."""

    value: int | str


class Fixed(Model):
    """A value with two rules."""

    name: Annotated[str, Matching(r"^a+$", "must be a row of a"), Immutable("name is immutable")]


def keys(value: object) -> set[str]:
    if isinstance(value, dict):
        return set(value).union(*(keys(inner) for inner in value.values()))
    if isinstance(value, list):
        return set().union(*(keys(inner) for inner in value))
    return set()


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.plural)
def test_no_schema_holds_what_kubernetes_refuses(kind: Kind) -> None:
    for model in (kind.spec, kind.status):
        assert not keys(structural_schema(model)) & REFUSED


def test_references_are_written_out_and_names_are_camel_case() -> None:
    inner = structural_schema(Outer)["properties"]["inner"]
    assert set(inner["properties"]) == {"waitTime", "note"}
    assert structural_schema(Outer)["properties"]["many"]["items"]["properties"] == inner["properties"]


def test_defaults_are_written_as_the_api_server_reads_them() -> None:
    properties = structural_schema(Outer)["properties"]
    assert properties["inner"]["default"] == {"waitTime": "30s"}
    assert properties["inner"]["properties"]["waitTime"]["default"] == "30s"


def test_an_optional_field_is_simply_not_required() -> None:
    note = structural_schema(Inner)["properties"]["note"]
    assert note == {"type": "string"}
    assert "required" not in structural_schema(Inner)


def test_a_constant_is_an_enumeration_of_one() -> None:
    assert structural_schema(Outer)["properties"]["kind"]["enum"] == ["only"]


def test_a_map_keeps_the_schema_of_its_values() -> None:
    assert structural_schema(Outer)["properties"]["labels"]["additionalProperties"] == {"type": "string"}


def test_recursion_is_refused() -> None:
    with pytest.raises(ValueError, match="Looping refers to itself"):
        structural_schema(Looping)


def test_a_union_of_types_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot say the union"):
        structural_schema(Either)


def test_rules_of_one_field_add_up() -> None:
    rules: list[dict[str, Any]] = structural_schema(Fixed)["properties"]["name"]["x-kubernetes-validations"]
    assert rules == [
        {"rule": "self.matches(r'^a+$')", "message": "must be a row of a"},
        {"rule": "self == oldSelf", "message": "name is immutable"},
    ]
