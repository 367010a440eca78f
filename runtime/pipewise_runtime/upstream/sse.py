"""Server-sent events, read as they arrive: the data of messages, and how to come back for more of them."""

import re

_LINE_END = re.compile(rb"\r\n|\n|\r")
_MILLISECONDS = re.compile(rb" ?[0-9]{1,9}")
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_MESSAGES = (b"", b"message")
"""The event types that carry messages; others, say pings, carry nothing for us."""


class SseParser:
    """Turns chunks of a text/event-stream into the data of its messages; each byte is looked at once."""

    def __init__(self) -> None:
        self._begun: list[bytes] = []
        """Pieces of a line whose end has not come."""
        self._data: list[bytes] = []
        self._type = self._id = b""
        self.last_id = b""
        """The id of the last whole event that had one."""
        self.retry_seconds: float | None = None
        """After how long to come back, where the server says so."""
        self._begun_size = self._data_size = 0
        self._is_first_line = True
        self._after_return = False
        """Whether the last chunk ended with CR, to which a LF at the start of the next belongs."""

    def feed(self, chunk: bytes) -> list[bytes]:
        """Take the next chunk; return the data of each message it completes."""
        if self._after_return and chunk:
            chunk = chunk.removeprefix(b"\n")
            self._after_return = False
        self._after_return = self._after_return or chunk.endswith(b"\r")
        *lines, last = _LINE_END.split(chunk)
        messages = []
        for line in lines:
            self._begun.append(line)
            whole, self._begun, self._begun_size = b"".join(self._begun), [], 0
            if (message := self._take(whole)) is not None:
                messages.append(message)
        if last:
            self._begun.append(last)
            self._begun_size += len(last)
        return messages

    def pending(self) -> int:
        """Bytes held for a message that is not complete, its line ends counted."""
        return self._begun_size + self._data_size

    def _take(self, line: bytes) -> bytes | None:
        if self._is_first_line:
            self._is_first_line = False
            line = line.removeprefix(_BYTE_ORDER_MARK)
        if not line:
            return self._dispatched()
        name, _, value = line.partition(b":")
        if name == b"data":
            self._data.append(value.removeprefix(b" "))
            self._data_size += len(value) + 1
        elif name == b"event":
            self._type = value.removeprefix(b" ")
        elif name == b"id" and b"\0" not in value:
            self._id = value.removeprefix(b" ")
        elif name == b"retry" and _MILLISECONDS.fullmatch(value):
            self.retry_seconds = int(value) / 1000
        return None

    def _dispatched(self) -> bytes | None:
        data, self._data, self._data_size = self._data, [], 0
        kind, self._type = self._type, b""
        self.last_id = self._id
        return b"\n".join(data) if data and kind in _MESSAGES else None
