"""Asking the API server whose token it is (TokenReview) and what its owner may do (SubjectAccessReview).

The `Reviews` of `permitting`, over the client of the runtime's namespace.
"""

import asyncio
from typing import Any

import httpx2
import msgspec
from lightkube import ApiError, AsyncClient
from lightkube.generic_resource import GenericGlobalResource, create_global_resource

from pipewise_crds import BINDING, GROUP
from pipewise_runtime.core.access import Account
from pipewise_runtime.permitting import ReviewsUnavailableError

_TOKEN_REVIEWS = create_global_resource("authentication.k8s.io", "v1", "TokenReview", "tokenreviews")
_ACCESS_REVIEWS = create_global_resource(
    "authorization.k8s.io", "v1", "SubjectAccessReview", "subjectaccessreviews"
)
_VERB = "use"
_TIMEOUT_SECONDS = 3.0
_MOST_AT_ONCE = 16
"""So that a flood of made-up tokens does not become one of reviews."""
_FORBIDDEN = 403


class ApiReviews:
    """Reviews by the API server.

    Args:
        client: the client of the namespace whose bindings are served.
        timeout_seconds: how long one review may take, waiting for its turn included.
    """

    def __init__(self, client: AsyncClient, timeout_seconds: float = _TIMEOUT_SECONDS) -> None:
        self._client = client
        self._timeout_seconds = timeout_seconds
        self._turns = asyncio.Semaphore(_MOST_AT_ONCE)

    @property
    def namespace(self) -> str:
        """The namespace whose bindings are meant."""
        return str(self._client.namespace)

    async def account_of(self, token: str, audience: str) -> Account | None:
        """Whose token it is; None where it is not good for that audience.

        Raises:
            ReviewsUnavailableError: the API server could not be asked.
        """
        review = _TOKEN_REVIEWS(spec={"token": token, "audiences": [audience]})
        status = await self._status_of(review)
        # Without the audience in its answer, the token was checked by something that knows none.
        if not status.get("authenticated") or audience not in status.get("audiences", ()):
            return None
        user = status["user"]
        extra = tuple((key, tuple(values)) for key, values in user.get("extra", {}).items())
        return Account(user["username"], user.get("uid", ""), tuple(user.get("groups", ())), extra)

    async def may_use(self, account: Account, binding: str) -> bool:
        """Whether an account may use the binding of that name, or all if it is empty.

        Raises:
            ReviewsUnavailableError: the API server could not be asked.
        """
        attributes = {
            "namespace": self.namespace,
            "verb": _VERB,
            "group": GROUP,
            "resource": BINDING.plural,
            "name": binding,
        }
        spec = {
            "user": account.name,
            "uid": account.uid,
            "groups": list(account.groups),
            "extra": {key: list(values) for key, values in account.extra},
            "resourceAttributes": attributes,
        }
        return bool((await self._status_of(_ACCESS_REVIEWS(spec=spec))).get("allowed"))

    async def _status_of(self, review: GenericGlobalResource) -> dict[str, Any]:
        try:
            async with asyncio.timeout(self._timeout_seconds), self._turns:
                return await self._asked_twice(review)
        except (httpx2.HTTPError, OSError, msgspec.DecodeError) as error:
            raise ReviewsUnavailableError(_cause_of(error)) from error

    async def _asked_twice(self, review: GenericGlobalResource) -> dict[str, Any]:
        """Ask again where an idle connection turned out to be closed: a review changes nothing."""
        try:
            return await self._asked(review)
        except (httpx2.ReadError, httpx2.WriteError, httpx2.RemoteProtocolError):
            return await self._asked(review)

    async def _asked(self, review: GenericGlobalResource) -> dict[str, Any]:
        answer = await self._client.create(review)
        status: dict[str, Any] = answer.get("status") or {}
        return status


def _cause_of(error: Exception) -> str:
    """Why there was no answer; without the message, which may quote what was sent."""
    code = error.status.code if isinstance(error, ApiError) else None
    if code == _FORBIDDEN:
        return (
            "this runtime's account may not create tokenreviews and subjectaccessreviews: "
            "bind it to a ClusterRole that may, such as system:auth-delegator"
        )
    if code is not None:
        return f"the API server answered {code}"
    return (str(error) if isinstance(error, httpx2.TransportError) else "") or type(error).__name__
