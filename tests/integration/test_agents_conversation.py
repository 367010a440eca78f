"""A user's conversation with the three agents, against the runtime's own server and the sandbox's tools."""

import pytest

from pipewise_agents import DEMO, Event, HandOff, Report, Say, Script, Use, run_conversation
from pipewise_agents.transcript import Answered, Asked, Called, HandedOver, Said, Unavailable
from support.agent_calls import AgentCalls, agents_served, failed, made_up

EFFECTS = ["pipedrive-add-person", "sendgrid-send-email-single-recipient", "google_calendar-quick-add-event"]
MAIL = "sendgrid-send-email-single-recipient"
MAIL_ARGUMENTS = {"fromEmail": "a@example.com", "toEmail": "b@example.com", "subject": "Hola", "content": "…"}
TO_MAIL = Script(
    "Escribe a Bea", (Use(MAIL, MAIL_ARGUMENTS, done="El correo está enviado."), Report("Resultado:"))
)


@pytest.fixture
def calls() -> AgentCalls:
    return AgentCalls()


async def test_the_demonstration_has_exactly_three_effects_each_by_the_right_agent(calls: AgentCalls) -> None:
    heard: list[Event] = []
    async with agents_served(calls) as url:
        transcript = await run_conversation("user-42", DEMO, url, heard.append, {})
    assert [call.tool for call in calls.made] == EFFECTS
    assert {call.user for call in calls.made} == {"user-42"}
    assert tuple(heard) == transcript.events
    assert transcript.failures == ()
    used = [(event.agent, event.tool) for event in transcript.events if isinstance(event, Called)]
    assert used == [
        ("Lead Administrator", "create_lead_in_database"),
        ("Lead Administrator", EFFECTS[0]),
        ("Coordinator", EFFECTS[1]),
        ("Meeting Scheduler", EFFECTS[2]),
    ]
    handovers = [(event.agent, event.to) for event in transcript.events if isinstance(event, HandedOver)]
    assert handovers == [
        ("Coordinator", "Lead Administrator"),
        ("Lead Administrator", "Coordinator"),
        ("Coordinator", "Meeting Scheduler"),
        ("Meeting Scheduler", "Coordinator"),
    ]
    assert "Ana García está en Pipedrive." in transcript.final
    assert transcript.final.count("\n- ") == 4


@pytest.mark.parametrize(
    "sentence",
    [
        "Ups, hubo un error al conectarse con SendGrid: no se sabe si la acción se realizó",
        "Ups, hubo un error al conectarse con SendGrid. Conecta tu cuenta aquí: https://pipedream.com/_static/x",
    ],
)
async def test_a_failures_own_sentence_reaches_the_user_as_it_is(calls: AgentCalls, sentence: str) -> None:
    calls.answers[MAIL] = failed(sentence)
    async with agents_served(calls) as url:
        transcript = await run_conversation("user-42", TO_MAIL, url, environment={})
    assert transcript.final == f"Resultado:\n- {sentence}"
    assert transcript.failures == (Answered("Coordinator", MAIL, sentence, failed=True),)


async def test_a_result_that_was_made_up_is_never_reported_as_real(calls: AgentCalls) -> None:
    calls.answers[MAIL] = made_up("Email successfully sent")
    async with agents_served(calls) as url:
        transcript = await run_conversation("user-42", TO_MAIL, url, environment={})
    assert transcript.final == "Resultado:\n- [demo] El correo está enviado."
    [answer] = [event for event in transcript.events if isinstance(event, Answered)]
    assert answer.demo
    assert not answer.failed


async def test_an_error_without_a_result_is_told_as_an_unknown_outcome(calls: AgentCalls) -> None:
    calls.refusing.add(MAIL)
    async with agents_served(calls) as url:
        transcript = await run_conversation("user-42", TO_MAIL, url, environment={})
    assert transcript.final == (
        "Resultado:\n- Ups, hubo un error al conectarse con SendGrid. "
        "No se sabe si la acción se realizó: compruébelo antes de repetirla."
    )


async def test_a_call_with_missing_arguments_is_told_as_not_done(calls: AgentCalls) -> None:
    script = Script("Escribe", (Use(MAIL, {"fromEmail": "a@example.com"}, done=""), Report("")))
    async with agents_served(calls) as url:
        transcript = await run_conversation("user-42", script, url, environment={})
    assert f"{MAIL}: faltan argumentos (subject, toEmail). La acción no se realizó." in transcript.final
    assert calls.made == []


@pytest.mark.parametrize("trouble", ["silent", "absent"])
async def test_an_agent_whose_services_are_down_says_so_and_the_others_go_on(
    calls: AgentCalls, trouble: str
) -> None:
    getattr(calls, trouble).add("lead-administrator")
    async with agents_served(calls) as url:
        transcript = await run_conversation("user-42", DEMO, url, environment={})
    assert [call.tool for call in calls.made] == EFFECTS[1:]
    assert "- Ups, hubo un error al conectarse con Pipedrive. La acción no se realizó." in transcript.final
    assert "- La reunión del martes a las 10:00 está en Google Calendar." in transcript.final
    [told] = [event for event in transcript.events if isinstance(event, Unavailable)]
    assert told == Unavailable("Lead Administrator", ("Pipedrive", "Salesforce", "Zoho CRM"))


async def test_without_any_runtime_the_conversation_still_comes_to_its_end() -> None:
    transcript = await run_conversation("user-42", DEMO, "http://127.0.0.1:9", environment={})
    assert transcript.final.count("Ups, hubo un error al conectarse con") == 3
    assert "Ana García está guardada como lead." in transcript.final


async def test_a_tool_of_another_agent_is_not_offered(calls: AgentCalls) -> None:
    script = Script("Guarda", (Use("pipedrive-add-person", {"name": "Ana"}, done="hecho"), Report("")))
    async with agents_served(calls) as url:
        transcript = await run_conversation("user-42", script, url, environment={})
    assert calls.made == []
    assert "Pipedrive. La acción no se realizó." in transcript.final


async def test_a_script_that_ends_early_ends_the_conversation_in_silence(calls: AgentCalls) -> None:
    script = Script("Hola", (Use("twitter-none", {}, done=""),))
    async with agents_served(calls) as url:
        transcript = await run_conversation("user-42", script, url, environment={})
    assert transcript.final == ""
    assert transcript.events == (Asked("user-42", "Hola"),)


async def test_two_users_conversations_do_not_meet(calls: AgentCalls) -> None:
    async with agents_served(calls) as url:
        await run_conversation("user-1", TO_MAIL, url, environment={})
        await run_conversation("user-2", TO_MAIL, url, environment={})
    assert [call.user for call in calls.made] == ["user-1", "user-2"]


async def test_a_silent_handover_says_nothing(calls: AgentCalls) -> None:
    script = Script("Hola", (HandOff("Meeting Scheduler"), Say("Nada que hacer.")))
    async with agents_served(calls) as url:
        transcript = await run_conversation("user-42", script, url, environment={})
    assert transcript.events[1:] == (
        HandedOver("Coordinator", "Meeting Scheduler"),
        Said("Meeting Scheduler", "Nada que hacer."),
    )
