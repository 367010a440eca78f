"""Leads as agents keep them: the tools, over Supabase's own client and over the store in memory."""

import json
import uuid
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from agents import FunctionTool
from agents.tool_context import ToolContext
from starlette.responses import JSONResponse, PlainTextResponse, Response

from pipewise_agents import AgentContext, LeadStore, LeadStoreError
from pipewise_agents.lead_tools import (
    create_lead_in_database,
    get_leads_to_contact,
    update_lead_qualification,
)
from pipewise_agents.leads import NewLead
from pipewise_agents.supabase_leads import lead_store
from support.listening import free_port, listening
from support.postgrest import LeadTable, Row

ADA, BOB = (str(uuid.UUID(int=number)) for number in (1, 2))
ANA: Mapping[str, Any] = {"name": "Ana García", "email": "ana@example.com", "company": "Acme"}
NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)


@pytest.fixture
async def table() -> LeadTable:
    return LeadTable()


@pytest.fixture
async def supabase(table: LeadTable) -> AsyncIterator[LeadStore]:
    async with (
        listening(table.app()) as url,
        lead_store({"SUPABASE_URL": url, "SUPABASE_KEY": "service-key"}) as store,
    ):
        yield store


@pytest.fixture(params=["supabase", "memory"])
async def store(request: pytest.FixtureRequest) -> AsyncIterator[LeadStore]:
    if request.param == "memory":
        async with lead_store({}) as kept:
            yield kept
        return
    async with (
        listening(LeadTable().app()) as url,
        lead_store({"SUPABASE_URL": url, "SUPABASE_KEY": "service-key"}) as kept,
    ):
        yield kept


async def use(tool: FunctionTool, context: AgentContext, **arguments: Any) -> Any:  # noqa: ANN401 - JSON
    """What the tool answers, as a model sees it; decoded when it is JSON."""
    text = json.dumps(arguments)
    call = ToolContext(context, tool_name=tool.name, tool_call_id="call-1", tool_arguments=text)
    answer = str(await tool.on_invoke_tool(call, text))
    return json.loads(answer) if answer.startswith(("{", "[")) else answer


async def test_a_prospect_is_kept_once(store: LeadStore) -> None:
    context = AgentContext(ADA, store)
    first = await use(create_lead_in_database, context, **ANA)
    again = await use(create_lead_in_database, context, **ANA)
    assert (first["created"], again["created"]) == (True, False)
    assert again["id"] == first["id"]
    assert (first["status"], first["qualified"], first["phone"]) == ("new", False, "")
    assert context.failures == {}


@pytest.mark.parametrize("key", ["id", "email"])
@pytest.mark.parametrize("status", ["qualified", "new"])
async def test_a_judgement_is_kept_beside_what_was_known(store: LeadStore, key: str, status: str) -> None:
    qualified = status == "qualified"
    context = AgentContext(ADA, store)
    lead = await use(create_lead_in_database, context, **ANA)
    await store.change(ADA, lead["id"], lambda known: replace(known, metadata={"campaign": "spring"}))
    judged = {"lead_id": lead[key], "qualified": qualified, "reason": "presupuesto", "score": 80}
    changed = await use(update_lead_qualification, context, **judged)
    assert (changed["status"], changed["qualified"]) == (status, qualified)
    assert changed["metadata"]["campaign"] == "spring"
    assert changed["metadata"]["qualification_reason"] == "presupuesto"
    assert changed["metadata"]["qualification_score"] == 80


async def test_leads_in_a_status_are_listed_oldest_first_and_no_more_than_asked(store: LeadStore) -> None:
    context = AgentContext(ADA, store)
    for number in range(3):
        await use(create_lead_in_database, context, name=f"Lead {number}", email=f"{number}@example.com")
    listed = await use(get_leads_to_contact, context, status="new", limit=2)
    assert [lead["name"] for lead in listed] == ["Lead 0", "Lead 1"]
    assert await use(get_leads_to_contact, context) == []


async def test_users_never_see_or_change_each_others_leads(store: LeadStore) -> None:
    lead = await use(create_lead_in_database, AgentContext(ADA, store), **ANA)
    bob = AgentContext(BOB, store)
    assert await use(get_leads_to_contact, bob, status="new") == []
    judged = {"lead_id": lead["id"], "qualified": True, "reason": "x"}
    assert await use(update_lead_qualification, bob, **judged) == f"There is no lead {lead['id']}."
    assert (await use(create_lead_in_database, bob, **ANA))["created"]


async def test_an_id_that_is_none_finds_nothing(store: LeadStore) -> None:
    assert await store.find(ADA, "lead-1") is None


async def test_arguments_out_of_range_are_answered_and_reach_no_store(store: LeadStore) -> None:
    answer = await use(get_leads_to_contact, AgentContext(ADA, store), limit=1000)
    assert answer.startswith("get_leads_to_contact: los argumentos no son válidos.")


async def test_a_write_made_meanwhile_is_not_lost(table: LeadTable, supabase: LeadStore) -> None:
    context = AgentContext(ADA, supabase)
    lead = await use(create_lead_in_database, context, **ANA)

    def another_writer(row: Row) -> None:
        row.update(metadata={"campaign": "spring"}, updated_at=NOW.isoformat())
        table.before_update = None

    table.before_update = another_writer
    changed = await use(
        update_lead_qualification, context, lead_id=lead["id"], qualified=True, reason="presupuesto"
    )
    assert changed["metadata"]["campaign"] == "spring"
    assert changed["metadata"]["qualification_reason"] == "presupuesto"


async def test_a_row_that_never_stands_still_is_told_as_not_done(
    table: LeadTable, supabase: LeadStore
) -> None:
    context = AgentContext(ADA, supabase)
    lead = await use(create_lead_in_database, context, **ANA)
    table.before_update = lambda row: row.update(updated_at=datetime.now(UTC).isoformat())
    judged = {"lead_id": lead["id"], "qualified": True, "reason": "x"}
    answer = await use(update_lead_qualification, context, **judged)
    assert answer.endswith("try again. La acción no se realizó.")
    assert context.failures == {"call-1": answer}


async def test_rows_with_nulls_are_read_and_changed(table: LeadTable, supabase: LeadStore) -> None:
    lead = await supabase.add(ADA, NewLead("Ana", "ana@example.com"), NOW)
    nothing = dict.fromkeys(("company", "phone", "source", "qualified", "metadata", "updated_at"))
    table.rows[0].update(nothing)
    found = await supabase.find(ADA, lead.id)
    assert found == replace(lead, source="", updated_at=None)
    changed = await supabase.change(ADA, lead.id, lambda known: replace(known, qualified=True))
    assert changed is not None
    assert changed.qualified


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (
            JSONResponse({"code": "22P02", "message": "no uuid", "hint": None, "details": None}, 400),
            "refused",
        ),
        (JSONResponse({"code": "PGRST301", "message": "JWT", "hint": None, "details": None}, 401), "refused"),
        (PlainTextResponse("bad gateway", 502), "unknown"),
        (JSONResponse([{"id": "1"}], 200), "unknown"),
    ],
)
async def test_a_refusal_is_told_from_an_unknown_outcome(
    table: LeadTable, supabase: LeadStore, answer: Response, outcome: str
) -> None:
    table.instead = answer
    with pytest.raises(LeadStoreError) as told:
        await supabase.add(ADA, NewLead("Ana", "ana@example.com"), NOW)
    assert told.value.unknown == (outcome == "unknown")


async def test_an_unknown_outcome_is_told_to_the_model(table: LeadTable, supabase: LeadStore) -> None:
    table.instead = PlainTextResponse("bad gateway", 502)
    context = AgentContext(ADA, supabase)
    told = await use(create_lead_in_database, context, **ANA)
    assert told.startswith("Ups, hubo un error al conectarse con Supabase")
    assert "No se sabe si la acción se realizó" in told


async def test_a_database_that_is_down_is_told_at_once_and_only_tried_once(
    table: LeadTable, supabase: LeadStore
) -> None:
    table.instead = PlainTextResponse("down", 503)
    with pytest.raises(LeadStoreError):
        await supabase.with_status(ADA, "new", 1)
    assert table.requests == 1
    assert table.keys == {"service-key"}


async def test_a_database_nobody_serves_is_told_as_not_done() -> None:
    nowhere = {"SUPABASE_URL": f"http://127.0.0.1:{free_port()}", "SUPABASE_KEY": "k"}
    async with lead_store(nowhere) as store:
        told = await use(create_lead_in_database, AgentContext(ADA, store), **ANA)
    assert told == (
        "Ups, hubo un error al conectarse con Supabase: the lead database does not answer. "
        "La acción no se realizó."
    )


async def test_an_address_without_a_key_is_refused() -> None:
    with pytest.raises(ValueError, match="SUPABASE_URL is set, but not SUPABASE_KEY"):
        async with lead_store({"SUPABASE_URL": "http://127.0.0.1:1"}):
            pass
