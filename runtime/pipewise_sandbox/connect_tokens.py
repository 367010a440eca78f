"""Connect tokens: a single-use key with which one external user may connect one account."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from urllib.parse import urlencode

from pipewise_sandbox.accounts import Place

LONGEST_LIFE_SECONDS = 14_400
EXPIRED = "This link has expired. Please request a new one from the app developer."
INVALID = "The Pipedream Connect token is invalid. Please generate a new one and try again."


@dataclass(frozen=True, slots=True)
class ConnectToken:
    """One connect token.

    Attributes:
        app: The app it is bound to, or None for the one the link names.
        targets: ``webhook_uri``, ``success_redirect_uri`` and ``error_redirect_uri``, where given.
        session: The number webhooks call ``connect_session_id``.
    """

    value: str
    place: Place
    user: str
    app: str | None
    expires_at: datetime
    targets: Mapping[str, str]
    session: int
    used: bool = False


@dataclass(frozen=True, slots=True)
class Grant:
    """What a new connect token is for."""

    place: Place
    user: str
    app: str | None = None
    lifetime_seconds: float = LONGEST_LIFE_SECONDS
    targets: Mapping[str, str] | None = None


class ConnectTokens:
    """All connect tokens given out."""

    def __init__(self) -> None:
        self.by_value: dict[str, ConnectToken] = {}

    def mint(self, grant: Grant, now: datetime) -> ConnectToken:
        """Give out a token."""
        token = ConnectToken(
            value=f"ctok_{secrets.token_hex(16)}",
            place=grant.place,
            user=grant.user,
            app=grant.app,
            expires_at=now + timedelta(seconds=grant.lifetime_seconds),
            targets=grant.targets or {},
            session=len(self.by_value) + 1,
        )
        self.by_value[token.value] = token
        return token

    def problem(self, value: str, now: datetime) -> str | None:
        """Why a token cannot be used, in the words of the connect page; None when it can."""
        token = self.by_value.get(value)
        if token is None or token.used:
            return INVALID
        return EXPIRED if now >= token.expires_at else None

    def use_up(self, value: str) -> ConnectToken:
        """Mark a token as used."""
        token = replace(self.by_value[value], used=True)
        self.by_value[value] = token
        return token


def link(base_url: str, token: ConnectToken, app: str | None = None) -> str:
    """The page on which the user connects. Pipedream leaves it to the caller to append the app."""
    query = {"token": token.value, "connectLink": "true"} | ({"app": app} if app else {})
    return f"{base_url}/_static/connect.html?{urlencode(query)}"
