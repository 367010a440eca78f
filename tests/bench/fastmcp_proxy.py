"""FastMCP's own proxy of one app: `python fastmcp_proxy.py default|reused PORT URL`.

Run by its path, with the Python of the place FastMCP is installed in. `default` is what its documentation
shows, `create_proxy(url)`; `reused` keeps one connected client for all.
"""

import asyncio
import sys

from fastmcp import Client  # type: ignore[import-not-found]  # installed for the bench alone
from fastmcp.server import create_proxy  # type: ignore[import-not-found]  # likewise


async def main(how: str, port: int, url: str) -> None:
    """Serve until killed."""
    settings = {"host": "127.0.0.1", "port": port, "show_banner": False, "log_level": "ERROR"}
    if how == "default":
        await create_proxy(url).run_http_async(json_response=True, **settings)
        return
    async with Client(url) as client:
        await create_proxy(client).run_http_async(json_response=True, **settings)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), sys.argv[3]))
