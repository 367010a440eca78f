"""A tool call: find its service, answer it here where that is possible, else carry it out upstream.

Stands between `server` and `operating`.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from pipewise_crds import Verdict

from .admitting import Admitting
from .core.catalogue import Route, Tool
from .core.param_headers import mismatch
from .core.retry import GiveUp, Operation, Outcome
from .live_call import LiveCall, Scene
from .operating import Answered, Asked
from .ports import Caller, HeaderMismatchError, UnknownToolError
from .problems import failure
from .served import ServedBinding, ServedService
from .upstream.head import SessionKey


class _Params(msgspec.Struct):
    name: str
    arguments: msgspec.Raw = msgspec.Raw(b"{}")


_params_decoder = msgspec.json.Decoder(_Params)


class Calling:
    """Carries out tool calls of bindings."""

    def __init__(self, scene: Scene, admitting: Admitting) -> None:
        self._scene, self._registry, self._admitting = scene, scene.registry, admitting
        self._clock, self._metrics = scene.registry.clock, scene.registry.metrics

    async def call(self, binding: ServedBinding, params: bytes, caller: Caller) -> bytes:
        """The encoded result of tools/call; see `ports.Calls`."""
        try:
            read = _params_decoder.decode(params)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise ValueError(f"tools/call: {error}") from error
        begun = self._clock.monotonic()
        catalogue = self._registry.settled(binding)
        if catalogue is None:
            binding = await self._looked_at(binding, read.name)
            catalogue = self._registry.catalogue(binding)
        route = catalogue.routes.get(read.name)
        if route is None:
            return self._without_catalogue(binding, read.name)
        if caller.headers is not None and route.tool.headers:
            _check_headers(route.tool, _arguments(read), caller.headers)
        service = binding.services[route.service]
        if binding.is_demo(service):
            self._metrics.demo_calls.labels(binding.agent, service.app).inc()
            return self._registry.demo.call(binding.user, service.app, route.tool.name, _arguments(read))
        if route.tool.name != read.name:
            params = _renamed(params, route.tool.name)
        return await self._carry_out(binding, route, params, caller, begun)

    def target(self, binding: ServedBinding, params: bytes) -> tuple[ServedService, Tool]:
        """The service and the tool that such params call.

        Raises:
            UnknownToolError: the binding offers no such tool, or does not any more.
        """
        name = _params_decoder.decode(params).name
        route = self._registry.catalogue(binding).routes.get(name)
        if route is None:
            raise UnknownToolError(name)
        return binding.services[route.service], route.tool

    async def _looked_at(self, binding: ServedBinding, tool: str) -> ServedBinding:
        """Wait until its apps were looked at; the binding as it is served afterwards."""
        # which service it is for is not known yet, so the shortest of their deadlines bounds the wait
        within = min((service.timeout_seconds for service in binding.services), default=0.0)
        await self._scene.probing.looked_at(binding, within)
        now_served = self._registry.binding(binding.agent, binding.user)
        if now_served is None:
            raise UnknownToolError(tool)
        return now_served

    def _without_catalogue(self, binding: ServedBinding, name: str) -> bytes:
        """Answer for a tool we do not know: its app has not listed its tools yet, or there is none."""
        for service in binding.live():
            known = self._registry.provider(binding, service).toolset
            if not known and name.partition("-")[0] == service.app:
                cause = "the service has not listed its tools yet"
                given_up = GiveUp(Verdict.UPSTREAM_UNAVAILABLE, Outcome.NOT_RUN, cause)
                return failure(service, given_up, attempts=0)
        raise UnknownToolError(name)

    async def _carry_out(
        self, binding: ServedBinding, route: Route, params: bytes, caller: Caller, begun: float
    ) -> bytes:
        service, tool = binding.services[route.service], route.tool
        project = self._registry.projects.get(binding.project)
        if project is None:
            cause = f"the PipedreamProject {binding.project} does not exist"
            return failure(service, GiveUp(Verdict.PROJECT_CREDENTIAL_INVALID, Outcome.NOT_RUN, cause), 0)
        provider, place = self._registry.provider(binding, service), (binding.name, service.name)
        call = LiveCall(self._scene, caller, binding, service, tool, provider, begun, place)
        asked = Asked(
            asker=call,
            key=SessionKey(project, service.app, binding.user, service.account_id),
            method="tools/call",
            params=params,
            speaks=caller.speaks,
            on_notification=call.heard,
            on_request=caller.ask,
            tool=tool.name,
            param_headers=tool.headers,
        )
        operation = Operation(tool.read_only, begun + service.timeout_seconds, binding.resilience)
        came = await self._admitting.run(place, asked, operation)
        self._metrics.duration_by[service.app,].observe(self._clock.monotonic() - begun)
        return call.answered(came) if isinstance(came, Answered) else call.unanswered(came)


def _arguments(params: _Params) -> dict[str, Any]:
    try:
        return msgspec.json.decode(params.arguments, type=dict[str, Any] | None) or {}
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"tools/call: arguments: {error}") from error


def _check_headers(tool: Tool, arguments: dict[str, Any], headers: Mapping[str, str]) -> None:
    if fault := mismatch(tool.headers, arguments, headers):
        raise HeaderMismatchError(fault)


def _renamed(params: bytes, name: str) -> bytes:
    fields = msgspec.json.decode(params, type=dict[str, msgspec.Raw])
    return msgspec.json.encode({**fields, "name": name})
