"""Salesforce: any object type, found again by id, SOQL or text."""

from collections.abc import Mapping
from typing import Any

from pipewise_sandbox.action import Action, ActionError, Done, Handler, Mail
from pipewise_sandbox.apps import soql
from pipewise_sandbox.records import Record

_PREFIXES = {
    "Lead": "00Q",
    "Contact": "003",
    "Account": "001",
    "Opportunity": "006",
    "Case": "500",
    "Task": "00T",
    "Event": "00U",
    "Campaign": "701",
    "Note": "002",
    "User": "005",
}
_SWITCHES = ("objectType", "sobjectType", "properties", "useAdvancedProps", "recordId")
_FIELDS = ("Id", "Name", "FirstName", "LastName", "Email", "Phone", "Company", "Description", "Status")


def _creating(fixed: str | None = None) -> Handler:
    def run(action: Action) -> Done:
        kind = fixed or action.get("objectType")
        fields = action.without(*_SWITCHES) | action.get("properties", {})
        identity = f"{_PREFIXES.get(kind, 'a00')}{action.number():012d}AAA"
        attributes = {"type": kind, "url": f"/services/data/v61.0/sobjects/{kind}/{identity}"}
        record = {"attributes": attributes, "Id": identity, **fields, "CreatedDate": action.timestamp()}
        record.setdefault("Name", " ".join(filter(None, [fields.get("FirstName"), fields.get("LastName")])))
        action.records.add(kind, identity, record)
        answer = {"id": identity, "success": True, "errors": []}
        return Done(answer, f"Successfully created {kind} record with ID {identity}")

    return run


def _updating(fixed: str | None = None) -> Handler:
    def run(action: Action) -> Done:
        kind = fixed or action.get("objectType", action.get("sobjectType"))
        named = f"{kind.lower()}Id"
        identity = action.get(named) or action.get("recordId")
        record = _existing(action, kind, identity)
        record |= action.without(*_SWITCHES, named, "fieldsToUpdate") | action.get("properties", {})
        record["LastModifiedDate"] = action.timestamp()
        return Done({"id": identity, "success": True}, f"Successfully updated {kind} record {identity}")

    return run


def _deleting(fixed: str | None = None) -> Handler:
    def run(action: Action) -> Done:
        kind, identity = fixed or action.get("sobjectType"), action.get("recordId")
        _existing(action, kind, identity)
        action.records.remove(kind, identity)
        return Done("", f"Successfully deleted {kind} record {identity}")

    return run


def _getting(fixed: str | None, argument: str) -> Handler:
    def run(action: Action) -> Done:
        kind = fixed or action.get("sobjectType")
        record = _existing(action, kind, action.get(argument))
        return Done(record, f"Successfully retrieved {kind} record {record['Id']}")

    return run


def _query(action: Action) -> Done:
    try:
        query = soql.parsed(action.get("query"))
    except soql.MalformedQueryError as error:
        raise ActionError(str(error), "ResponseError") from error
    kinds = {kind.casefold(): kind for kind in action.records.kinds()}
    found = query.over(action.records.all(kinds.get(query.kind.casefold(), query.kind)))
    answer = {"totalSize": len(found), "done": True, "records": found}
    return Done(answer, f"Successfully returned {len(found)} results")


def _text_search(action: Action) -> Done:
    kinds = action.get("objectTypes") or action.records.kinds()
    return _searched(action, kinds, action.get("searchTerm"))


def _string_search(action: Action) -> Done:
    return _searched(action, [action.get("sobjectType")], action.get("searchTerm"))


def _searched(action: Action, kinds: list[str], term: str) -> Done:
    found = [record for kind in kinds for record in action.records.mentioning(kind, term)]
    return Done({"searchRecords": found}, f"Successfully found {len(found)} records")


def _find(action: Action) -> Done:
    found = action.records.all(action.get("sobjectType"))
    if wanted := action.get("recordIds"):
        found = [record for record in found if record["Id"] in wanted]
    names = action.get("fieldsToObtain")
    chosen = [{name: record.get(name) for name in names} for record in found]
    return Done(chosen, f"Successfully found {len(chosen)} records")


def _describe(action: Action) -> Done:
    kind = action.get("objectType")
    seen = {name: None for record in action.records.all(kind) for name in record if name != "attributes"}
    fields = [_field(name) for name in dict.fromkeys([*_FIELDS, *seen])]
    answer = {"name": kind, "label": kind, "keyPrefix": _PREFIXES.get(kind), "fields": fields}
    return Done(answer, f"Successfully described {kind}")


def _field(name: str) -> dict[str, Any]:
    return {
        "name": name,
        "label": name,
        "type": "id" if name == "Id" else "string",
        "updateable": name != "Id",
    }


def _send_email(action: Action) -> Done:
    content, subject = action.get("emailBody"), action.get("emailSubject")
    mail = Mail(action.get("emailAddress"), "owner@example.com", subject, content)
    answer = [{"actionName": "emailSimple", "errors": None, "isSuccess": True}]
    return Done(answer, f"Email successfully sent to {mail.to}", (mail,))


def _user(_: Action) -> Done:
    user = {
        "Id": "005000000000001AAA",
        "Name": "Sandbox Owner",
        "Email": "owner@example.com",
        "IsActive": True,
    }
    return Done(user, "Successfully retrieved user")


def _existing(action: Action, kind: str, identity: str) -> Record:
    record = action.records.get(kind, identity)
    if record is None:
        raise ActionError("NOT_FOUND: The requested resource does not exist", "ResponseError")
    return record


_TYPES = ("Lead", "Contact", "Account", "Opportunity", "Case", "Task", "Event", "Campaign", "Note", "User")

HANDLERS: Mapping[str, Handler] = {
    **{f"create-{kind.lower()}": _creating(kind) for kind in _TYPES},
    **{f"update-{kind.lower()}": _updating(kind) for kind in ("Contact", "Account", "Opportunity")},
    "create-crm-record": _creating(),
    "create-record": _creating(),
    "update-crm-record": _updating(),
    "update-record": _updating(),
    "delete-record": _deleting(),
    "delete-opportunity": _deleting("Opportunity"),
    "get-record-by-id": _getting(None, "recordId"),
    "get-case": _getting("Case", "caseId"),
    "soql-query": _query,
    "soql-search": _query,
    "text-search": _text_search,
    "search-string": _string_search,
    "find-records": _find,
    "describe-object": _describe,
    "send-email": _send_email,
    "get-current-user": _user,
    "get-user-info": _user,
}
