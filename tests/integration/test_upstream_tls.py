"""TLS to the upstream: spoken, and its certificate checked."""

import ssl
from pathlib import Path

import pytest

from pipewise_runtime.upstream.connection import Attempt
from pipewise_runtime.upstream.host import Host
from pipewise_runtime.upstream.leases import Origin
from pipewise_runtime.upstream.reply import NotSentError
from support.certificates import self_signed
from support.hostile import properly, upstream


async def test_tls_is_spoken_and_the_certificate_checked(tmp_path: Path) -> None:
    server, trusting = self_signed(tmp_path)
    async with upstream(properly, server) as running:
        for tls, works in ((trusting, True), (ssl.create_default_context(), False)):
            host = Host(Origin.of(running.url), tls)
            attempt = Attempt(b'POST /v3 HTTP/1.1\r\ncontent-length: 21\r\n\r\n{"id":1,"method":"x"}')
            if works:
                assert (await host.exchange(attempt)).status == 200
            else:
                with pytest.raises(NotSentError, match="certificate"):
                    await host.exchange(attempt)
            await host.close()
