"""The runtime's HTTP server where something ends early or late: bodies, clients, the application, all."""

import asyncio

from pipewise_runtime.server.asgi import Receive, Scope, Send, TooLargeError, body_of, send_json, send_text
from support.eventually import eventually
from support.raw_http import GET, echo, post, site


async def test_a_defect_of_the_application_is_an_answer_too() -> None:
    async def broken(_scope: Scope, _receive: Receive, _send: Send) -> None:
        raise RuntimeError("a defect")

    async def mute(_scope: Scope, _receive: Receive, _send: Send) -> None:
        return

    async def half(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"part", "more_body": True})

    for app in (broken, mute):
        async with site(app) as there, there.client() as client:
            client.send(GET)
            assert (await client.response())[0] == 500
            assert await client.rest() == b""
    async with site(half) as there, there.client() as client:
        client.send(GET)
        assert not (await client.rest()).endswith(b"0\r\n\r\n"), "a whole answer was feigned"


async def test_an_answer_before_the_body_is_whole_leaves_the_connection_usable() -> None:
    async def hasty(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send_text(send, 200, b"no need")

    async with site(hasty) as there, there.client() as client:
        client.send(b"POST / HTTP/1.1\r\nContent-Length: 6\r\n\r\nabc")
        assert (await client.response())[2] == b"no need"
        client.send(b"def", GET)
        assert (await client.response())[2] == b"no need"
        client.send(b"POST / HTTP/1.1\r\nContent-Length: 5000000\r\n\r\n", b"x" * 4_000_000)
        assert (await client.response())[2] == b"no need"
        client.send(b"x" * 1_000_000, GET)
        assert (await client.response())[2] == b"no need"


async def test_who_never_sends_the_rest_of_a_body_that_was_answered_is_let_go() -> None:
    async def hasty(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send_text(send, 200, b"no need")

    async with site(hasty, idle_seconds=0.1) as there, there.client() as client:
        client.send(b"POST / HTTP/1.1\r\nContent-Length: 6\r\n\r\nabc")
        assert (await client.rest()).endswith(b"no need")


async def test_nothing_is_written_to_who_left_before_an_application_that_says_nothing() -> None:
    gone = asyncio.Event()

    async def mute(_scope: Scope, receive: Receive, _send: Send) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        gone.set()

    async with site(mute) as there:
        async with there.client() as client:
            client.send(GET)
            await client.writer.drain()
        await asyncio.wait_for(gone.wait(), 5)


async def test_a_refused_body_ends_the_connection_where_the_application_says_so() -> None:
    async def strict(_scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await body_of(receive, 10)
        except TooLargeError:
            await send_json(send, b'"too long"', 413, ((b"connection", b"close"),))

    async with site(strict) as there, there.client() as client:
        client.send(b"POST / HTTP/1.1\r\nContent-Length: 5000000\r\n\r\n", b"x" * 1000)
        assert (await client.rest()).endswith(b'"too long"')


async def test_an_application_is_told_that_its_client_is_gone_and_writes_to_nobody() -> None:
    seen: list[str] = []

    async def waiting(_scope: Scope, receive: Receive, send: Send) -> None:
        while (message := await receive())["type"] != "http.disconnect":
            seen.append(message["type"])
        await send_text(send, 200, b"to nobody")
        seen.append("sent")

    async with site(waiting) as there:
        async with there.client() as client:
            client.send(GET)
            await eventually(lambda: seen == ["http.request"])
        await eventually(lambda: seen == ["http.request", "sent"])


async def test_who_reads_slowly_is_written_to_slowly() -> None:
    written = 0

    async def endless(_scope: Scope, _receive: Receive, send: Send) -> None:
        nonlocal written
        await send({"type": "http.response.start", "status": 200, "headers": []})
        while written < 100_000_000:
            await send({"type": "http.response.body", "body": b"x" * 100_000, "more_body": True})
            written += 100_000

    before = -1

    def rests() -> bool:
        nonlocal before
        was, before = before, written
        return was == written > 0

    async with site(endless) as there, there.client() as client:
        client.send(GET)
        await eventually(rests)
        assert written < 50_000_000
        assert len(await client.reader.read(10)) == 10


async def test_an_idle_connection_is_closed_in_the_end() -> None:
    async with site(echo, idle_seconds=0.1) as there, there.client() as client:
        client.send(GET)
        assert (await client.response())[0] == 200
        assert await client.rest() == b""
        async with there.client() as silent:
            silent.send(b"GET / HT")
            assert await silent.rest() == b""


async def test_on_stopping_calls_finish_others_are_refused_and_nobody_waits_for_ever() -> None:
    may_finish, begun = asyncio.Event(), asyncio.Event()

    async def slow(_scope: Scope, _receive: Receive, send: Send) -> None:
        begun.set()
        await may_finish.wait()
        await send_text(send, 200, b"done")

    async with site(slow, drain_seconds=30) as there, there.client() as client, there.client() as other:
        client.send(GET)
        await begun.wait()
        stopping = asyncio.create_task(there.listener.stop())
        await asyncio.sleep(0)
        other.send(GET)
        status, headers, _ = await other.response()
        assert (status, headers[b"retry-after"]) == (503, b"1")
        async with there.client() as late:
            late.send(GET)
            assert (await late.response())[0] == 503
        may_finish.set()
        assert (await client.response())[2] == b"done"
        await asyncio.wait_for(stopping, 5)


async def test_on_stopping_what_takes_too_long_is_asked_for_an_answer() -> None:
    cut_short = asyncio.Event()

    async def slow(_scope: Scope, _receive: Receive, send: Send) -> None:
        await cut_short.wait()
        await send_text(send, 200, b"cut short")

    async with site(slow, drain_seconds=0.05) as there, there.client() as client:
        client.send(GET)
        await client.writer.drain()
        await eventually(lambda: len(asyncio.all_tasks()) > 1)
        await asyncio.wait_for(there.listener.stop(cut_short.set), 5)
        assert (await client.response())[2] == b"cut short"


async def test_on_stopping_what_does_not_even_answer_then_is_cut_off() -> None:
    async def never(_scope: Scope, _receive: Receive, _send: Send) -> None:
        await asyncio.Event().wait()

    async with site(never, drain_seconds=0.05) as there, there.client() as client:
        client.send(GET)
        await client.writer.drain()
        await eventually(lambda: len(asyncio.all_tasks()) > 1)
        await asyncio.wait_for(there.listener.stop(), 5)
        assert not (await client.rest()).startswith(b"HTTP/1.1 200")


async def test_no_more_requests_are_read_than_can_wait() -> None:
    may_answer, count, begun, left = asyncio.Event(), 20_000, 0, [-1, -2]

    async def slow(_scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal begun
        begun += 1
        await receive()
        if begun > count / 100:
            await may_answer.wait()
        await send_text(send, 200, b"done")

    async with site(slow) as there, there.client() as client:

        def rests() -> bool:
            left.append(client.writer.transport.get_write_buffer_size())
            return left[-1] == left[-2] > 0

        client.send(post(b"x" * 1000) * count)
        await eventually(rests)
        may_answer.set()
        assert {(await client.response())[0] for _ in range(count)} == {200}
