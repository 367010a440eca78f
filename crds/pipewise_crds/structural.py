"""From a pydantic model's JSON schema to the structural schema that Kubernetes demands of a CRD."""

from datetime import timedelta
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema

from .durations import text_of

_DROPPED = ("title", "additionalProperties", "discriminator")


class _Generator(GenerateJsonSchema):
    """Writes defaults as the API server must read them: durations as text, no nulls."""

    def encode_default(self, dft: Any) -> Any:  # noqa: ANN401 - the overridden signature
        if isinstance(dft, timedelta):
            return text_of(dft)
        if isinstance(dft, BaseModel):
            return dft.model_dump(mode="json", by_alias=True, exclude_none=True)
        return super().encode_default(dft)


def structural_schema(model: type[BaseModel]) -> dict[str, Any]:
    """The OpenAPI v3 schema of a model, inlined and without what Kubernetes refuses.

    Raises:
        ValueError: the model uses recursion or a union that a structural schema cannot say.
    """
    schema = model.model_json_schema(by_alias=True, mode="validation", schema_generator=_Generator)
    definitions = schema.pop("$defs", {})
    return _inlined(schema, definitions, ())


def _inlined(schema: dict[str, Any], definitions: dict[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
    schema = dict(schema)
    if reference := schema.pop("$ref", None):
        name = reference.rsplit("/", 1)[-1]
        if name in path:
            message = f"{name} refers to itself, which a structural schema cannot say"
            raise ValueError(message)
        return _inlined({**definitions[name], **schema}, definitions, (*path, name))
    if options := schema.pop("anyOf", None):
        schema = _without_null(options, schema)
        return _inlined(schema, definitions, path)
    if schema.get("additionalProperties") not in (None, False, True):
        schema = {**schema, "x-map-of": _inlined(schema["additionalProperties"], definitions, path)}
    for key in _DROPPED:
        schema.pop(key, None)
    if "x-map-of" in schema:
        schema["additionalProperties"] = schema.pop("x-map-of")
    if "const" in schema:
        schema["enum"] = [schema.pop("const")]
    if "properties" in schema:
        schema["properties"] = {
            name: _inlined(inner, definitions, path) for name, inner in schema["properties"].items()
        }
    if "items" in schema:
        schema["items"] = _inlined(schema["items"], definitions, path)
    return schema


def _without_null(options: list[dict[str, Any]], schema: dict[str, Any]) -> dict[str, Any]:
    """Turn `X | None` into X; an optional field is simply not required."""
    real = [option for option in options if option.get("type") != "null"]
    if len(real) != 1:
        message = f"a structural schema cannot say the union {options}"
        raise ValueError(message)
    rest = {key: value for key, value in schema.items() if key != "default" or value is not None}
    return {**real[0], **rest}
