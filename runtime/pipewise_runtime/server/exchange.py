"""One HTTP request whose head was accepted, and the short answers that all doors give."""

import msgspec

from .asgi import Headers, Receive, Send, send_json
from .envelope import INVALID_REQUEST, NOT_SERVED, Message, error_reply
from .heads import RawRouting, Refusal, Terms


class Exchange(msgspec.Struct, frozen=True):
    """One HTTP request whose head was accepted."""

    agent: str
    user: str
    terms: Terms
    session: bytes
    """The session's id; empty where there is none."""
    routing: RawRouting
    """The headers that say again what the body says."""
    headers: Headers
    """All headers, in lower case."""
    receive: Receive
    send: Send

    @property
    def place(self) -> tuple[str, str]:
        """Agent and user."""
        return self.agent, self.user


async def refuse(send: Send, refusal: Refusal) -> None:
    """Refuse a request by its head."""
    body = error_reply(b"null", INVALID_REQUEST, refusal.message)
    await send_json(send, body, refusal.status, refusal.headers)


def not_served(agent: str, user: str, message: Message | None) -> bytes:
    """The encoded reply for an agent and user without a binding."""
    text = (
        f'no binding is served for agent "{agent}" and user "{user}": create an AgentMCPBinding, or see '
        f"why with: kubectl get amb --field-selector spec.agent={agent},spec.user={user}"
    )
    return error_reply(id_of(message) if message else b"null", NOT_SERVED, text)


def id_of(message: Message) -> bytes:
    """A message's encoded id; null where it has none."""
    return bytes(message.id) or b"null"
