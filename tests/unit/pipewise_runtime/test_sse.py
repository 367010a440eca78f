"""The reader of event streams: however the bytes are cut, the same messages come out."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipewise_runtime.upstream.sse import SseParser

LINES = st.sampled_from(
    [b"data: one", b"data:two", b"data", b"data:", b"data:  two spaces", b": comment", b"", b"", b"id: 7",
     b"id", b"id:a\0b", b"event: message", b"event: ping", b"event", b"retry: 10", b"retry: soon",
     b"database: no", b"data: \xc3\xb1", b"dat"]
)  # fmt: skip
ENDS = st.sampled_from([b"\n", b"\r", b"\r\n"])


def reference(stream: bytes) -> tuple[list[bytes], bytes]:
    """The rules of server-sent events, over a whole stream at once: the messages, and the last id."""
    text = stream.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    found, data, kind, identity, last = [], list[bytes](), b"", b"", b""
    for line in text.split(b"\n")[:-1]:
        name, _, value = line.partition(b":")
        value = value[1:] if value.startswith(b" ") else value
        if not line:
            if data and kind in {b"", b"message"}:
                found.append(b"\n".join(data))
            data, kind, last = [], b"", identity
        elif name == b"id" and b"\0" not in value:
            identity = value
        elif name == b"data":
            data.append(value)
        elif name == b"event":
            kind = value
    return found, last


@st.composite
def streams(draw: st.DrawFn) -> bytes:
    mark = draw(st.sampled_from([b"", b"\xef\xbb\xbf"]))
    lines = draw(st.lists(st.tuples(LINES, ENDS), max_size=20))
    last = draw(st.sampled_from([b"", b"data: unfinished", b"data: x\n"]))
    return mark + b"".join(line + end for line, end in lines) + last


@given(streams(), st.lists(st.integers(0, 300), max_size=10))
def test_any_chunking_gives_the_same_messages(stream: bytes, cuts: list[int]) -> None:
    places = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    parser, found = SseParser(), []
    for start, end in pairwise(places):
        found += parser.feed(stream[start:end])
        assert 0 <= parser.pending() <= len(stream)
    assert (found, parser.last_id) == reference(stream)


@given(streams())
def test_byte_by_byte_gives_the_same_messages(stream: bytes) -> None:
    parser = SseParser()
    found = [message for place in range(len(stream)) for message in parser.feed(stream[place : place + 1])]
    assert (found, parser.last_id) == reference(stream)


@pytest.mark.parametrize(
    ("said", "seconds"),
    [(b"retry: 250", 0.25), (b"retry:0", 0.0), (b"retry: -1", None), (b"retry: " + b"9" * 5000, None)],
)
def test_the_server_says_when_to_come_back(said: bytes, seconds: float | None) -> None:
    parser = SseParser()
    assert parser.feed(said + b"\n") == []
    assert parser.retry_seconds == seconds


def test_nothing_is_held_after_a_message_and_all_of_an_unfinished_one() -> None:
    parser = SseParser()
    assert parser.feed(b"data: whole\n\n") == [b"whole"]
    assert parser.pending() == 0
    assert parser.feed(b"data: half") == []
    assert parser.pending() == len(b"data: half")
    assert parser.feed(b"\ndata:\ndata:\n") == []
    assert parser.pending() >= len(b"half") + 3


def test_a_message_in_many_chunks_costs_no_more_than_one_in_few() -> None:
    parser = SseParser()
    for _ in range(50_000):
        assert parser.feed(b"x" * 500) == []
    assert parser.pending() == 25_000_000
