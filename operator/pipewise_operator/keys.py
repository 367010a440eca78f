"""How observed objects are named inside this program."""

from typing import Any, NamedTuple


class Key(NamedTuple):
    """An object of a known kind: its namespace and name."""

    namespace: str
    name: str

    @classmethod
    def of(cls, body: dict[str, Any]) -> "Key":
        """The key of an object as the API server shows it."""
        return cls(body["metadata"]["namespace"], body["metadata"]["name"])
