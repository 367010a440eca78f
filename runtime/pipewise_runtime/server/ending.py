"""What whoever comes is told while the program ends: nothing was run, and where to turn."""

from .asgi import Receive, Scope, Send, send_json
from .envelope import ENDING, error_reply

_RETRY_AFTER_SECONDS = 1


async def ending(_scope: Scope, _receive: Receive, send: Send) -> None:
    """Send a client to another replica, or back in a moment."""
    headers = ((b"retry-after", b"%d" % _RETRY_AFTER_SECONDS), (b"connection", b"close"))
    text = "this runtime is about to end, and nothing was run: send the request again"
    await send_json(send, error_reply(b"null", ENDING, text), 503, headers)
