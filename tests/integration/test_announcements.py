"""What an upstream says of changes of its tools reaches the agents, whatever else happens in that moment."""

from pipewise_runtime.ports import Caller
from pipewise_runtime.server.questions import unasked
from support.engine import AGENT, USER, binding
from support.eventually import eventually
from support.probed import ANNOUNCES, Announcing, Probed, probed


def told(rig: Probed) -> list[bool]:
    """An entry for each time that the agent is told."""
    times: list[bool] = []
    rig.engine.watch_tools(AGENT, USER, lambda: times.append(True))
    return times


async def test_a_list_that_changes_is_offered_from_then_on_and_the_same_list_is_kept() -> None:
    app = Announcing(["sendgrid-x"])
    async with probed(app, ANNOUNCES) as rig:
        offered = await rig.engine.tools(binding())
        await eventually(lambda: app.stream)
        times = told(rig)
        app.announce()
        await eventually(lambda: len(times) == 1)
        assert await rig.engine.tools(binding()) is offered
        app.names = ["sendgrid-y"]
        app.announce()
        await eventually(lambda: len(times) == 2)
        assert b"sendgrid-y" in await rig.engine.tools(binding())
        assert rig.evidence.providers()[0].tools == 1


async def test_an_announcement_is_looked_into_though_a_call_is_answered_in_the_same_moment() -> None:
    app = Announcing(["sendgrid-x"])
    async with probed(app, ANNOUNCES) as rig:
        await rig.engine.tools(binding())
        await eventually(lambda: app.stream)
        times = told(rig)
        app.on_call = app.announce  # both are there when the runtime looks at its sockets next
        await rig.engine.call(binding(), b'{"name":"sendgrid-x"}', Caller(print, unasked))
        await eventually(lambda: times)


async def test_a_stream_that_is_cut_is_opened_again_and_what_was_missed_is_looked_for() -> None:
    app = Announcing(["sendgrid-x"])
    async with probed(app, ANNOUNCES) as rig:
        await rig.engine.tools(binding())
        first = await eventually(lambda: app.stream)
        times = told(rig)
        app.names = ["sendgrid-y"]
        first.writer.close()
        await eventually(lambda: times, within=10)
        assert b"sendgrid-y" in await rig.engine.tools(binding())
