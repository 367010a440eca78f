"""Response heads as bytes."""

import time
from collections.abc import Iterable
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus

_STATUS_LINES = {each.value: f"HTTP/1.1 {each.value} {each.phrase}\r\n".encode() for each in HTTPStatus}

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
LAST_CHUNK = b"0\r\n\r\n"


def head(status: int, headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """A status line and headers, with the date, up to and with the empty line."""
    lines = b"".join([b"%b: %b\r\n" % header for header in headers])
    return b"%b%b%b\r\n" % (_STATUS_LINES[status], _date(int(time.time())), lines)


def chunk(data: bytes) -> bytes:
    """One chunk of a chunked body; not the last one."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def closing(status: int, text: bytes) -> bytes:
    """A whole response to what cannot be understood, after which the connection ends."""
    headers = [
        (b"content-type", b"text/plain"),
        (b"content-length", b"%d" % len(text)),
        (b"connection", b"close"),
    ]
    return head(status, headers) + text


@lru_cache(maxsize=1)
def _date(second: int) -> bytes:
    return f"date: {formatdate(second, usegmt=True)}\r\n".encode()
