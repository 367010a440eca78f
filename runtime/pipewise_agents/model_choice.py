"""Which model thinks for the agents: the one the environment names, else the scripted one.

Used by `conversation`.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

from agents import Model, OpenAIChatCompletionsModel, OpenAIResponsesModel, RunConfig
from agents.models import get_default_model
from openai import AsyncOpenAI

from .scripted_model import Step, scripted_model


def has_real_model(environment: Mapping[str, str]) -> bool:
    """Whether the environment names a key, and so a real model."""
    return bool(environment.get("OPENAI_API_KEY"))


@asynccontextmanager
async def chosen_model(
    environment: Mapping[str, str], steps: Sequence[Step], failures: Mapping[str, str]
) -> AsyncIterator[Model]:
    """The model for one conversation, closed at its end.

    With OPENAI_API_KEY set it is OPENAI_MODEL (the SDK's default when unset), asked at OPENAI_BASE_URL when
    that is set. Servers that only resemble OpenAI's speak chat completions, so they are asked in those.

    Args:
        environment: Where the variables are.
        steps: What the scripted model plays when there is no key.
        failures: What failed calls said, by call id.
    """
    if not has_real_model(environment):
        yield scripted_model(steps, failures)
        return
    base_url = environment.get("OPENAI_BASE_URL") or None
    name = environment.get("OPENAI_MODEL") or get_default_model()
    async with AsyncOpenAI(api_key=environment["OPENAI_API_KEY"], base_url=base_url) as client:
        yield OpenAIChatCompletionsModel(name, client) if base_url else OpenAIResponsesModel(name, client)


def run_config(environment: Mapping[str, str]) -> RunConfig:
    """How a conversation is run: traces go to OpenAI only with its own models, and never with content.

    A tool that a model makes up is answered with an error, which it can mend; the conversation goes on.
    """
    own_models = has_real_model(environment) and not environment.get("OPENAI_BASE_URL")
    return RunConfig(
        tracing_disabled=not own_models,
        trace_include_sensitive_data=False,
        tool_not_found_behavior="return_error_to_model",
    )
