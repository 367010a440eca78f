"""The runtime's HTTP server, byte by byte: what it reads, answers and refuses."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipewise_runtime.server.asgi import Receive, Scope, Send
from pipewise_runtime.server.http.connection import MOST_HEAD_BYTES
from support.raw_http import GET, Client, echo, pieces, post, site


async def stream(_scope: Scope, _receive: Receive, send: Send) -> None:
    """Answer in parts."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    for part in (b"one ", b"", b"two "):
        await send({"type": "http.response.body", "body": part, "more_body": True})
    await send({"type": "http.response.body", "body": b"three"})


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
