"""What is made in an app can be found in it again: the stories the PRD's agents live."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pipewise_sandbox.backend import Backend, Call, Run

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
Act = Callable[..., Any]


def using(app: str) -> tuple[Act, Callable[..., Run]]:
    """A way to run an app's actions: for their return value, or for the whole run."""
    backend = Backend()

    def run(phrase: str, **arguments: Any) -> Run:  # noqa: ANN401 - JSON
        return backend.run(Call("ada", app, f"{app}-{phrase}", arguments, NOW))

    def act(phrase: str, **arguments: Any) -> Any:  # noqa: ANN401 - JSON
        done = run(phrase, **arguments)
        assert done.executed, done.result
        return json.loads(done.result["content"][0]["text"])["ret"]

    return act, run


def failure(run: Run) -> str:
    assert not run.executed
    assert run.result["isError"] is False
    said: str = json.loads(run.result["content"][0]["text"])["os"][0]["err"]["message"]
    return said


def test_a_mail_reaches_everybody_it_names() -> None:
    _, run = using("sendgrid")
    sent = run(
        "send-email-single-recipient", fromEmail="a@x.io", toEmail="b@x.io", cc="c@x.io, d@x.io", subject="Hi"
    )
    assert [mail.to for mail in sent.mails] == ["b@x.io", "c@x.io", "d@x.io"]
    many = run(
        "send-email-multiple-recipients", fromEmail="a@x.io", toEmails=["e@x.io", "f@x.io"], subject="Hi"
    )
    assert [mail.to for mail in many.mails] == ["e@x.io", "f@x.io"]
    nobody = run("send-email-multiple-recipients", fromEmail="a@x.io", subject="Hi")
    assert "To Emails" in failure(nobody)


def test_a_sendgrid_contact_is_kept_once_and_found() -> None:
    act, _ = using("sendgrid")
    act("add-or-update-contact", email="b@x.io", firstName="Bea")
    act("add-or-update-contact", email="b@x.io", lastName="Bell")
    found = act("search-contacts", query="bea")
    assert [(one["first_name"], one["last_name"]) for one in found["result"]] == [("Bea", "Bell")]
    act("delete-contacts", deleteAllContacts=False, contactEmails=["b@x.io"])
    assert act("search-contacts")["contact_count"] == 0
    assert act("validate-email", email="nobody")["result"]["verdict"] == "Invalid"


def test_a_tweet_is_looked_up_liked_searched_and_deleted() -> None:
    act, run = using("twitter")
    tweet = act("create-tweet", text="We are live")["data"]["id"]
    act("like-tweet", tweetId=tweet)
    assert act("get-tweet", tweetId=tweet)["data"]["public_metrics"]["like_count"] == 1
    assert [one["id"] for one in act("simple-search", query="LIVE")["data"]] == [tweet]
    assert [one["id"] for one in act("list-user-tweets")["data"]] == [tweet]
    assert act("get-user", userNameOrId="@grace")["data"]["username"] == "grace"
    assert act("send-dm", userNameOrId="grace", text="hello")["data"]["dm_event_id"]
    act("delete-tweet", tweetId=tweet)
    assert "Could not find tweet" in failure(run("get-tweet", tweetId=tweet))


def test_a_scheduling_link_is_made_for_an_event_type_and_a_booked_meeting_can_be_cancelled() -> None:
    act, run = using("calendly_v2")
    kinds = act("list-event-types")["collection"]
    link = act("create-scheduling-link", owner=kinds[0]["uri"], maxEventCount=1)["resource"]
    assert link["booking_url"].startswith("https://calendly.com/d/")
    event = act("list-events", status="active")["collection"][0]
    identity = event["uri"].rsplit("/", 1)[-1]
    assert act("list-event-invitees", eventId=identity)["collection"][0]["email"] == "ada@example.com"
    act("cancel-event", eventUuid=identity, reason="ill")
    assert act("get-event", eventId=identity)["resource"]["status"] == "canceled"
    assert act("list-events", status="active")["collection"] == []
    assert "already canceled" in failure(run("cancel-event", eventUuid=identity))


def test_a_quickly_added_event_is_listed_busy_changed_and_deleted() -> None:
    act, run = using("google_calendar")
    event = act("quick-add-event", text="Lunch tomorrow", attendees="b@x.io")
    assert [one["id"] for one in act("list-events", q="lunch")["items"]] == [event["id"]]
    week = {"timeMin": NOW.isoformat(), "timeMax": (NOW + timedelta(days=7)).isoformat()}
    busy = act("query-free-busy-calendars", calendarId="primary", **week)["calendars"]["primary"]["busy"]
    assert busy == [{"start": "2026-11-24T12:00:00.000Z", "end": "2026-11-24T13:00:00.000Z"}]
    act("update-event", eventId=event["id"], summary="Dinner")
    act("respond-to-event", eventId=event["id"], responseStatus="accepted")
    changed = act("get-event", eventId=event["id"])
    assert (changed["summary"], len(changed["attendees"])) == ("Dinner", 2)
    act("delete-event", eventId=event["id"])
    assert failure(run("get-event", eventId=event["id"])) == "Not Found"


def test_a_pipedrive_person_lead_and_deal_are_found_updated_and_merged() -> None:
    act, run = using("pipedrive")
    person = act("add-person", name="Grace Hopper", emails=["grace@navy.mil"])["data"]
    lead = act("add-lead", title="Compiler", personId=person["id"])["data"]
    assert act("search-persons", term="grace@navy")["data"]["items"][0]["item"]["id"] == person["id"]
    assert act("search-persons", term="grace", exactMatch=True)["data"]["items"] == []
    assert act("get-all-leads", personId=person["id"])["data"][0]["id"] == lead["id"]
    act("update-lead", leadId=lead["id"], title="COBOL")
    assert act("get-lead-by-id", leadId=lead["id"])["data"]["title"] == "COBOL"
    twin = act("add-person", name="G. Hopper", phones=["1"])["data"]
    merged = act("merge-persons", personId=twin["id"], targetPersonId=person["id"])["data"]
    assert (merged["name"], merged["phones"][0]["value"]) == ("Grace Hopper", "1")
    assert failure(run("get-person-details", personId=twin["id"])) == "Person not found"
    act("add-deal", title="Big")
    assert [deal["status"] for deal in act("list-deals", status="open")["data"]] == ["open"]


def test_a_salesforce_record_is_found_by_query_and_text_updated_and_deleted() -> None:
    act, run = using("salesforce_rest_api")
    lead = act("create-lead", Company="Navy", LastName="Hopper", Email="grace@navy.mil")["id"]
    act("create-crm-record", objectType="Lead", properties={"LastName": "Lovelace", "Company": "AE"})
    query = "SELECT Id, LastName FROM Lead WHERE Email = 'GRACE@navy.mil' LIMIT 1"
    assert act("soql-query", query=query)["records"][0]["Id"] == lead
    assert [one["Id"] for one in act("text-search", searchTerm="hopper")["searchRecords"]] == [lead]
    act("update-crm-record", objectType="Lead", recordId=lead, properties={"Status": "Qualified"})
    assert act("get-record-by-id", sobjectType="Lead", recordId=lead)["Status"] == "Qualified"
    act("delete-record", sobjectType="Lead", recordId=lead)
    assert "NOT_FOUND" in failure(run("delete-record", sobjectType="Lead", recordId=lead))
    assert "MALFORMED_QUERY" in failure(run("soql-query", query="DROP TABLE Lead"))
    mail = run("send-email", emailAddress="b@x.io", emailSubject="Hi", emailBody="Hello").mails
    assert [(one.to, one.content) for one in mail] == [("b@x.io", "Hello")]


def test_zoho_upserts_by_email_searches_by_criteria_and_converts_leads() -> None:
    act, run = using("zoho_crm")
    row = json.dumps([{"Email": "grace@navy.mil", "Last_Name": "Hopper"}])
    first = act("upsert-records", module="Leads", data=row)["data"][0]
    second = act("upsert-records", module="Leads", data=row)["data"][0]
    assert (first["action"], second["action"]) == ("insert", "update")
    assert first["details"]["id"] == second["details"]["id"]
    criteria = "(Email:equals:grace@navy.mil)and(Last_Name:starts_with:Hop)"
    assert len(act("search-objects", module="Leads", criteria=criteria)["data"]) == 1
    contact = act("convert-lead", lead=first["details"]["id"])["data"][0]["Contacts"]
    assert act("get-object", module="Contacts", recordId=contact)["data"][0]["Last_Name"] == "Hopper"
    assert act("list-objects", module="Leads")["data"] == []
    assert "JSON array" in failure(run("upsert-records", module="Leads", data="nonsense"))


@pytest.mark.parametrize("noun", ["campaign", "case", "task", "note"])
def test_the_long_tail_of_salesforce_creates_records_too(noun: str) -> None:
    act, _ = using("salesforce_rest_api")
    needed = {
        "campaign": {"Name": "N"},
        "task": {"Priority": "High"},
        "note": {"Body": "B", "ParentId": "P", "Title": "T"},
    }
    identity = act(f"create-{noun}", **needed.get(noun, {}))["id"]
    kind = noun.title()
    query = f"SELECT Id FROM {kind}"  # noqa: S608 - no database
    assert act("soql-query", query=query)["records"][0]["Id"] == identity


def test_a_tool_without_words_of_its_own_is_run_by_its_verb_and_noun() -> None:
    act, run = using("google_calendar")
    assert act("list-event-instances", eventId="x") == []
    act2, _ = using("sendgrid")
    act2("create-contact-list", name="Leads")
    assert [one["name"] for one in act2("get-contact-lists")] == ["Leads"]
    act2("add-email-to-global-suppression", recipientEmails=["b@x.io"])
    assert act2("get-a-global-suppression", email="b@x.io")["email"] == "b@x.io"
    act2("delete-global-suppression", email="b@x.io")
    assert act2("list-global-suppressions") == []
    assert run("update-following-instances", recurringEventId="a", instanceId="b").executed
