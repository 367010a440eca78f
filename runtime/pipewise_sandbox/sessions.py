"""MCP sessions: an id for who has introduced themselves with ``initialize``."""

import secrets


class Sessions:
    """The open sessions and the (user, app) each belongs to."""

    def __init__(self) -> None:
        self.open: dict[str, tuple[str, str]] = {}

    def start(self, user: str, app: str) -> str:
        """Open a session; its id."""
        session_id = secrets.token_hex(16)
        self.open[session_id] = (user, app)
        return session_id

    def end(self, session_id: str) -> bool:
        """Close a session; whether it was open."""
        return self.open.pop(session_id, None) is not None
