"""AdmissionReview: the API server's question and our answer, in the words of admission.k8s.io/v1."""

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

API_VERSION = "admission.k8s.io/v1"
_INVALID = 422

Json = Mapping[str, Any]
Outcome = Literal["allowed", "patched", "warned", "refused", "error"]
OUTCOMES: Sequence[Outcome] = ("allowed", "patched", "warned", "refused", "error")


class ReviewError(Exception):
    """What came is no AdmissionReview."""


class Request(BaseModel):
    """The part of an admission request that we read."""

    model_config = ConfigDict(alias_generator=to_camel, frozen=True, extra="ignore")

    uid: str
    namespace: str = ""
    operation: str = ""
    object: dict[str, Any] | None = None
    old_object: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Allowed:
    """The object may pass, changed by a patch where there is one."""

    patch: Sequence[Json] = ()
    warnings: Sequence[str] = ()

    @property
    def outcome(self) -> Outcome:
        """How it is counted."""
        if self.warnings:
            return "warned"
        return "patched" if self.patch else "allowed"


@dataclass(frozen=True, slots=True)
class Refused:
    """The object may not pass."""

    message: str
    warnings: Sequence[str] = ()
    outcome: Outcome = "refused"


Answer = Allowed | Refused


def request_in(body: bytes) -> Request:
    """Read the question.

    Raises:
        ReviewError: it is none, or of another version.
    """
    try:
        review = json.loads(body)
        if review["apiVersion"] != API_VERSION or review["kind"] != "AdmissionReview":
            raise ReviewError(f"this is not an AdmissionReview of {API_VERSION}")
        return Request.model_validate(review["request"])
    except (ValueError, KeyError, TypeError, ValidationError) as error:
        raise ReviewError(f"this is not an AdmissionReview of {API_VERSION}") from error


def review_of(uid: str, answer: Answer) -> bytes:
    """Write the answer."""
    response: dict[str, Any] = {"uid": uid, "allowed": isinstance(answer, Allowed)}
    if answer.warnings:
        response["warnings"] = list(answer.warnings)
    match answer:
        case Allowed(patch=patch) if patch:
            response["patchType"] = "JSONPatch"
            response["patch"] = base64.b64encode(json.dumps(list(patch)).encode()).decode()
        case Refused(message=message):
            response["status"] = {"code": _INVALID, "reason": "Invalid", "message": message}
    return json.dumps({"apiVersion": API_VERSION, "kind": "AdmissionReview", "response": response}).encode()
