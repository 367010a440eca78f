"""Rules that the API server checks by CEL, so that its refusals are sentences and not regular expressions."""

import re
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

_VALIDATIONS = "x-kubernetes-validations"


def with_rule(schema: dict[str, Any], rule: str, message: str) -> dict[str, Any]:
    """A JSON schema with one more CEL rule and the message that is shown when it does not hold."""
    return {**schema, _VALIDATIONS: [*schema.get(_VALIDATIONS, ()), {"rule": rule, "message": message}]}


class Matching:
    """The annotation of a text of a certain form: `Annotated[str, Matching(r"^a+$", "must be a row of a")]`.

    The pattern must mean the same in Python (ASCII mode) and in RE2, and hold no single quote.
    """

    def __init__(self, pattern: str, message: str) -> None:
        self._pattern, self._message = re.compile(pattern, re.ASCII), message

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._checked, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return with_rule(handler(schema), f"self.matches(r'{self._pattern.pattern}')", self._message)

    def _checked(self, value: str) -> str:
        if not self._pattern.fullmatch(value):
            raise ValueError(self._message)
        return value


class Immutable:
    """The annotation of a field that no update may change; only the API server sees both values."""

    def __init__(self, message: str) -> None:
        self._message = message

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return with_rule(handler(schema), "self == oldSelf", self._message)
