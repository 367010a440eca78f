"""The sandbox's admin API, as the demo uses it: accounts, faults, and the ledger of what really happened."""

from collections.abc import Mapping, Sequence
from typing import Any

import httpx2

_TIMEOUT_SECONDS = 10.0


class Sandbox:
    """A running sandbox, to turn and to question.

    Args:
        url: its base URL.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._client = httpx2.Client(base_url=f"{url}/admin", timeout=_TIMEOUT_SECONDS, trust_env=False)

    def close(self) -> None:
        """Close all connections."""
        self._client.close()

    def fault(self, kind: str, **fields: object) -> None:
        """Switch a fault on."""
        self._send("POST", "/faults", {"kind": kind, **fields})

    def end_faults(self) -> None:
        """Switch all faults off."""
        self._send("DELETE", "/faults")

    def effects(self, **query: str) -> Sequence[Mapping[str, Any]]:
        """The side effects that were really executed, filtered by user, app, tool."""
        entries: Sequence[Mapping[str, Any]] = self._send(
            "GET", "/ledger", query={**query, "effect": "true"}
        )["entries"]
        return entries

    def runs(self, **query: str) -> Sequence[Mapping[str, Any]]:
        """Everything that was really executed, reads too."""
        entries: Sequence[Mapping[str, Any]] = self._send("GET", "/ledger", query=query)["entries"]
        return entries

    def mails(self) -> Sequence[Mapping[str, Any]]:
        """The mails that were sent."""
        mails: Sequence[Mapping[str, Any]] = self._send("GET", "/outbox")["mails"]
        return mails

    def account(self, user: str, app: str) -> str:
        """The id of a user's account for an app."""
        accounts = self._send("GET", "/state")["accounts"]
        return next(str(each["id"]) for each in accounts if (each["user"], each["app"]) == (user, app))

    def revoke(self, account: str) -> None:
        """Let an account die, as when its user revokes the access at the service."""
        self._send("PATCH", f"/accounts/{account}", {"healthy": False, "dead": True})

    def _send(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        query: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        answer = self._client.request(method, path, json=body, params=query)
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found
