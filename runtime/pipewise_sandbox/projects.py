"""Projects and the access tokens their clients are given."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

ENVIRONMENTS = ("development", "production")


@dataclass(frozen=True, slots=True)
class Project:
    """A Pipedream project and the one OAuth client that acts for it."""

    project_id: str
    client_id: str
    client_secret: str


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A developer's bearer token."""

    value: str
    client_id: str
    expires_at: datetime


DEMO_PROJECT = Project("proj_demo", "demo-client", "demo-secret")


class Projects:
    """The projects, their clients and their tokens."""

    def __init__(self) -> None:
        self.by_id: dict[str, Project] = {DEMO_PROJECT.project_id: DEMO_PROJECT}
        self.tokens: dict[str, AccessToken] = {}

    def add(self, project: Project) -> None:
        """Add a project, or replace the one with its id; another client secret makes the old one invalid."""
        self.by_id[project.project_id] = project

    def is_client(self, client_id: str, client_secret: str) -> bool:
        """Whether these are a client's credentials."""
        return any(
            project.client_id == client_id and secrets.compare_digest(project.client_secret, client_secret)
            for project in self.by_id.values()
        )

    def issue(self, client_id: str, now: datetime, lifetime_seconds: float) -> AccessToken:
        """Give a client a new token."""
        token = AccessToken(secrets.token_urlsafe(32), client_id, now + timedelta(seconds=lifetime_seconds))
        self.tokens[token.value] = token
        return token

    def holder(self, value: str, now: datetime) -> str | None:
        """The client that holds a token, if the token is known and has not expired."""
        token = self.tokens.get(value)
        return token.client_id if token is not None and now < token.expires_at else None

    def reachable(self, client_id: str, project_id: str) -> bool:
        """Whether a client acts for a project."""
        project = self.by_id.get(project_id)
        return project is not None and project.client_id == client_id

    def expire(self, project_id: str | None) -> int:
        """Make every token (of one project's client) stop working now; how many there were."""
        project = self.by_id.get(project_id) if project_id else None
        doomed = [
            value
            for value, token in self.tokens.items()
            if project_id is None or (project is not None and token.client_id == project.client_id)
        ]
        for value in doomed:
            del self.tokens[value]
        return len(doomed)
