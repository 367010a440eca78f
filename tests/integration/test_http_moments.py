"""The runtime's HTTP server where much is under way at once: many who listen, slow readers, answers begun."""

import asyncio

from pipewise_runtime.server.asgi import Receive, Scope, Send, body_of, send_text
from support.eventually import eventually
from support.raw_http import GET, site


async def test_all_who_wait_to_hear_of_a_client_are_told_that_it_is_gone() -> None:
    seen: list[str] = []
    waiting = asyncio.Event()

    async def several(_scope: Scope, receive: Receive, _send: Send) -> None:
        await body_of(receive, 10)
        impatient, *others = [asyncio.ensure_future(receive()) for _ in range(3)]
        await asyncio.wait((impatient,), timeout=0)
        impatient.cancel()
        waiting.set()
        seen.extend([(await other)["type"] for other in others])

    async with site(several) as there:
        async with there.client() as client:
            client.send(GET)
            await waiting.wait()
        await eventually(lambda: seen == ["http.disconnect"] * 2)


async def test_a_body_that_nobody_reads_yet_is_not_taken_without_end() -> None:
    taken = asyncio.Event()
    may_read = asyncio.Event()

    async def late(_scope: Scope, receive: Receive, send: Send) -> None:
        taken.set()
        await may_read.wait()
        await send_text(send, 200, b"%d" % len(await body_of(receive, 100_000_000)))

    size = 20_000_000
    async with site(late) as there, there.client() as client:
        client.send(b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % size, b"x" * size)
        await taken.wait()
        before = -1

        def rests() -> bool:
            nonlocal before
            was, before = before, client.writer.transport.get_write_buffer_size()
            return was == before

        await eventually(rests)
        assert client.writer.transport.get_write_buffer_size() > size // 4
        may_read.set()
        assert (await client.response())[2] == b"%d" % size


async def test_rubbish_behind_an_answer_that_was_begun_is_not_answered_into_it() -> None:
    begun = asyncio.Event()

    async def stream(_scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"part", "more_body": True})
        begun.set()
        while (await receive())["type"] != "http.disconnect":
            pass

    async with site(stream) as there, there.client() as client:
        client.send(GET)
        await begun.wait()
        client.send(b"rubbish\r\n\r\n")
        answer = await client.rest()
    assert answer.endswith(b"4\r\npart\r\n")
    assert b" 400 " not in answer
