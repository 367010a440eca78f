"""What an agent is told when a call fails: always a result with isError, in the user's words.

Agents show a model nothing but the result's text; programs read its structuredContent.
"""

import math

import msgspec

from pipewise_crds import Verdict
from pipewise_crds.apps import title_of

from .core.retry import GiveUp, Outcome
from .served import ServedService

_WIRE_NAMES = {"retry_after_seconds": "retryAfterSeconds", "connect_url": "connectURL"}


class Problem(msgspec.Struct, rename=_WIRE_NAMES, omit_defaults=True):
    """The structured part of a failure."""

    service: str
    reason: str
    """The verdict."""
    outcome: str
    """not_run, unknown or failed."""
    attempts: int
    retry_after_seconds: int | None = None
    connect_url: str | None = None


def failure(service: ServedService, given_up: GiveUp, attempts: int, connect_url: str | None = None) -> bytes:
    """The encoded result of a call that failed."""
    wait = given_up.retry_after_seconds
    problem = Problem(
        service=service.name,
        reason=given_up.verdict.value,
        outcome=given_up.outcome.value,
        attempts=attempts,
        retry_after_seconds=None if wait is None else max(math.ceil(wait), 1),
        connect_url=connect_url,
    )
    text = _sentence(service.app, given_up, problem)
    return msgspec.json.encode(
        {"content": [{"type": "text", "text": text}], "isError": True, "structuredContent": problem}
    )


def _sentence(app: str, given_up: GiveUp, problem: Problem) -> str:
    sentence = f"Ups, hubo un error al conectarse con {title_of(app)}"
    if given_up.outcome is Outcome.UNKNOWN:
        return f"{sentence}: no se sabe si la acción se realizó"
    if given_up.verdict is Verdict.RUNTIME_UNAVAILABLE and problem.retry_after_seconds:
        again = f"Inténtalo de nuevo en {problem.retry_after_seconds} s"
        return f"{sentence}: hay demasiadas llamadas a la vez. {again}"
    if problem.connect_url:
        return f"{sentence}. Conecta tu cuenta aquí: {problem.connect_url}"
    if given_up.verdict is Verdict.QUOTA_EXHAUSTED and problem.retry_after_seconds:
        return (
            f"{sentence}: se alcanzó el límite de uso. Inténtalo de nuevo en {problem.retry_after_seconds} s"
        )
    return sentence
