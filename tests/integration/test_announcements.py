"""What an upstream says of changes of its tools reaches the agents, whatever else happens in that moment."""

import json

from pipewise_runtime.ports import Caller
from pipewise_runtime.server.questions import unasked
from support.engine import AGENT, USER, binding, service
from support.eventually import eventually
from support.hostile import Exchange
from support.probed import ANNOUNCES, CHANGED, Announcing, Probed, probed


def told(rig: Probed) -> list[bool]:
    """An entry for each time that the agent is told."""
    times: list[bool] = []
    rig.engine.watch_tools(AGENT, USER, lambda: times.append(True))
    return times


async def test_a_list_that_changes_is_offered_from_then_on_and_the_same_list_is_kept() -> None:
    app = Announcing(["sendgrid-x"])
    async with probed(app, ANNOUNCES) as rig:
        offered = await rig.engine.tools(binding())
        await eventually(lambda: app.streams)
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
        await eventually(lambda: app.streams)
        times = told(rig)
        app.on_call = app.announce  # both are there when the runtime looks at its sockets next
        await rig.call("sendgrid-x")
        await eventually(lambda: times)


async def test_an_announcement_on_the_stream_of_a_call_is_for_all_and_not_for_its_caller() -> None:
    async def changing(exchange: Exchange) -> None:
        if exchange.method == "tools/list":
            exchange.write_result(tools=[{"name": "sendgrid-x"}])
        else:
            exchange.begin_events()
            exchange.chunk(CHANGED)
            exchange.chunk(b"data: %b\n\n" % exchange.answer())
            exchange.chunk(b"")

    heard: list[bytes] = []
    async with probed(changing) as rig:
        await rig.engine.tools(binding())
        times = told(rig)
        assert await rig.call("sendgrid-x", Caller(heard.append, unasked))
        await eventually(lambda: times)
    assert heard == []


async def test_a_stream_that_ends_or_is_cut_is_opened_again_and_what_was_missed_is_looked_for() -> None:
    app = Announcing(["sendgrid-x"])
    async with probed(app, ANNOUNCES) as rig:
        both = binding(service(), service("twitter", "twitter"))
        rig.engine.serve(both)
        await rig.engine.tools(both)
        await eventually(lambda: len(app.streams) == 2)
        times = told(rig)
        app.names = ["sendgrid-y"]
        app.streams[0].writer.close()
        app.streams[1].chunk(b"")
        await eventually(lambda: len(app.streams) == 4, within=10)
        await eventually(lambda: len(times) == 2)
        assert b"sendgrid-y" in await rig.engine.tools(both)
        rig.engine.serve(binding())
        await eventually(lambda: sum(each.writer.is_closing() for each in app.streams) == 3)


async def test_a_stream_ends_with_the_binding_it_was_opened_for_and_another_users_takes_its_place() -> None:
    app = Announcing(["sendgrid-x"])
    async with probed(app, ANNOUNCES) as rig:
        rig.engine.serve(binding(name="other", user="other"))
        await rig.engine.tools(binding())
        await eventually(lambda: app.streams)
        rig.engine.drop(binding().name)
        await eventually(lambda: len(app.streams) == 2)
        users = [
            next(line for line in each.head.split(b"\r\n") if b"user-id" in line) for each in app.streams
        ]
        assert [line.partition(b": ")[2] for line in users] == [USER.encode(), b"other"]
        await eventually(app.streams[0].writer.is_closing)
        rig.engine.drop("other")
        await eventually(app.streams[1].writer.is_closing)
        assert len(app.streams) == 2


async def test_an_app_without_the_stream_is_not_asked_for_it_again() -> None:
    app = Announcing(["sendgrid-x"])
    refused = 0

    async def refusing(exchange: Exchange) -> None:
        nonlocal refused
        if exchange.method == "GET":
            refused += 1
            exchange.refuse(405)
        else:
            await app(exchange)

    async with probed(refusing, ANNOUNCES) as rig:
        await rig.engine.tools(binding())
        await eventually(lambda: refused == 1)
        assert await rig.call("sendgrid-x")
    assert refused == 1


async def test_whatever_else_comes_on_the_stream_is_answered_or_ignored() -> None:
    app = Announcing(["sendgrid-x"])
    answers: list[dict[str, object]] = []

    async def hearing(exchange: Exchange) -> None:
        if exchange.method:
            await app(exchange)
        else:
            answers.append(exchange.message)
            exchange.refuse(202)

    async with probed(hearing, ANNOUNCES) as rig:
        await rig.engine.tools(binding())
        await eventually(lambda: app.streams)
        times = told(rig)
        for data in (b"", b"rubbish", b'{"method":"notifications/message"}', b'{"id":1,"result":{}}'):
            app.streams[0].chunk(b"data: %b\n\n" % data)
        for number, method in enumerate(("ping", "sampling/createMessage")):
            request = json.dumps({"jsonrpc": "2.0", "id": number, "method": method})
            app.streams[0].chunk(b"data: %b\n\n" % request.encode())
        await eventually(lambda: len(answers) == 2)
        app.announce()
        await eventually(lambda: times)
    assert {"jsonrpc": "2.0", "id": 0, "result": {}} in answers
    assert [each["error"]["code"] for each in answers if "error" in each] == [-32601]  # type: ignore[index]


async def test_each_of_those_who_listen_is_told_until_it_leaves() -> None:
    app = Announcing(["sendgrid-x"])
    async with probed(app, ANNOUNCES) as rig:
        await rig.engine.tools(binding())
        await eventually(lambda: app.streams)
        gone: list[bool] = []
        leave = rig.engine.watch_tools(AGENT, USER, lambda: gone.append(True))
        times = told(rig)
        leave()
        app.announce()
        await eventually(lambda: times)
    assert gone == []
