"""One conversation of a user with the three agents, from the message to the transcript."""

import os
from collections.abc import Callable, Mapping
from dataclasses import replace

from agents import Runner

from .connections import connected_servers
from .context import AgentContext
from .model_choice import chosen_model, run_config
from .pipedream_mcp import McpConfig
from .roles import ROLES
from .scripted_model import Script
from .supabase_leads import lead_store
from .team import team
from .transcript import Asked, Event, Reader, Transcript, Unavailable

_MOST_TURNS = 40
"""Answers of the model in one conversation; a model that goes in circles stops here."""


def _unheard(_event: Event) -> None:
    """Nobody listens."""


async def run_conversation(
    user_id: str,
    script: Script,
    mcp_url: str,
    on_event: Callable[[Event], None] = _unheard,
    environment: Mapping[str, str] | None = None,
) -> Transcript:
    """Let the agents work on a user's message.

    Args:
        user_id: The user's id at Pipedream.
        script: The message, and the steps the scripted model plays when the environment names no real model.
        mcp_url: Where the runtime serves agents, such as http://127.0.0.1:8720.
        on_event: Hears each event as it happens.
        environment: Says which model and lead store, how to reach the runtime; the process's when omitted.

    Raises:
        ValueError: the environment or the user id holds what it cannot mean.
        agents.AgentsException: the model went in circles or made no sense.
        openai.OpenAIError: the real model cannot be reached or refuses.
    """
    environment = os.environ if environment is None else environment
    config = replace(McpConfig.from_environment(environment), base_url=mcp_url)
    events: list[Event] = []

    def happened(event: Event) -> None:
        events.append(event)
        on_event(event)

    async with lead_store(environment) as leads, connected_servers(user_id, ROLES, config) as connections:
        context = AgentContext(user_id, leads)
        async with chosen_model(environment, script.steps, context.failures) as model:
            happened(Asked(user_id, script.message))
            for agent in sorted(connections.unavailable):
                happened(Unavailable(ROLES[agent].title, ROLES[agent].services))
            run = Runner.run_streamed(
                team(model, connections).coordinator,
                script.message,
                context=context,
                max_turns=_MOST_TURNS,
                run_config=run_config(environment),
            )
            reader = Reader(context.failures)
            async for streamed in run.stream_events():
                if event := reader.event(streamed):
                    happened(event)
    return Transcript(user_id, tuple(events))
