"""Talk to the agents: `python -m pipewise_agents --user user-42 "message"`."""

import argparse
import asyncio
import os
import sys
from collections.abc import Mapping, Sequence

from agents import AgentsException
from openai import OpenAIError

from .conversation import run_conversation
from .demo_script import DEMO
from .model_choice import has_real_model
from .pipedream_mcp import McpConfig
from .scripted_model import Script
from .transcript import Event
from .transcript_text import lines_of


def main(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    """Hold one conversation and print it as it happens; 1 when it broke off, 2 when it could not begin."""
    parser = argparse.ArgumentParser(
        prog="python -m pipewise_agents", description="Talk to PipeWise's agents."
    )
    parser.add_argument("--user", required=True, help="the user's id at Pipedream")
    parser.add_argument(
        "--mcp-url", help="where the runtime serves agents (default: PIPEWISE_MCP_URL, else the sidecar)"
    )
    parser.add_argument(
        "message", nargs="?", default=DEMO.message, help="what the user says (default: a demonstration)"
    )
    given = parser.parse_args(arguments)
    if not has_real_model(environment):
        sys.stderr.write(
            "OPENAI_API_KEY is not set: a scripted model plays the demonstration, whatever the message.\n"
        )
    return asyncio.run(_held(given.user, given.message, given.mcp_url, environment))


async def _held(user_id: str, message: str, url: str | None, environment: Mapping[str, str]) -> int:
    try:
        url = url or McpConfig.from_environment(environment).base_url
        await run_conversation(user_id, Script(message, DEMO.steps), url, _print, environment)
    except ValueError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except (AgentsException, OpenAIError) as error:
        sys.stderr.write(f"The conversation broke off, the model did not go on: {error}\n")
        return 1
    return 0


def _print(event: Event) -> None:
    sys.stdout.write(f"{lines_of(event)}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
