"""Tokens in Secrets as time passes: looked up again in good time, and waited for where they are missing."""

import asyncio
import base64
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pipewise_runtime.ports import TokenUnavailableError
from pipewise_runtime.sources.cluster import connect
from pipewise_runtime.sources.secret_tokens import SecretTokens
from support.cluster import KubectlError, Namespace
from support.eventually import eventually
from support.runtimes import kubeconfig_to, token_manifest

END = datetime(2030, 1, 1, tzinfo=UTC)


class Watch:
    """A clock that the test sets."""

    def __init__(self) -> None:
        self.time = END - timedelta(hours=1)

    def now(self) -> datetime:
        """The time."""
        return self.time


@asynccontextmanager
async def reading(namespace: Namespace, watch: Watch) -> AsyncIterator[SecretTokens]:
    client = connect(namespace.cluster.kubeconfig, namespace.name)
    try:
        yield SecretTokens(client, watch.now)
    finally:
        await client.close()


def token(namespace: Namespace, value: str, ends: datetime = END) -> None:
    namespace.apply(token_manifest(value, ends.isoformat()))


async def test_a_token_that_ends_soon_is_looked_up_again_while_it_is_used(namespace: Namespace) -> None:
    watch = Watch()
    async with reading(namespace, watch) as tokens:
        token(namespace, "first")
        assert (await tokens.current("default")).value == "first"
        token(namespace, "second", END + timedelta(hours=1))
        watch.time = END - timedelta(seconds=30)
        held = tokens.held("default")
        assert held
        assert held.value == "first"
        await eventually(lambda: (now := tokens.held("default")) and now.value == "second")


async def test_a_token_that_has_ended_is_given_to_nobody(namespace: Namespace) -> None:
    watch = Watch()
    async with reading(namespace, watch) as tokens:
        token(namespace, "first")
        await tokens.current("default")
        watch.time = END
        assert tokens.held("default") is None
        token(namespace, "second", END + timedelta(hours=1))
        assert (await tokens.current("default")).value == "second"


async def test_a_token_that_is_missing_is_waited_for_by_whoever_had_its_forerunner_refused(
    namespace: Namespace,
) -> None:
    async with reading(namespace, Watch()) as tokens:
        token(namespace, "first")
        first = await tokens.current("default")
        namespace.kubectl("delete", "secret", "default-pipedream-token")
        waiting = asyncio.create_task(tokens.after("default", first))
        done, _ = await asyncio.wait((waiting,), timeout=1.2)  # looked for, and again after a second
        assert not done
        token(namespace, "second")
        assert (await waiting).value == "second"
        assert (await tokens.after("default", first)).value == "second"


async def test_a_refused_token_that_is_still_there_is_not_taken_for_another(namespace: Namespace) -> None:
    async with reading(namespace, Watch()) as tokens:
        token(namespace, "first")
        first = await tokens.current("default")
        waiting = asyncio.create_task(tokens.after("default", first))
        done, _ = await asyncio.wait((waiting,), timeout=0.5)
        assert not done
        token(namespace, "second")
        tokens.announced("default", END + timedelta(hours=1))  # wakes whoever waits
        assert (await waiting).value == "second"


@pytest.mark.parametrize(
    ("data", "cause"),
    [
        ({"token": "x"}, "'expires-at' is missing"),
        ({"token": "x", "expires-at": "tomorrow"}, "tomorrow"),
        ({}, "'token' is missing"),
    ],
)
async def test_a_secret_that_is_none_of_the_operators_is_told_by_name(
    namespace: Namespace, data: dict[str, str], cause: str
) -> None:
    encoded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
    metadata = {"name": "default-pipedream-token"}
    namespace.apply({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": encoded})
    async with reading(namespace, Watch()) as tokens:
        with pytest.raises(TokenUnavailableError, match=cause) as told:
            await tokens.current("default")
    assert "default-pipedream-token" in str(told.value)


async def test_a_token_outlasts_a_look_that_fails(namespace: Namespace, tmp_path: Path) -> None:
    path = tmp_path / "config"
    token(namespace, "first")
    own = namespace.service_account_token("reader")
    path.write_text(namespace.cluster.plane.kubeconfig_text(own, namespace.name))
    namespace.kubectl("create", "role", "read", "--verb=get", "--resource=secrets")
    namespace.kubectl("create", "rolebinding", "read", "--role=read", f"--serviceaccount={namespace}:reader")
    client, watch = connect(path, namespace.name), Watch()
    tokens = SecretTokens(client, watch.now)
    await eventually(lambda: _can_read(tokens))
    first = await tokens.current("default")
    namespace.kubectl("delete", "rolebinding", "read")
    await eventually(lambda: _is_forbidden(namespace))
    watch.time = END
    assert await tokens.current("default") is first, "whoever is refused with it will wait for another"
    await client.close()


def test_a_program_that_ends_while_a_token_is_read_ends(tmp_path: Path) -> None:
    async def begin(kubeconfig: Path) -> None:
        tokens = SecretTokens(connect(kubeconfig, "sales"))
        waiting = asyncio.create_task(tokens.current("default"))
        assert await asyncio.wait((waiting,), timeout=0.1) == (set(), {waiting})

    with socket.create_server(("127.0.0.1", 0)) as silent:
        asyncio.run(begin(kubeconfig_to(f"http://127.0.0.1:{silent.getsockname()[1]}", tmp_path)))


async def _can_read(tokens: SecretTokens) -> bool:
    try:
        await tokens.current("default")
    except TokenUnavailableError:
        return False
    return True


def _is_forbidden(namespace: Namespace) -> bool:
    who = f"--as=system:serviceaccount:{namespace}:reader"
    try:
        return namespace.kubectl("auth", "can-i", "get", "secrets", who).strip() == "no"
    except KubectlError:
        return True
