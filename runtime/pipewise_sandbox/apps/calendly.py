"""Calendly: two event types, one meeting already booked, scheduling links, cancellations."""

from collections.abc import Mapping
from datetime import timedelta

from pipewise_sandbox.action import Action, ActionError, Done, Handler, timestamp
from pipewise_sandbox.records import Record

_API = "https://api.calendly.com"
_SITE = "https://calendly.com"


def _event_types(action: Action) -> Done:
    _furnish(action)
    found = action.records.all("event-type")
    return Done({"collection": found, "pagination": {"count": len(found)}}, f"Found {len(found)} event types")


def _create_link(action: Action) -> Done:
    _furnish(action)
    owner = action.get("owner")
    known = action.records.get("event-type", owner.rsplit("/", 1)[-1])
    if known is None:
        raise ActionError("The resource you requested does not exist: owner", "ResponseError")
    token = action.uuid()
    link = {
        "booking_url": f"{_SITE}/d/{token[:13]}/{known['slug']}",
        "owner": owner,
        "owner_type": "EventType",
    }
    action.records.add("scheduling-link", token, link | {"max_event_count": action.get("maxEventCount")})
    return Done({"resource": link}, f"Successfully created scheduling link for {known['name']}")


def _events(action: Action) -> Done:
    _furnish(action)
    found = action.records.having("event", status=action.get("status"))
    if email := action.get("inviteeEmail"):
        booked = {invitee["event"] for invitee in action.records.having("invitee", email=email)}
        found = [event for event in found if event["uri"] in booked]
    return Done({"collection": found, "pagination": {"count": len(found)}}, f"Found {len(found)} events")


def _get_event(action: Action) -> Done:
    named = action.get("eventId") or action.get("eventUrl")
    if not named:
        raise ActionError("Either `Event ID` or `Event URL` is required", "ConfigurationError")
    return Done({"resource": _event(action, named)}, "Successfully retrieved event")


def _cancel(action: Action) -> Done:
    event = _event(action, action.get("eventUuid"))
    if event["status"] == "canceled":
        raise ActionError("Event is already canceled", "ResponseError")
    event["status"] = "canceled"
    cancellation = {"canceled_by": "Sandbox Owner", "reason": action.get("reason"), "canceler_type": "host"}
    event["cancellation"] = cancellation
    return Done({"resource": cancellation}, "Successfully canceled event")


def _invitees(action: Action) -> Done:
    event = _event(action, action.get("eventId"))
    found = action.records.having("invitee", event=event["uri"], email=action.get("email"))
    return Done({"collection": found, "pagination": {"count": len(found)}}, f"Found {len(found)} invitees")


def _invitee(action: Action) -> Done:
    _furnish(action)
    found = action.records.get("invitee", action.get("inviteeUuid"))
    if found is None:
        raise ActionError("The resource you requested does not exist: invitee", "ResponseError")
    return Done({"resource": found}, "Successfully retrieved invitee")


def _event(action: Action, named: str) -> Record:
    _furnish(action)
    event = action.records.get("event", named.rsplit("/", 1)[-1])
    if event is None:
        raise ActionError("The resource you requested does not exist: event", "ResponseError")
    return event


def _furnish(action: Action) -> None:
    """Give a fresh account its event types and one booked meeting."""
    if action.records.all("event-type"):
        return
    owner = f"{_API}/users/{action.uuid()}"
    types = [
        _event_type(action, owner, name, minutes) for name, minutes in (("Intro call", 15), ("Demo", 30))
    ]
    start = (action.now + timedelta(days=1)).replace(minute=0, second=0, microsecond=0)
    key = action.uuid()
    event = {
        "uri": f"{_API}/scheduled_events/{key}",
        "name": "Intro call",
        "status": "active",
        "event_type": types[0]["uri"],
        "start_time": timestamp(start),
        "end_time": timestamp(start + timedelta(minutes=15)),
        "created_at": action.timestamp(),
    }
    action.records.add("event", key, event)
    guest = action.uuid()
    invitee = {
        "uri": f"{event['uri']}/invitees/{guest}",
        "event": event["uri"],
        "email": "ada@example.com",
        "name": "Ada Example",
        "status": "active",
    }
    action.records.add("invitee", guest, invitee)


def _event_type(action: Action, owner: str, name: str, minutes: int) -> Record:
    key, slug = action.uuid(), name.lower().replace(" ", "-")
    record = {
        "uri": f"{_API}/event_types/{key}",
        "name": name,
        "active": True,
        "slug": slug,
        "kind": "solo",
        "duration": minutes,
        "scheduling_url": f"{_SITE}/sandbox-owner/{slug}",
        "profile": {"type": "User", "owner": owner, "name": "Sandbox Owner"},
    }
    return action.records.add("event-type", key, record)


HANDLERS: Mapping[str, Handler] = {
    "list-event-types": _event_types,
    "create-scheduling-link": _create_link,
    "list-events": _events,
    "get-event": _get_event,
    "cancel-event": _cancel,
    "list-event-invitees": _invitees,
    "get-invitee": _invitee,
}
