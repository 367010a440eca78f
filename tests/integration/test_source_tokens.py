"""Tokens read from the Secrets of a real API server."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest

from pipewise_crds.profiles import BUILT_IN
from pipewise_runtime.ports import TokenUnavailableError
from pipewise_runtime.sources.cluster import connect
from pipewise_runtime.sources.kubernetes import KubernetesSource, Listeners
from pipewise_runtime.sources.roster import Scope
from pipewise_runtime.sources.secret_tokens import SecretTokens
from support.cluster import Cluster, Namespace
from support.eventually import eventually
from support.runtimes import RememberingSink, api_server_away, project_manifest, token_manifest


@asynccontextmanager
async def reading(namespace: Namespace) -> AsyncIterator[SecretTokens]:
    client = connect(namespace.cluster.kubeconfig, namespace.name)
    try:
        yield SecretTokens(client)
    finally:
        await client.close()


async def test_a_token_is_read_from_its_secret_and_again_when_the_project_tells_of_a_new_one(
    namespace: Namespace,
) -> None:
    namespace.apply(project_manifest(), token_manifest("first", "2030-01-01T00:00:00Z"))
    client = connect(namespace.cluster.kubeconfig, namespace.name)
    tokens = SecretTokens(client)
    listeners = Listeners(tokens.announced, lambda: None, lambda: None)
    source = KubernetesSource(client, "runtime-1", Scope(frozenset(), "Sidecar", BUILT_IN), RememberingSink())
    task = asyncio.create_task(source.run(listeners))
    await source.synced.wait()
    assert (await tokens.current("default")).value == "first"
    namespace.apply(token_manifest("second", "2030-01-01T01:00:00Z"))
    namespace.set_status("pipedreamprojects", "default", {"tokenExpiresAt": "2030-01-01T01:00:00Z"})

    async def is_second() -> bool:
        return (await tokens.current("default")).value == "second"

    await eventually(is_second)
    task.cancel()
    await asyncio.wait((task,))
    await client.close()


async def test_a_rejected_token_is_waited_out_until_another_one_is_there(namespace: Namespace) -> None:
    namespace.apply(token_manifest("old", "2030-01-01T00:00:00Z"))
    async with reading(namespace) as tokens:
        old = await tokens.current("default")
        waiting = asyncio.create_task(tokens.after("default", old))
        namespace.apply(token_manifest("new", "2030-01-01T01:00:00Z"))
        async with asyncio.timeout(5):
            assert (await waiting).value == "new"
        assert (await tokens.current("default")).value == "new"


async def test_a_missing_secret_is_told_by_name(namespace: Namespace) -> None:
    async with reading(namespace) as tokens:
        with pytest.raises(TokenUnavailableError, match="default-pipedream-token"):
            await tokens.current("default")


async def test_callers_at_the_same_time_share_one_read(namespace: Namespace) -> None:
    namespace.apply(token_manifest("shared", "2030-01-01T00:00:00Z"))
    async with reading(namespace) as tokens:
        first, *rest = [asyncio.create_task(tokens.current("default")) for _ in range(20)]
        await asyncio.sleep(0)
        first.cancel()
        read = await asyncio.gather(*rest)
    assert len({id(token) for token in read}) == 1


async def test_a_token_that_still_holds_is_given_while_the_api_server_is_away(
    cluster: Cluster, namespace: Namespace
) -> None:
    soon = datetime.now(UTC).replace(microsecond=0)
    namespace.apply(token_manifest("held", soon.replace(year=soon.year + 1).isoformat()))
    async with reading(namespace) as tokens:
        await tokens.current("default")
        with api_server_away(cluster):
            tokens.announced("default", soon)
            assert (await tokens.current("default")).value == "held"
