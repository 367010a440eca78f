"""Three agents work on a user's wish together; the sandbox's ledger tells what came of it."""

import asyncio
import os
import re
from collections import Counter
from dataclasses import replace

from agents import AgentsException
from openai import OpenAIError

from pipewise_agents import DEMO, Answered, Called, Event, HandedOver, Transcript, lines_of, run_conversation
from pipewise_cli.demo.expectation import ProofFailedError, expect
from pipewise_cli.demo.layout import WIDTH, cut
from pipewise_cli.demo.proof import Seen
from pipewise_cli.demo.stage import USER, Stage

_MODEL_VARIABLES = ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_MODEL")
_SUMMARY = re.compile(r'"\$summary":\s*"([^"]*)"')
_EXPECTED = Counter(
    ("pipedrive-add-person", "sendgrid-send-email-single-recipient", "google_calendar-quick-add-event")
)


def conversation(stage: Stage, seen: Seen) -> None:
    """Let the agents work on a message, then look into the sandbox's ledger and outbox."""
    environment = {name: os.environ[name] for name in _MODEL_VARIABLES if os.environ.get(name)}
    is_scripted = "OPENAI_API_KEY" not in environment
    model = "a scripted model; set OPENAI_API_KEY for a real one" if is_scripted else "the model you chose"
    seen.note(f"OpenAI Agents SDK, with {model}:")
    transcript = _held(stage, environment)
    for event in transcript.events:
        _tell(event, seen)
    effects = Counter(str(entry["tool"]) for entry in stage.sandbox.effects(user=USER))
    seen.note("side effects in the sandbox's ledger:")
    for tool, times in sorted(effects.items()):
        seen.table(f"{tool:<40} {times} time{'s' * (times > 1)}")
    for mail in stage.sandbox.mails():
        stage.keep_secret("the text of the mail", mail["content"])
        seen.note(f"outbox: to {mail['to']}, “{mail['subject']}”")
    expect(not transcript.failures, f"{len(transcript.failures)} calls of the agents failed")
    if is_scripted:
        expect(effects == _EXPECTED, f"the ledger holds {dict(effects)}, not {dict(_EXPECTED)}")
    else:
        expect(effects and set(effects.values()) == {1}, f"the ledger holds {dict(effects)}")


def _tell(event: Event, seen: Seen) -> None:
    """What is said in full; of a call its answer's summary."""
    match event:
        case Called():
            return  # its answer names it
        case Answered(failed=False, text=text) as answered:
            summary = _SUMMARY.search(text)
            brief = replace(answered, text=summary[1] if summary else text)
            seen.table(f"  {cut(lines_of(brief), WIDTH - 2)}")
        case HandedOver():
            seen.table(lines_of(event))
        case _:
            seen.note(lines_of(event))


def _held(stage: Stage, environment: dict[str, str]) -> Transcript:
    stage.console.doing("the agents work on a user's message")
    try:
        return asyncio.run(run_conversation(USER, DEMO, stage.agents_url, environment=environment))
    except (AgentsException, OpenAIError) as error:
        raise ProofFailedError(f"the conversation broke off, the model did not go on: {error}") from error
