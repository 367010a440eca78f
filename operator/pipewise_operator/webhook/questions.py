"""The two questions the API server asks: what becomes of this pod, and may this binding be?

Answering changes nothing anywhere, so that a dry run is like any other run.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import structlog
from pydantic import ValidationError

from pipewise_crds import BindingSpec
from pipewise_operator.failures import ClusterError
from pipewise_operator.injection import Patch, Refusal, Settings, patch

from .bindings import Catalogue, refusals, warnings
from .review import Allowed, Answer, Refused, Request

log = structlog.get_logger()

Finder = Callable[[str, str, str], Awaitable[Sequence[tuple[str, str]]]]
"""Names and uids of the bindings in a namespace for an agent and a user; may raise ClusterError."""

LOOK_SECONDS = 0.7
"""How long to look for another binding; the operator tells of it anyway, later."""

_NOT_ASKED = (
    "whether another binding serves this agent and user could not be checked now: "
    "if so, the younger one gets reason Conflict"
)


class PodQuestion:
    """What becomes of a pod that asks for a sidecar."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    async def __call__(self, request: Request) -> Answer:
        """Give it its sidecar, or the reasons why not."""
        match patch(request.object or {}, self._settings):
            case Patch(operations, told):
                return Allowed(operations, told)
            case Refusal() as refusal:
                return Refused(refusal.message)


class BindingQuestion:
    """Whether a binding may be."""

    def __init__(self, catalogue: Catalogue, find: Finder) -> None:
        self._catalogue, self._find = catalogue, find

    async def __call__(self, request: Request) -> Answer:
        """Refuse what can never work, and tell of what may surprise."""
        body, before = request.object or {}, request.old_object
        if before is not None and (before.get("spec") == body.get("spec") or _is_leaving(body)):
            return Allowed()  # labels, finalizers and the like are never ours to stop
        try:
            spec = BindingSpec.model_validate(body.get("spec") or {})
        except ValidationError:
            log.warning("binding_unreadable", namespace=request.namespace, name=_name(body))
            return Allowed(
                warnings=["this binding is of a version that the webhook does not know: not checked"]
            )
        problems = refusals(spec, self._catalogue)
        if problems:
            return Refused("; ".join(problems))
        told = list(warnings(spec, self._catalogue))
        if before is None:
            try:
                other = await self._other(request.namespace, spec)
            except (ClusterError, TimeoutError) as error:
                log.warning("bindings_not_listed", namespace=request.namespace, error=str(error))
                told.append(_NOT_ASKED)
            else:
                if other:
                    return Refused(
                        f'binding "{other}" is there already for agent "{spec.agent}" and user '
                        f'"{spec.user}": '
                        "change that one, or delete it first"
                    )
        return Allowed(warnings=told)

    async def _other(self, namespace: str, spec: BindingSpec) -> str | None:
        async with asyncio.timeout(LOOK_SECONDS):
            found = await self._find(namespace, spec.agent, spec.user)
        return min((name for name, _ in found), default=None)


def _is_leaving(body: Mapping[str, Any]) -> bool:
    return bool((body.get("metadata") or {}).get("deletionTimestamp"))


def _name(body: Mapping[str, Any]) -> str:
    return str((body.get("metadata") or {}).get("name"))
