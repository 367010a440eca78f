"""Server-sent events, read as they arrive: only their data counts for MCP."""

import re

_LINE_END = re.compile(rb"\r\n|\n|\r")


class SseParser:
    """Turns chunks of a text/event-stream into the data of its events."""

    def __init__(self) -> None:
        self._rest = b""
        self._data: list[bytes] = []

    def feed(self, chunk: bytes) -> list[bytes]:
        """Take the next chunk; return the data of each event it completes."""
        text = self._rest + chunk
        # a lone CR at the end may be the first half of CRLF
        held = text[-1:] if text.endswith(b"\r") else b""
        *lines, last = _LINE_END.split(text[: len(text) - len(held)])
        self._rest = last + held
        events = []
        for line in lines:
            if not line and self._data:
                events.append(b"\n".join(self._data))
                self._data = []
            elif line.startswith(b"data:"):
                self._data.append(line[5:].removeprefix(b" "))
        return events

    def pending(self) -> int:
        """Bytes held for an event that is not complete."""
        return len(self._rest) + sum(map(len, self._data))
