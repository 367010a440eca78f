"""What an exchange with an upstream can come to: a reply, or one of the errors of transport.

TransportError
├── NotSentError        no byte of the request was written
│   └── CrowdedError    all our connections to the host were in use
└── CutOffError         bytes were written and no proper reply came
    └── TimedOutError   it did not come in time
"""

import msgspec


class TransportError(Exception):
    """The exchange failed below MCP."""


class NotSentError(TransportError):
    """No byte of the request was written: the upstream cannot have acted on it."""


class CrowdedError(NotSentError):
    """Other exchanges of ours held all connections to the host: nothing speaks against the upstream."""


class CutOffError(TransportError):
    """Bytes of the request were written: the upstream may have acted on it."""


class TimedOutError(CutOffError):
    """The reply did not come in time; the upstream may still be at work."""


class Reply(msgspec.Struct, frozen=True):
    """An HTTP reply; for an event stream the body is empty, as its events were handed out one by one."""

    status: int
    headers: dict[bytes, bytes]
    """By lower-case name; of several with one name, the last."""
    body: bytes

    @property
    def is_events(self) -> bool:
        """Whether it is an event stream."""
        return self.status == 200 and self.content_type == b"text/event-stream"  # noqa: PLR2004

    @property
    def content_type(self) -> bytes:
        """The media type without parameters, in lower case."""
        return self.headers.get(b"content-type", b"").split(b";", 1)[0].strip().lower()
