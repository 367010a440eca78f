"""Durations as Kubernetes users write them ("30s", "5m"), with the same bounds in Python and in CEL."""

import re
from datetime import timedelta
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

from .rules import with_rule

_UNIT_SECONDS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|h|m|s)")
PATTERN = r"^([0-9]{1,6}(\.[0-9]{1,6})?(ms|s|m|h))+$"
"""At most six digits a number, so that twenty characters always fit what CEL can hold."""

MAX_LENGTH = 20


def parse(text: str) -> timedelta:
    """Read a duration such as "1m30s".

    Raises:
        ValueError: the text is not a sequence of numbers with the units h, m, s or ms.
    """
    if len(text) > MAX_LENGTH or not re.fullmatch(PATTERN, text):
        message = f'"{text}" is not a duration; write it as 30s, 5m or 1h30m'
        raise ValueError(message)
    return timedelta(seconds=sum(float(number) * _UNIT_SECONDS[unit] for number, unit in _PART.findall(text)))


def text_of(duration: timedelta) -> str:
    """Write a duration in its largest whole unit: 300 s is "5m"."""
    milliseconds = round(duration.total_seconds() * 1000)
    for unit, size in (("h", 3_600_000), ("m", 60_000), ("s", 1_000)):
        if milliseconds % size == 0 and milliseconds >= size:
            return f"{milliseconds // size}{unit}"
    return f"{milliseconds}ms" if milliseconds else "0s"


class Between:
    """The annotation of a duration field: `Annotated[timedelta, Between("1s", "10m")]`."""

    def __init__(self, least: str, most: str) -> None:
        self._least, self._most = least, most
        self._message = f"must be a duration from {least} to {most}, written as 500ms, 30s, 5m or 1h30m"

    def __get_pydantic_core_schema__(self, _source: object, _handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            self._read,
            serialization=core_schema.plain_serializer_function_ser_schema(
                text_of, return_schema=core_schema.str_schema()
            ),
        )

    def __get_pydantic_json_schema__(
        self, _schema: CoreSchema, _handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        bounds = f"duration(self) >= duration('{self._least}') && duration(self) <= duration('{self._most}')"
        return with_rule(
            {"type": "string", "maxLength": MAX_LENGTH},
            f"self.matches(r'{PATTERN}') && {bounds}",
            self._message,
        )

    def _read(self, value: object) -> timedelta:
        if isinstance(value, str):
            value = parse(value)
        if not isinstance(value, timedelta):
            raise ValueError(self._message)  # noqa: TRY004 - pydantic turns only ValueError into a validation error
        if not parse(self._least) <= value <= parse(self._most):
            raise ValueError(self._message)
        return value
