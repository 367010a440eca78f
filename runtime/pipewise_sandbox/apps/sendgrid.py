"""SendGrid: mails go to the outbox, contacts and lists can be found again."""

import json
from collections.abc import Mapping
from typing import Any

from pipewise_sandbox.action import Action, ActionError, Done, Handler, Mail


def _send_single(action: Action) -> Done:
    to = action.get("toEmail")
    others = [*_addresses(action.get("cc")), *_addresses(action.get("bcc"))]
    return _sent(action, [to, *others], f"Email successfully sent to {to}")


def _send_multiple(action: Action) -> Done:
    people = list(action.get("toEmails", [])) or _personalized(action.get("personalizations"))
    if not people:
        raise ActionError("Must provide either `To Emails` or `Personalizations`", "ConfigurationError")
    return _sent(action, people, f"Emails successfully sent to {len(people)} recipients")


def _sent(action: Action, people: list[str], summary: str) -> Done:
    for address in [*people, action.get("fromEmail")]:
        if "@" not in address:
            raise ActionError(f"Bad Request: Does not contain a valid address: {address}", "ResponseError")
    content = action.get("content", "")
    mails = tuple(Mail(to, action.get("fromEmail"), action.get("subject", ""), content) for to in people)
    headers = {"x-message-id": action.uuid().replace("-", "")[:22]}
    return Done([{"statusCode": 202, "body": "", "headers": headers}, ""], summary, mails)


def _addresses(listed: str | None) -> list[str]:
    return [address.strip() for address in (listed or "").split(",") if address.strip()]


def _personalized(text: str | None) -> list[str]:
    if not text:
        return []
    try:
        parsed = json.loads(text)
        return [person["email"] for entry in parsed for person in entry["to"]]
    except (ValueError, TypeError, KeyError) as error:
        raise ActionError("`Personalizations` must be a JSON array", "ConfigurationError") from error


def _upsert_contact(action: Action) -> Done:
    email = action.get("email")
    contact = action.records.get("contact", email)
    if contact is None:
        contact = {"id": action.uuid(), "created_at": action.timestamp()}
    fields = {_snake(name): value for name, value in action.arguments.items()}
    contact |= fields | {"updated_at": action.timestamp()}
    action.records.add("contact", email, contact)
    return Done({"job_id": action.uuid()}, f"Successfully added/updated contact {email}")


def _search_contacts(action: Action) -> Done:
    query, field = action.get("query"), action.get("queryField")
    found = action.records.mentioning("contact", query) if query else action.records.all("contact")
    if query and field:
        found = [contact for contact in found if query.casefold() in str(contact.get(field, "")).casefold()]
    return Done({"result": found, "contact_count": len(found)}, f"Found {len(found)} contacts")


def _delete_contacts(action: Action) -> Done:
    emails, ids = action.get("contactEmails", []), action.get("contactIds", [])
    for contact in action.records.all("contact"):
        if action.get("deleteAllContacts") or contact["email"] in emails or contact["id"] in ids:
            action.records.remove("contact", contact["email"])
    return Done({"job_id": action.uuid()}, "Successfully deleted contacts")


def _create_list(action: Action) -> Done:
    identity = action.uuid()
    record = {"id": identity, "name": action.get("name"), "contact_count": 0}
    action.records.add("contact-list", identity, record)
    return Done(record, f"Successfully created contact list {action.get('name')}")


def _validate_email(action: Action) -> Done:
    local, at, host = action.get("email").partition("@")
    valid = bool(local and at and "." in host)
    verdict: Mapping[str, Any] = {
        "email": action.get("email"),
        "verdict": "Valid" if valid else "Invalid",
        "score": 0.97 if valid else 0.0,
        "local": local,
        "host": host,
    }
    return Done({"result": verdict}, f"Email validated as {verdict['verdict']}")


def _suppress(action: Action) -> Done:
    for email in action.get("recipientEmails"):
        action.records.add("global-suppression", email, {"email": email, "created": action.timestamp()})
    return Done(
        {"recipient_emails": action.get("recipientEmails")}, "Successfully added to global suppressions"
    )


def _snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)


HANDLERS: Mapping[str, Handler] = {
    "send-email-single-recipient": _send_single,
    "send-email-multiple-recipients": _send_multiple,
    "add-or-update-contact": _upsert_contact,
    "search-contacts": _search_contacts,
    "delete-contacts": _delete_contacts,
    "create-contact-list": _create_list,
    "validate-email": _validate_email,
    "add-email-to-global-suppression": _suppress,
}
