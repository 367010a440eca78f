"""A server that speaks OpenAI's chat completions or responses, and thinks as the test says."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route


@dataclass(frozen=True, slots=True)
class ToolUse:
    """The model uses a tool."""

    name: str
    arguments: dict[str, Any]


@dataclass(slots=True)
class Thinker:
    """Answers a conversation's turns one after another, then says the last text for ever."""

    turns: Sequence[ToolUse | str]
    asked: list[dict[str, Any]] = field(default_factory=list)
    keys: set[str] = field(default_factory=set)
    refusing: bool = False

    def app(self) -> Starlette:
        """Serve `/v1/chat/completions`, streamed."""
        return Starlette(routes=[Route("/v1/chat/completions", self._complete, methods=["POST"])])

    async def _complete(self, request: Request) -> Response:
        self.asked.append(await request.json())
        self.keys.add(request.headers["Authorization"])
        if self.refusing:
            return JSONResponse({"error": {"message": "no such key", "type": "invalid_request_error"}}, 401)
        turn = self.turns[min(len(self.asked), len(self.turns)) - 1]
        return StreamingResponse(self._events(turn, len(self.asked)), media_type="text/event-stream")

    def _events(self, turn: ToolUse | str, number: int) -> Iterator[str]:
        delta: dict[str, Any] = {"role": "assistant"}
        if isinstance(turn, str):
            delta["content"] = turn
        else:
            function = {"name": turn.name, "arguments": json.dumps(turn.arguments)}
            delta["tool_calls"] = [
                {"index": 0, "id": f"call-{number}", "type": "function", "function": function}
            ]
        for choice in (
            {"index": 0, "delta": delta, "finish_reason": None},
            {"index": 0, "delta": {}, "finish_reason": "stop" if isinstance(turn, str) else "tool_calls"},
        ):
            chunk = {
                "id": f"chat-{number}",
                "object": "chat.completion.chunk",
                "created": 0,
                "model": "thinker",
                "choices": [choice],
            }
            yield f"data: {json.dumps(chunk)}\n\n"
        yield "data: [DONE]\n\n"
