"""Pipedream's way to say that the user has no usable account: a successful result that asks to connect one.

Four forms are known; the action did not run in any of them. A result that only happens to contain such a
link, say a mail that quotes one, must not be taken for it, because what is taken for it may be repeated.
"""

import re
from dataclasses import dataclass, field
from typing import Any

import msgspec

_OPENINGS = ("Go to: ", "You need to connect your account")
_LINK = re.compile(r"https?://[^\s\"\\<>]+/_static/connect\.html[^\s\"\\<>]*")


@dataclass(frozen=True, slots=True)
class AccountAsked:
    """The upstream asks to connect an account."""

    connect_url: str | None = field(repr=False)
    """A key to somebody's account: for that user's agent only."""


class _Asking(msgspec.Struct, rename="camel"):
    account_required: bool = False
    connect_url: str | None = None
    ret: Any = msgspec.UNSET


class _Item(msgspec.Struct):
    text: str = ""


class _Result(_Asking):
    structured_content: _Asking | None = None
    content: list[_Item] = []


_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_decoder = msgspec.json.Decoder(_Result)
_text_decoder = msgspec.json.Decoder(_Asking)


def account_asked(result: bytes) -> AccountAsked | None:
    """What a tools/call result asks for, if it asks to connect an account."""
    if b"accountRequired" not in result and b"/_static/connect.html" not in result:
        return None  # the common case, at the price of two searches
    try:
        read = _decoder.decode(result)
    except _UNREADABLE:
        return None
    text = read.content[0].text if read.content else ""
    for asking in (read.structured_content, read, _in_json(text)):
        if asking is not None and asking.account_required and asking.ret is msgspec.UNSET:
            return AccountAsked(asking.connect_url or _link_in(text))
    if text.startswith(_OPENINGS) and (link := _link_in(text)):
        return AccountAsked(link)
    return None


def _in_json(text: str) -> _Asking | None:
    if not text.startswith("{"):
        return None
    try:
        return _text_decoder.decode(text)
    except _UNREADABLE:
        return None


def _link_in(text: str) -> str | None:
    found = _LINK.search(text)
    return found.group() if found else None
