"""`pipewise connect`: a link with which a user connects an account, minted when asked for and not kept."""

import sys
from datetime import datetime

import httpx2
from pydantic import AwareDatetime, BaseModel, ValidationError

from pipewise_crds import PipedreamProject
from pipewise_crds.apps import title_of

from .kubernetes import CommandError, Kubernetes

_TIMEOUT_SECONDS = 20.0


class _Link(BaseModel):
    connect_link_url: str
    expires_at: AwareDatetime


def offer(namespace: str | None, project: str, user: str, app: str) -> int:
    """Print a link, alone on stdout, and what to mind about it on stderr; 1 when there is none."""
    try:
        cluster = Kubernetes(namespace)
        link, expires_at = connect_link(cluster.project(project), cluster.token(project), user, app)
        is_wanted = any(
            service.app == app
            for binding in cluster.bindings(None, user)
            for service in binding.status.services
        )
    except CommandError as error:
        sys.stderr.write(f"pipewise connect: {error}\n")
        return 1
    sys.stderr.write(
        f"With this link {user} connects an account for {title_of(app)}. It works once, until "
        f"{expires_at:%Y-%m-%d %H:%M %Z}.\n"
        f"It is a key to an account: send it to {user} only, and do not log it.\n"
    )
    if not is_wanted:
        sys.stderr.write(f"Mind: no binding of {user} in namespace {cluster.namespace} uses {app}.\n")
    sys.stderr.flush()
    sys.stdout.write(f"{link}\n")
    return 0


def connect_link(project: PipedreamProject, token: str, user: str, app: str) -> tuple[str, datetime]:
    """Mint a Connect token at Pipedream; the link made of it, and until when it works.

    Raises:
        CommandError: Pipedream refuses or does not answer; nothing of its answer is told, it may hold keys.
    """
    url = f"{project.spec.endpoints.api.rstrip('/')}/connect/{project.spec.project_id}/tokens"
    headers = {"Authorization": f"Bearer {token}", "X-PD-Environment": project.spec.environment}
    try:
        answer = httpx2.post(url, json={"external_user_id": user}, headers=headers, timeout=_TIMEOUT_SECONDS)
        answer.raise_for_status()
        minted = _Link.model_validate_json(answer.content)
    except httpx2.HTTPStatusError as error:
        status = error.response.status_code
        hint = "; look at `kubectl get pipedreamprojects`" if status == httpx2.codes.UNAUTHORIZED else ""
        raise CommandError(f"Pipedream answers HTTP {status}{hint}") from None
    except httpx2.HTTPError as error:
        raise CommandError(f"Pipedream cannot be reached at {url} ({type(error).__name__})") from None
    except ValidationError:
        raise CommandError("Pipedream sent an answer without a link; try again") from None
    return str(httpx2.URL(minted.connect_link_url).copy_merge_params({"app": app})), minted.expires_at
