"""Zoho CRM: records by module, upserted as JSON text, searched by criteria or words."""

import json
import re
from collections.abc import Mapping
from typing import Any

from pipewise_sandbox.action import Action, ActionError, Done, Handler
from pipewise_sandbox.records import Record

_MODULES = ("Leads", "Contacts", "Accounts", "Deals", "Tasks", "Events", "Calls", "Products", "Notes")
_FIELDS = ("id", "First_Name", "Last_Name", "Company", "Email", "Phone", "Lead_Status", "Description")
_FIRST_ID = 5_000_000_000_000_000
_CRITERION = re.compile(r"\(?\s*(\w+):(equals|starts_with|contains):([^()]+?)\s*\)")


def _upsert(action: Action) -> Done:
    module = action.get("module")
    rows = _rows(action.get("data"))
    keys = action.get("duplicateCheckFields") or ["Email"]
    outcomes = [_upserted(action, module, row, keys) for row in rows]
    return Done({"data": outcomes}, f"Successfully upserted {len(outcomes)} record(s)")


def _rows(text: str) -> list[Record]:
    try:
        parsed = json.loads(text)
    except ValueError as error:
        raise ActionError("`Data` must be a JSON array of records", "ConfigurationError") from error
    rows = parsed if isinstance(parsed, list) else [parsed]
    if not all(isinstance(row, dict) for row in rows):
        raise ActionError("`Data` must be a JSON array of records", "ConfigurationError")
    return rows


def _upserted(action: Action, module: str, row: Record, keys: list[str]) -> dict[str, Any]:
    known = next(
        (found for key in keys if row.get(key) for found in action.records.having(module, **{key: row[key]})),
        None,
    )
    record = known if known is not None else _created(action, module, {})
    record |= row | {"Modified_Time": action.timestamp()}
    details = {
        "id": record["id"],
        "Created_Time": record["Created_Time"],
        "Modified_Time": action.timestamp(),
    }
    deed = "insert" if known is None else "update"
    return _outcome(details, "record added" if known is None else "record updated") | {"action": deed}


def _create(action: Action) -> Done:
    record = _created(action, action.get("moduleType"), action.without("moduleType"))
    return Done({"data": [_outcome({"id": record["id"]}, "record added")]}, f"Created record {record['id']}")


def _created(action: Action, module: str, fields: Record) -> Record:
    identity = str(_FIRST_ID + action.number())
    record = {"id": identity, "Created_Time": action.timestamp()} | fields
    return action.records.add(module, identity, record)


def _update(action: Action) -> Done:
    record = _existing(action, action.get("moduleType"), action.get("recordId"))
    record |= action.without("moduleType", "recordId") | {"Modified_Time": action.timestamp()}
    return Done(
        {"data": [_outcome({"id": record["id"]}, "record updated")]}, f"Updated record {record['id']}"
    )


def _get(action: Action) -> Done:
    record = _existing(action, action.get("module"), action.get("recordId"))
    return Done({"data": [record]}, f"Successfully fetched record {record['id']}")


def _list(action: Action) -> Done:
    return _page(action.records.all(action.get("module")))


def _search(action: Action) -> Done:
    module, criteria = action.get("module"), action.get("criteria")
    conditions = _CRITERION.findall(criteria)
    if not conditions:
        return _page(action.records.mentioning(module, criteria))
    join = any if re.search(r"\)\s*or\s*\(", criteria) else all
    held = action.records.all(module)
    return _page([record for record in held if join(_meets(record, *condition) for condition in conditions)])


def _meets(record: Record, field: str, operator: str, value: str) -> bool:
    text, sought = str(record.get(field, "")).casefold(), value.strip().casefold()
    match operator:
        case "equals":
            return text == sought
        case "starts_with":
            return text.startswith(sought)
        case _:
            return sought in text


def _page(found: list[Record]) -> Done:
    info = {"per_page": 200, "count": len(found), "page": 1, "more_records": False}
    return Done({"data": found, "info": info}, f"Successfully fetched {len(found)} record(s)")


def _convert(action: Action) -> Done:
    lead = _existing(action, "Leads", action.get("lead"))
    action.records.remove("Leads", lead["id"])
    contact = _created(action, "Contacts", {name: lead[name] for name in lead if name != "id"})
    account = _created(action, "Accounts", {"Account_Name": lead.get("Company")})
    answer = {"data": [{"Contacts": contact["id"], "Accounts": account["id"], "Deals": None}]}
    return Done(answer, f"Successfully converted lead {lead['id']}")


def _modules(_: Action) -> Done:
    modules = [{"api_name": name, "module_name": name, "api_supported": True} for name in _MODULES]
    return Done({"modules": modules}, f"Successfully fetched {len(modules)} modules")


def _fields(action: Action) -> Done:
    seen = {name: None for record in action.records.all(action.get("module")) for name in record}
    fields = [{"api_name": name, "data_type": "text"} for name in dict.fromkeys([*_FIELDS, *seen])]
    return Done({"fields": fields}, f"Successfully fetched {len(fields)} fields")


def _outcome(details: Mapping[str, Any], message: str) -> dict[str, Any]:
    return {"code": "SUCCESS", "details": dict(details), "message": message, "status": "success"}


def _existing(action: Action, module: str, identity: str) -> Record:
    record = action.records.get(module, identity)
    if record is None:
        raise ActionError("INVALID_DATA: the id given seems to be invalid", "ResponseError")
    return record


HANDLERS: Mapping[str, Handler] = {
    "upsert-records": _upsert,
    "create-object": _create,
    "update-object": _update,
    "get-object": _get,
    "list-objects": _list,
    "search-objects": _search,
    "convert-lead": _convert,
    "list-modules": _modules,
    "list-fields": _fields,
}
