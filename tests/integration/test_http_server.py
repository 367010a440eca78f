"""The runtime's HTTP server, byte by byte: what it reads, writes, refuses and survives."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipewise_runtime.server.asgi import Receive, Scope, Send, TooLargeError, body_of, send_json, send_text
from pipewise_runtime.server.http.connection import MOST_HEAD_BYTES
from support.eventually import eventually
from support.raw_http import Client, pieces, site

GET = b"GET /there?x=1 HTTP/1.1\r\nHost: here\r\n\r\n"


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with what was asked."""
    body = await body_of(receive, 10_000_000)
    said = b"%b %b?%b %b" % (scope["method"].encode(), scope["raw_path"], scope["query_string"], body)
    await send_text(send, 200, said)


async def stream(_scope: Scope, _receive: Receive, send: Send) -> None:
    """Answer in parts."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    for part in (b"one ", b"", b"two "):
        await send({"type": "http.response.body", "body": part, "more_body": True})
    await send({"type": "http.response.body", "body": b"three"})


def post(body: bytes, *headers: bytes, target: bytes = b"/") -> bytes:
    lines = b"".join(header + b"\r\n" for header in (b"Content-Length: %d" % len(body), *headers))
    return b"POST %b HTTP/1.1\r\nHost: here\r\n%b\r\n%b" % (target, lines, body)


async def test_requests_follow_each_other_on_one_connection() -> None:
    async with site(echo) as there, there.client() as client:
        for number in range(3):
            client.send(post(b"%d" % number, target=b"/a%20b"))
            status, headers, body = await client.response()
            assert (status, body) == (200, b"POST /a%%20b? %d" % number)
            assert headers[b"date"].endswith(b" GMT")
            assert b"connection" not in headers


async def test_requests_sent_at_once_are_answered_in_their_order() -> None:
    async with site(echo) as there, there.client() as client:
        client.send(post(b"first"), GET, post(b"third"))
        assert [(await client.response())[2] for _ in range(3)] == [
            b"POST /? first",
            b"GET /there?x=1 ",
            b"POST /? third",
        ]


async def test_a_body_may_come_in_chunks_and_late() -> None:
    async with site(echo) as there, there.client() as client:
        client.send(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n")
        assert await client.reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        for part in (b"3\r\nabc\r\n", b"2\r\nde\r\n", b"0\r\n\r\n"):
            client.send(part)
            await client.writer.drain()
        assert (await client.response())[2] == b"POST /? abcde"


async def test_a_body_longer_than_is_read_ahead_arrives_whole() -> None:
    body = b"x" * 3_000_000
    async with site(echo) as there, there.client() as client:
        client.send(post(body))
        assert (await client.response())[2] == b"POST /? " + body


@pytest.mark.parametrize("version", [b"1.0", b"1.1"])
async def test_an_answer_in_parts_arrives_whole(version: bytes) -> None:
    async with site(stream) as there, there.client() as client:
        client.send(b"GET / HTTP/%b\r\n\r\n" % version)
        if version == b"1.1":
            assert (await client.response())[2] == b"one two three"
            client.send(GET)
            assert (await client.response())[2] == b"one two three"
        else:
            answer = await client.rest()
            assert answer.endswith(b"\r\n\r\none two three")
            assert answer.count(b"connection: close\r\n") == 1


async def test_a_head_alone_is_answered_without_a_body() -> None:
    async with site(echo) as there, there.client() as client:
        client.send(b"HEAD / HTTP/1.1\r\n\r\n", GET)
        head = await client.reader.readuntil(b"\r\n\r\n")
        assert b"content-length: 8\r\n" in head
        assert (await client.response())[2] == b"GET /there?x=1 "


@pytest.mark.parametrize(
    "end",
    [b"HTTP/1.0\r\n", b"HTTP/1.0\r\nConnection: keep-alive\r\n", b"HTTP/1.1\r\nConnection: close\r\n"],
)
async def test_who_wants_no_more_is_let_go(end: bytes) -> None:
    async with site(echo) as there, there.client() as client:
        client.send(b"GET / %b\r\n" % end)
        answer = await client.rest()
        assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
        assert b"connection: close\r\n" in answer


async def test_who_wants_another_protocol_is_answered_in_this_one() -> None:
    async with site(echo) as there, there.client() as client:
        wish = (b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAEAAEAAAAIAAAAB")
        for number in range(2):
            text = post(b"hello %d" % number, *wish)
            client.send(text[:-3])
            await client.writer.drain()
            client.send(text[-3:])
            assert (await client.response())[2] == b"POST /? hello %d" % number
        client.send(GET.replace(b"\r\n\r\n", b"\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"), GET)
        assert [(await client.response())[0] for _ in range(2)] == [200, 200]


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"\x16\x03\x01 this is TLS\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nno colon\r\n\r\n", 400),
        (b"CONNECT elsewhere:443 HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET http://elsewhere/ HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    ],
)
async def test_what_is_no_request_is_refused_and_the_connection_ends(sent: bytes, status: int) -> None:
    async with site(echo) as there, there.client() as client:
        client.send(sent)
        answer = await client.rest()
        assert answer.startswith(b"HTTP/1.1 %d " % status)
        async with there.client() as another:
            another.send(GET)
            assert (await another.response())[0] == 200


@pytest.mark.parametrize("begin", [b"GET / HTTP/1.1\r\nx: ", b"GET /"])
async def test_a_head_without_end_is_refused(begin: bytes) -> None:
    async with site(echo) as there, there.client() as client:
        client.send(GET, begin)
        assert (await client.response())[0] == 200
        client.send(b"y" * (MOST_HEAD_BYTES + 1))
        assert (await client.rest()).startswith(b"HTTP/1.1 431 ")


async def test_rubbish_after_a_request_ends_the_connection() -> None:
    async with site(echo) as there, there.client() as client:
        client.send(GET, b"rubbish\r\n\r\n")
        assert b"rubbish" not in await client.rest()


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


async def test_on_stopping_what_does_not_finish_is_cut_off() -> None:
    async def never(_scope: Scope, _receive: Receive, _send: Send) -> None:
        await asyncio.Event().wait()

    async with site(never, drain_seconds=0.05) as there, there.client() as client:
        client.send(GET)
        await client.writer.drain()
        await eventually(lambda: len(asyncio.all_tasks()) > 1)
        await asyncio.wait_for(there.listener.stop(), 5)
        assert not (await client.rest()).startswith(b"HTTP/1.1 200")


async def _answers(sent: list[bytes], count: int) -> list[bytes]:
    async with site(echo) as there, there.client() as client:
        for piece in sent:
            client.send(piece)
            await client.writer.drain()
            await asyncio.sleep(0)
        return [(await client.response())[2] for _ in range(count)]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.binary(max_size=60), min_size=1, max_size=4), st.lists(st.integers(0, 600), max_size=12))
def test_however_requests_are_cut_they_are_answered_alike(bodies: list[bytes], cuts: list[int]) -> None:
    text = b"".join(post(body) for body in bodies)
    assert asyncio.run(_answers(pieces(text, cuts), len(bodies))) == [b"POST /? " + body for body in bodies]


async def _survives(rubbish: bytes) -> None:
    async with site(echo) as there:
        async with there.client() as client:
            client.send(rubbish)
            await client.writer.drain()
            client.writer.write_eof()
            with_end = await client.rest()
            assert with_end == b"" or with_end.startswith(b"HTTP/1.1 ")
        async with there.client() as another:
            another.send(GET)
            assert (await another.response())[0] == 200


@settings(max_examples=60, deadline=None)
@given(
    st.one_of(
        st.binary(max_size=400),
        st.tuples(st.integers(0, len(GET) - 1), st.binary(max_size=20)).map(
            lambda change: GET[: change[0]] + change[1] + GET[change[0] :]
        ),
    )
)
def test_no_rubbish_harms_it(rubbish: bytes) -> None:
    asyncio.run(_survives(rubbish))


async def test_clients_of_all_kinds_at_once() -> None:
    async with site(echo) as there:

        async def many(name: int) -> list[bytes]:
            async with there.client() as client:
                return [await _asked(client, b"%d-%d" % (name, each)) for each in range(20)]

        answers = await asyncio.gather(*(many(name) for name in range(30)))
        for name, said in enumerate(answers):
            assert said == [b"POST /? %d-%d" % (name, each) for each in range(20)]


async def _asked(client: Client, body: bytes) -> bytes:
    client.send(post(body))
    return (await client.response())[2]


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
