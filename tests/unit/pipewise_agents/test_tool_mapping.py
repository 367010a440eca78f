"""What agents are told of tools, held against the real ones."""

import ast
from pathlib import Path

import pytest

import pipewise_agents
from pipewise_agents.demo_script import DEMO
from pipewise_agents.instructions import instructions_for
from pipewise_agents.roles import ROLES
from pipewise_agents.scripted_model import Use
from pipewise_agents.tool_mapping import REPLACED, Replacement
from pipewise_crds.profiles import BUILT_IN
from pipewise_sandbox.catalog import apps, tool_of

LOCAL = {"create_lead_in_database", "update_lead_qualification", "get_leads_to_contact"}
REPLACEMENTS = [tool for replaced in REPLACED for tool in replaced.tools]


def test_both_local_functions_are_replaced_and_none_is_left_in_the_code() -> None:
    gone = {replaced.function for replaced in REPLACED}
    assert gone == {"mark_lead_as_contacted", "schedule_meeting_for_lead"}
    folder = Path(str(pipewise_agents.__file__)).parent
    defined = {
        node.name
        for path in folder.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert not gone & defined
    assert defined >= LOCAL


@pytest.mark.parametrize("replacement", REPLACEMENTS, ids=[tool.tool for tool in REPLACEMENTS])
def test_every_replacement_is_a_real_tool_that_writes_and_is_given_what_it_requires(
    replacement: Replacement,
) -> None:
    tool = tool_of(replacement.tool.split("-", 1)[0], replacement.tool)
    assert tool is not None
    assert not tool.reads
    assert set(replacement.arguments) <= set(tool.arguments)
    assert {name for name, argument in tool.arguments.items() if not argument.optional} <= set(
        replacement.arguments
    )


@pytest.mark.parametrize("replaced", REPLACED, ids=[replaced.function for replaced in REPLACED])
def test_every_replacement_belongs_to_a_service_of_its_agent(replaced: object) -> None:
    found = next(known for known in REPLACED if known is replaced)
    services = {service.app for service in BUILT_IN[found.agent]}
    assert {tool.tool.split("-", 1)[0] for tool in found.tools} <= services


def test_the_demonstration_uses_only_real_tools() -> None:
    real = {key for app in apps().values() for key in app.tools} | LOCAL
    assert {step.tool for step in DEMO.steps if isinstance(step, Use)} <= real


@pytest.mark.parametrize("agent", sorted(ROLES))
def test_instructions_name_no_tool_that_does_not_exist(agent: str) -> None:
    real = {key for app in apps().values() for key in app.tools}
    words = instructions_for(ROLES[agent], connected=True).split("`")[1::2]
    named = {word for word in words if word.split("-", 1)[0] in apps()}
    assert named <= real


@pytest.mark.parametrize("agent", sorted(ROLES))
def test_instructions_hold_the_rules_for_failures(agent: str) -> None:
    text = instructions_for(ROLES[agent], connected=True)
    assert "word for word" in text
    assert "no se sabe si la acción se realizó" in text
    assert "cannot be reached" not in text


def test_without_its_services_an_agent_is_told_each_ones_sentence_and_no_tools() -> None:
    text = instructions_for(ROLES["meeting-scheduler"], connected=False)
    for service in ("Calendly", "Google Calendar"):
        assert f"- Ups, hubo un error al conectarse con {service}\n" in text
    assert "use the first of these tools" not in text
