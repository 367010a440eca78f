"""Pipedrive: persons, leads, deals, notes and activities in the API's ``{success, data}`` form."""

from collections.abc import Callable, Mapping
from typing import Any

from pipewise_sandbox.action import Action, ActionError, Done, Handler
from pipewise_sandbox.records import Record

_FIELDS = {
    "personId": "person_id",
    "organizationId": "organization_id",
    "orgId": "org_id",
    "ownerId": "owner_id",
    "dealId": "deal_id",
    "leadId": "lead_id",
    "stageId": "stage_id",
    "pipelineId": "pipeline_id",
    "expectedCloseDate": "expected_close_date",
    "dueDate": "due_date",
}
_PERSON_FIELDS = ("emails", "phones")


def _adding(kind: str) -> Handler:
    def run(action: Action) -> Done:
        identity: object = action.uuid() if kind == "lead" else action.number()
        record = {"id": identity, **_fields(action), "add_time": action.timestamp()}
        if kind == "deal":
            record = {"status": "open", "stage_id": 1, "pipeline_id": 1} | record
        action.records.add(kind, identity, record)
        return Done({"success": True, "data": record}, f"Successfully added {kind} {_label(record)}")

    return run


def _updating(kind: str) -> Handler:
    def run(action: Action) -> Done:
        record = _existing(action, kind)
        record |= _fields(action, f"{kind}Id") | {"update_time": action.timestamp()}
        return Done({"success": True, "data": record}, f"Successfully updated {kind} {_label(record)}")

    return run


def _getting(kind: str) -> Handler:
    def run(action: Action) -> Done:
        record = _existing(action, kind)
        return Done({"success": True, "data": record}, f"Successfully retrieved {kind} {_label(record)}")

    return run


def _listing(kind: str, *filters: str) -> Handler:
    def run(action: Action) -> Done:
        wanted = {_FIELDS.get(name, name): action.get(name) for name in filters}
        limit = action.get("limit") or action.get("maxResults") or 100
        found = action.records.having(kind, **wanted)[:limit]
        return Done({"success": True, "data": found}, f"Successfully retrieved {len(found)} {kind}s")

    return run


def _searching(kind: str, argument: str = "term") -> Handler:
    def run(action: Action) -> Done:
        term = action.get(argument, "")
        found = action.records.mentioning(kind, term)
        if action.get("exactMatch"):
            found = [record for record in found if _says(record, term)]
        items = [{"result_score": 1.0, "item": {"type": kind} | record} for record in found]
        return Done({"success": True, "data": {"items": items}}, f"Successfully found {len(items)} {kind}s")

    return run


def _merging(kind: str) -> Handler:
    def run(action: Action) -> Done:
        record = _existing(action, kind)
        target = action.records.get(kind, action.get(f"target{kind.title()}Id"))
        if target is None:
            raise ActionError(f"{kind.title()} not found", "ResponseError")
        action.records.remove(kind, record["id"])
        target |= {name: value for name, value in record.items() if target.get(name) is None}
        return Done({"success": True, "data": target}, f"Successfully merged {kind}s")

    return run


def _fixed(values: Callable[[], list[dict[str, Any]]]) -> Handler:
    def run(_: Action) -> Done:
        found = values()
        return Done({"success": True, "data": found}, f"Successfully retrieved {len(found)} items")

    return run


def _pipelines() -> list[dict[str, Any]]:
    return [{"id": 1, "name": "Pipeline", "active": True, "order_nr": 1}]


def _stages() -> list[dict[str, Any]]:
    names = ("Qualified", "Contact Made", "Demo Scheduled", "Proposal Made", "Negotiations Started")
    return [{"id": number, "name": name, "pipeline_id": 1} for number, name in enumerate(names, 1)]


def _users() -> list[dict[str, Any]]:
    return [{"label": "Sandbox Owner", "value": 1}]


def _labels() -> list[dict[str, Any]]:
    return [{"label": name, "value": number} for number, name in enumerate(("Hot", "Warm", "Cold"), 1)]


def _fields(action: Action, *left_out: str) -> Record:
    fields = {_FIELDS.get(name, name): value for name, value in action.without(*left_out).items()}
    for name in _PERSON_FIELDS:
        if name in fields:
            fields[name] = [
                {"value": value, "primary": place == 0, "label": "work"}
                for place, value in enumerate(fields[name])
            ]
    return fields


def _existing(action: Action, kind: str) -> Record:
    record = action.records.get(kind, action.get(f"{kind}Id"))
    if record is None:
        raise ActionError(f"{kind.title()} not found", "ResponseError")
    return record


def _says(record: Record, term: str) -> bool:
    texts = [record.get("name"), record.get("title")]
    texts += [entry["value"] for name in _PERSON_FIELDS for entry in record.get(name, [])]
    return term.casefold() in [str(text).casefold() for text in texts]


def _label(record: Record) -> str:
    return str(record.get("name") or record.get("title") or record["id"])


HANDLERS: Mapping[str, Handler] = {
    "add-person": _adding("person"),
    "add-lead": _adding("lead"),
    "add-deal": _adding("deal"),
    "add-note": _adding("note"),
    "add-activity": _adding("activity"),
    "add-organization": _adding("organization"),
    "update-person": _updating("person"),
    "update-lead": _updating("lead"),
    "update-deal": _updating("deal"),
    "get-person-details": _getting("person"),
    "get-lead-by-id": _getting("lead"),
    "get-deal": _getting("deal"),
    "search-persons": _searching("person"),
    "search-leads": _searching("lead"),
    "search-notes": _searching("note", "searchTerm"),
    "list-persons": _listing("person", "ownerId", "organizationId"),
    "list-deals": _listing("deal", "ownerId", "personId", "stageId", "status"),
    "get-all-leads": _listing("lead", "ownerId", "personId", "organizationId"),
    "merge-persons": _merging("person"),
    "merge-deals": _merging("deal"),
    "list-pipelines": _fixed(_pipelines),
    "list-stages": _fixed(_stages),
    "list-user-id-options": _fixed(_users),
    "list-deal-label-ids-options": _fixed(_labels),
    "list-lead-label-ids-options": _fixed(_labels),
}
