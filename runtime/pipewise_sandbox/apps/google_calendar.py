"""Google Calendar: one primary calendar whose events are added, listed and changed, and free time."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from pipewise_sandbox.action import Action, ActionError, Done, Handler, timestamp
from pipewise_sandbox.records import Record

_OWNER = "owner@example.com"


def _quick_add(action: Action) -> Done:
    start = (action.now + timedelta(days=1)).replace(minute=0, second=0, microsecond=0)
    event = _added(action, action.get("text"), timestamp(start), timestamp(start + timedelta(hours=1)))
    event["attendees"] = _attendees(action.get("attendees"))
    return Done(event, f"Successfully added event: {event['id']}")


def _create(action: Action) -> Done:
    start = timestamp(action.now + timedelta(hours=1))
    event = _added(action, action.get("addType"), start, timestamp(action.now + timedelta(hours=2)))
    return Done(event, f"Successfully created event: {event['id']}")


def _added(action: Action, summary: str, start: str, end: str) -> Record:
    key = action.uuid().replace("-", "")[:26]
    event = {
        "kind": "calendar#event",
        "id": key,
        "status": "confirmed",
        "htmlLink": f"https://www.google.com/calendar/event?eid={key}",
        "created": action.timestamp(),
        "updated": action.timestamp(),
        "summary": summary,
        "creator": {"email": _OWNER, "self": True},
        "organizer": {"email": _OWNER, "self": True},
        "start": {"dateTime": start, "timeZone": "UTC"},
        "end": {"dateTime": end, "timeZone": "UTC"},
        "attendees": [],
        "calendarId": action.get("calendarId", "primary"),
    }
    return action.records.add("event", key, event)


def _list(action: Action) -> Done:
    words = action.get("q")
    found = action.records.mentioning("event", words) if words else action.records.all("event")
    earliest, latest = _moment(action.get("timeMin")), _moment(action.get("timeMax"))
    found = [event for event in found if _within(event, earliest, latest)][: action.get("maxResults", 250)]
    page = {"kind": "calendar#events", "summary": _OWNER, "timeZone": "UTC", "items": found}
    return Done(page, f"Successfully retrieved {len(found)} event(s)")


def _get(action: Action) -> Done:
    event = _event(action)
    return Done(event, f"Successfully retrieved event {event['id']}")


def _update(action: Action) -> Done:
    event = _event(action)
    event |= {name: action.get(name) for name in ("summary", "location", "description") if action.get(name)}
    for argument, end in (("eventStartDate", "start"), ("eventEndDate", "end")):
        if moment := action.get(argument):
            event[end] = {"dateTime": moment, "timeZone": action.get("timeZone", "UTC")}
    if action.get("attendees"):
        event["attendees"] = _attendees(action.get("attendees"))
    event["updated"] = action.timestamp()
    return Done(event, f"Successfully updated event: {event['id']}")


def _delete(action: Action) -> Done:
    event = _event(action)
    action.records.remove("event", event["id"])
    return Done("", f"Successfully deleted event {event['id']}")


def _add_attendees(action: Action) -> Done:
    event = _event(action)
    event["attendees"] += _attendees(action.get("attendees"))
    return Done(event, f"Successfully added attendees to event {event['id']}")


def _respond(action: Action) -> Done:
    named = action.get("eventName")
    found = (
        action.records.mentioning("event", named) if named and not action.get("eventId") else [_event(action)]
    )
    if not found:
        raise ActionError("Not Found", "ResponseError")
    others = [guest for guest in found[0]["attendees"] if guest["email"] != _OWNER]
    mine = {"email": _OWNER, "self": True, "responseStatus": action.get("responseStatus")}
    found[0]["attendees"] = [*others, mine]
    return Done(found[0], f"Successfully responded to event {found[0]['id']}")


def _free_busy(action: Action) -> Done:
    earliest, latest = _moment(action.get("timeMin")), _moment(action.get("timeMax"))
    spans = [event for event in action.records.all("event") if _within(event, earliest, latest)]
    busy = [{"start": event["start"]["dateTime"], "end": event["end"]["dateTime"]} for event in spans]
    calendars = {action.get("calendarId"): {"busy": busy}}
    answer = {"kind": "calendar#freeBusy", "timeMin": action.get("timeMin"), "timeMax": action.get("timeMax")}
    return Done(answer | {"calendars": calendars}, "Successfully retrieved free/busy information")


def _calendars(_: Action) -> Done:
    item = _calendar()
    return Done({"kind": "calendar#calendarList", "items": [item]}, "Successfully retrieved 1 calendar(s)")


def _get_calendar(_: Action) -> Done:
    return Done(_calendar(), "Successfully retrieved calendar")


def _current_user(_: Action) -> Done:
    return Done({"id": _OWNER, "email": _OWNER, "timeZone": "UTC"}, f"Retrieved {_OWNER}")


def _calendar() -> dict[str, Any]:
    return {"kind": "calendar#calendar", "id": _OWNER, "summary": _OWNER, "timeZone": "UTC", "primary": True}


def _event(action: Action) -> Record:
    event = action.records.get("event", action.get("eventId"))
    if event is None:
        raise ActionError("Not Found", "ResponseError")
    return event


def _attendees(listed: str | None) -> list[dict[str, Any]]:
    emails = [email.strip(" \"'") for email in (listed or "").strip("[]").split(",")]
    return [{"email": email, "responseStatus": "needsAction"} for email in emails if email]


def _moment(text: str | None) -> datetime | None:
    if not text:
        return None
    try:
        return datetime.fromisoformat(text).astimezone()
    except ValueError as error:
        raise ActionError(f"Bad Request: {text} is not an RFC 3339 time", "ResponseError") from error


def _within(event: Record, earliest: datetime | None, latest: datetime | None) -> bool:
    start, end = _moment(event["start"]["dateTime"]), _moment(event["end"]["dateTime"])
    if start is None or end is None:
        return True
    return (earliest is None or end > earliest) and (latest is None or start < latest)


HANDLERS: Mapping[str, Handler] = {
    "quick-add-event": _quick_add,
    "create-event": _create,
    "list-events": _list,
    "get-event": _get,
    "update-event": _update,
    "delete-event": _delete,
    "add-attendees-to-event": _add_attendees,
    "respond-to-event": _respond,
    "query-free-busy-calendars": _free_busy,
    "list-calendars": _calendars,
    "get-calendar": _get_calendar,
    "get-current-user": _current_user,
}
