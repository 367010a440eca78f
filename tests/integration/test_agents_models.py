"""The agents with a real model's client, and the command line."""

import runpy
import sys
from collections.abc import Mapping
from pathlib import Path

import openai
import pytest

from pipewise_agents import DEMO, run_conversation
from pipewise_agents.__main__ import main
from support.agent_calls import AgentCalls, agents_served
from support.chat_completions import Thinker, ToolUse
from support.eventually import eventually
from support.listening import free_port, listening
from support.programs import Program

TURNS = (
    ToolUse("transfer_to_lead_administrator", {}),
    ToolUse("pipedrive-add-person", {"name": "Ana"}),
    ToolUse("pipedrive-invented", {}),
    "Ana está en Pipedrive.",
)


def environment_for(url: str) -> Mapping[str, str]:
    return {"OPENAI_API_KEY": "key", "OPENAI_BASE_URL": f"{url}/v1", "OPENAI_MODEL": "thinker"}


async def test_a_real_model_is_asked_where_the_environment_says_and_finds_its_own_way() -> None:
    thinker, calls = Thinker(TURNS), AgentCalls()
    async with agents_served(calls) as mcp, listening(thinker.app()) as url:
        transcript = await run_conversation("user-42", DEMO, mcp, environment=environment_for(url))
    assert transcript.final == "Ana está en Pipedrive."
    assert [call.tool for call in calls.made] == ["pipedrive-add-person"]
    assert thinker.keys == {"Bearer key"}
    assert {asked["model"] for asked in thinker.asked} == {"thinker"}
    system = [asked["messages"][0]["content"] for asked in thinker.asked]
    assert "# Coordinator" in system[0]
    assert "# Lead Administrator" in system[1]


async def test_a_tool_the_model_made_up_is_answered_and_not_carried_out() -> None:
    thinker, calls = Thinker(TURNS), AgentCalls()
    async with agents_served(calls) as mcp, listening(thinker.app()) as url:
        await run_conversation("user-42", DEMO, mcp, environment=environment_for(url))
    told = thinker.asked[-1]["messages"][-1]
    assert told["role"] == "tool"
    assert "pipedrive-invented" in told["content"]


async def test_a_model_that_refuses_ends_the_conversation_with_its_reason() -> None:
    thinker = Thinker((), refusing=True)
    async with agents_served(AgentCalls()) as mcp, listening(thinker.app()) as url:
        with pytest.raises(openai.AuthenticationError, match="no such key"):
            await run_conversation("user-42", DEMO, mcp, environment=environment_for(url))


async def test_the_program_prints_the_conversation_as_it_happens(tmp_path: Path) -> None:
    calls = AgentCalls()
    async with agents_served(calls) as mcp:
        program = Program(
            "pipewise_agents", ["--user", "user-42", "Hola"], tmp_path, {"PIPEWISE_MCP_URL": mcp}
        )
        with program:
            await eventually(lambda: not program.is_running, within=30)
    assert program.returncode == 0
    assert program.stdout.startswith("user-42: Hola\nCoordinator: Primero guardamos el contacto.\n")
    assert "  Coordinator ✓ sendgrid-send-email-single-recipient: " in program.stdout
    assert len(calls.made) == 3
    assert program.log == (
        "OPENAI_API_KEY is not set: a scripted model plays the demonstration, whatever the message.\n"
    )


def test_a_wrong_user_id_is_told_and_nothing_begins(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--user", "a/b"], {}) == 2
    assert "the user id must have 1 to 250 characters" in capsys.readouterr().err


def test_a_model_that_cannot_be_reached_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    nowhere = environment_for(f"http://127.0.0.1:{free_port()}")
    runtime = f"http://127.0.0.1:{free_port()}"
    assert main(["--user", "user-42", "--mcp-url", runtime, "Hola"], nowhere) == 1
    captured = capsys.readouterr()
    assert captured.out.startswith("user-42: Hola\n  Coordinator: cannot reach SendGrid, Twitter\n")
    assert "The conversation broke off, the model did not go on" in captured.err


def test_the_module_ends_well_even_without_a_runtime(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("OPENAI_API_KEY", "SUPABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    nowhere = f"http://127.0.0.1:{free_port()}"
    monkeypatch.setattr(sys, "argv", ["pipewise_agents", "--user", "user-42", "--mcp-url", nowhere])
    monkeypatch.delitem(sys.modules, "pipewise_agents.__main__")
    with pytest.raises(SystemExit) as ended:
        runpy.run_module("pipewise_agents", run_name="__main__")
    assert ended.value.code == 0
    assert (
        "- Ups, hubo un error al conectarse con SendGrid. La acción no se realizó.\n"
        in capsys.readouterr().out
    )
