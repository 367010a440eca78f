"""A line to a server that can be cut while a reply is on its way."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

_CHUNK = 65536


@dataclass(slots=True)
class Line:
    """Where the line begins, and whether it is about to be cut."""

    url: str = ""
    _cut: bool = False

    def cut_next_reply(self) -> None:
        """Cut the connection on which the next reply comes, before any of the reply has passed."""
        self._cut = True

    def is_cut_now(self) -> bool:
        """Whether this reply is the one; asked once a reply."""
        cut, self._cut = self._cut, False
        return cut


@asynccontextmanager
async def cuttable(url: str, port: int = 0) -> AsyncIterator[Line]:
    """Pass TCP connections on to the server at a URL; port 0 takes a free one."""
    address, line = urlsplit(url), Line()

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        replies, requests = await asyncio.open_connection(address.hostname, address.port)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(_requests(reader, requests))
                tasks.create_task(_replies(replies, writer, line))
        finally:
            requests.close()
            writer.close()

    server = await asyncio.start_server(carry, "127.0.0.1", port)
    line.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield line
    finally:
        server.close()


async def _requests(reader: asyncio.StreamReader, upstream: asyncio.StreamWriter) -> None:
    while chunk := await reader.read(_CHUNK):
        upstream.write(chunk)
        await upstream.drain()
    upstream.close()


async def _replies(upstream: asyncio.StreamReader, writer: asyncio.StreamWriter, line: Line) -> None:
    while chunk := await upstream.read(_CHUNK):
        if line.is_cut_now():
            break
        writer.write(chunk)
        await writer.drain()
    writer.close()
