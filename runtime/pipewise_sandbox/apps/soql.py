"""A small SOQL: ``SELECT fields FROM Object [WHERE a = 'x' AND b LIKE '%y%'] [LIMIT n]``.

What agents write to look a record up, for ``salesforce``; anything larger is refused as malformed.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

_QUERY = re.compile(
    r"^\s*SELECT\s+(?P<fields>.+?)\s+FROM\s+(?P<kind>\w+)"
    r"(?:\s+WHERE\s+(?P<where>.+?))?(?:\s+ORDER\s+BY\s+[\w., ]+?)?(?:\s+LIMIT\s+(?P<limit>\d+))?\s*;?\s*$",
    re.IGNORECASE | re.DOTALL,
)
_CONDITION = re.compile(
    r"^\s*(?P<field>\w+)\s*(?P<operator>!=|=|LIKE)\s*(?:'(?P<text>(?:[^'\\]|\\.)*)'|(?P<word>\w+))\s*$",
    re.IGNORECASE,
)


class MalformedQueryError(ValueError):
    """The query is none we can read."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One comparison of a WHERE clause."""

    field: str
    operator: str
    value: str

    def holds(self, record: dict[str, Any]) -> bool:
        """Whether a record meets it; text is compared without regard to case, as Salesforce does."""
        found = {name.casefold(): value for name, value in record.items()}.get(self.field.casefold())
        text = ("null" if found is None else str(found)).casefold()
        match self.operator:
            case "=":
                return text == self.value.casefold()
            case "!=":
                return text != self.value.casefold()
            case _:
                pattern = ".*".join(re.escape(part) for part in self.value.casefold().split("%"))
                return found is not None and re.fullmatch(pattern, text, re.DOTALL) is not None


@dataclass(frozen=True, slots=True)
class Query:
    """A parsed query."""

    fields: Sequence[str]
    kind: str
    conditions: Sequence[Condition]
    limit: int | None

    def over(self, records: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
        """The chosen fields of the records that meet every condition."""
        chosen = [
            record for record in records if all(condition.holds(record) for condition in self.conditions)
        ]
        return [self._projected(record) for record in chosen[: self.limit]]

    def _projected(self, record: dict[str, Any]) -> dict[str, Any]:
        by_name = {name.casefold(): value for name, value in record.items()}
        attributes = {"attributes": record.get("attributes", {"type": self.kind})}
        if any(field.upper().startswith("FIELDS(") for field in self.fields):
            return attributes | record
        return attributes | {field: by_name.get(field.casefold()) for field in self.fields}


def parsed(text: str) -> Query:
    """The query in a text.

    Raises:
        MalformedQueryError: The text is not a query of the supported form.
    """
    match = _QUERY.match(text)
    if match is None:
        raise MalformedQueryError(f"MALFORMED_QUERY: unexpected token in {text!r}")
    fields = [field.strip() for field in match["fields"].split(",")]
    clauses = re.split(r"\s+AND\s+", match["where"], flags=re.IGNORECASE) if match["where"] else []
    limit = int(match["limit"]) if match["limit"] else None
    return Query(fields, match["kind"], [_condition(clause) for clause in clauses], limit)


def _condition(clause: str) -> Condition:
    match = _CONDITION.match(clause)
    if match is None:
        raise MalformedQueryError(f"MALFORMED_QUERY: cannot read the condition {clause!r}")
    text = match["text"]
    value = match["word"] if text is None else re.sub(r"\\(.)", r"\1", text)
    return Condition(match["field"], match["operator"].upper(), value)
