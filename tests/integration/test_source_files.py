"""Bindings from files, tokens minted and accounts listed by the runtime itself, against the sandbox."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipewise_crds.profiles import BUILT_IN
from pipewise_runtime.ports import TokenUnavailableError
from pipewise_runtime.sources.connect import Connect
from pipewise_runtime.sources.files import FileSource
from pipewise_runtime.sources.manifests import ManifestError
from pipewise_runtime.sources.minted_tokens import MintedTokens
from pipewise_runtime.sources.roster import Scope
from support.eventually import eventually
from support.runtimes import RememberingSink, binding_manifest, credentials_manifest, project_manifest
from support.sandbox import Sandbox, SandboxAdmin, sandbox

SCOPE = Scope(frozenset(), "Sidecar", BUILT_IN)


@dataclass
class Rig:
    """A source over a folder, and where it delivers."""

    folder: Path
    source: FileSource
    sink: RememberingSink
    tokens: MintedTokens
    admin: SandboxAdmin

    def write(self, name: str, *manifests: dict[str, Any]) -> None:
        """Write a file as an editor does: all at once."""
        temporary = self.folder / f".{name}.tmp"
        temporary.write_text(yaml.safe_dump_all(manifests))
        temporary.rename(self.folder / name)

    def account(self, binding: str) -> str:
        """What the sink knows of the first account of a binding."""
        return self.sink.bindings[binding].services[0].account


@asynccontextmanager
async def following(
    folder: Path,
    *manifests: dict[str, Any],
    box: Sandbox | None = None,
    **project: Any,  # noqa: ANN401 - JSON
) -> AsyncIterator[Rig]:
    async with AsyncExitStack() as stack:
        box = box or await stack.enter_async_context(sandbox())
        connect, sink = Connect(), RememberingSink()
        source = FileSource(folder, SCOPE, sink, connect)
        rig = Rig(folder, source, sink, MintedTokens(connect, source.credentials_of), box.admin)
        rig.write("project.yaml", project_manifest(base=box.url, **project), credentials_manifest())
        rig.write("bindings.yaml", *manifests)
        source.load()
        task = asyncio.create_task(source.run(rig.tokens))
        try:
            yield rig
        finally:
            task.cancel()
            done, _ = await asyncio.wait((task,), timeout=10)
            await connect.aclose()
            assert done, "it goes on although it was told to end"


async def test_bindings_are_served_and_changes_are_followed(tmp_path: Path) -> None:
    async with following(tmp_path, binding_manifest("one")) as rig:
        assert set(rig.sink.bindings) == {"one"}
        rig.write("more.yaml", binding_manifest("two", "u2"))
        await eventually(lambda: set(rig.sink.bindings) == {"one", "two"})
        (tmp_path / "bindings.yaml").unlink()
        await eventually(lambda: set(rig.sink.bindings) == {"two"})


async def test_the_whole_limit_of_a_project_is_the_share_of_the_one_runtime(tmp_path: Path) -> None:
    async with following(tmp_path, binding_manifest("one")) as rig:
        assert rig.sink.shares == {"default": (2000, 300.0)}
        rig.write("project.yaml", project_manifest("other", limits={"toolRuns": 7, "window": "1m"}))
        await eventually(lambda: rig.sink.shares.get("other") == (7, 60.0))


async def test_a_bad_file_leaves_what_was_served_and_its_mending_is_taken_up(tmp_path: Path) -> None:
    async with following(tmp_path, binding_manifest("one")) as rig:
        rig.write("bindings.yaml", binding_manifest("one", demo="Sometimes"))
        rig.write("more.yaml", binding_manifest("two", "u2"))
        polls = rig.source.looks
        await eventually(lambda: rig.source.looks > polls + 1)
        assert set(rig.sink.bindings) == {"one"}
        rig.write("bindings.yaml", binding_manifest("one", demo="Never"))
        await eventually(lambda: set(rig.sink.bindings) == {"one", "two"})


async def test_a_folder_that_is_bad_at_the_start_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(yaml.safe_dump(binding_manifest("one", usr="u")))
    source = FileSource(tmp_path, SCOPE, RememberingSink(), Connect())
    with pytest.raises(ManifestError, match=r"a\.yaml: AgentMCPBinding one: spec\.usr"):
        source.load()


async def test_accounts_are_listed_with_the_operators_precedence(tmp_path: Path) -> None:
    pinned = [{"name": "sendgrid", "app": "sendgrid", "accountID": "apn_none"}]
    async with following(
        tmp_path,
        binding_manifest("missing", "u0"),
        binding_manifest("best", "u1"),
        binding_manifest("dead", "u2"),
        binding_manifest("pinned", "u1", agent="other", services=pinned),
    ) as rig:
        await rig.admin.add_account("u1", "sendgrid", dead=True)
        healthy = await rig.admin.add_account("u1", "sendgrid")
        await rig.admin.add_account("u2", "sendgrid", dead=True)
        rig.source.recheck_accounts()
        await eventually(lambda: rig.account("dead") == "Dead", within=10)
        assert (rig.account("missing"), rig.account("best")) == ("Missing", "Healthy")
        assert rig.account("pinned") == "Missing"
        assert healthy


async def test_an_account_that_gets_connected_is_seen_soon(tmp_path: Path) -> None:
    async with following(tmp_path, binding_manifest("one", "u1")) as rig:
        await eventually(lambda: rig.account("one") == "Missing")
        await rig.admin.add_account("u1", "sendgrid")
        await eventually(lambda: rig.account("one") == "Healthy", within=10)


async def test_accounts_of_more_than_one_page_are_all_read(tmp_path: Path) -> None:
    async with following(tmp_path, binding_manifest("last", "u1"), environment="production") as rig:
        for number in range(120):
            await rig.admin.add_account(f"other-{number}", "sendgrid", environment="production")
        await rig.admin.add_account("u1", "sendgrid", environment="production")
        rig.source.recheck_accounts()
        await eventually(lambda: rig.account("last") == "Healthy", within=10)


async def test_callers_at_the_same_time_share_one_token(tmp_path: Path) -> None:
    async with following(tmp_path) as rig:
        tokens = await asyncio.gather(*(rig.tokens.current("default") for _ in range(20)))
        assert len({token.value for token in tokens}) == 1
        assert (await rig.admin.requests())["requests"]["rest:token"] == {"200": 1}


async def test_a_rejected_token_is_replaced(tmp_path: Path) -> None:
    async with following(tmp_path) as rig:
        old = await rig.tokens.current("default")
        await rig.admin.expire_tokens()
        new = await rig.tokens.after("default", old)
        assert new.value != old.value
        assert (await rig.tokens.current("default")).value == new.value


async def test_wrong_client_credentials_are_told_without_being_shown(tmp_path: Path) -> None:
    async with following(tmp_path) as rig:
        project = yaml.safe_load_all((tmp_path / "project.yaml").read_text())
        rig.write("project.yaml", next(iter(project)), credentials_manifest("not-the-secret"))
        changed = rig.source.credentials_of
        await eventually(lambda: (found := changed("default")) and found.client_secret == "not-the-secret")
        with pytest.raises(TokenUnavailableError, match="client credentials") as caught:
            await rig.tokens.current("default")
        assert "not-the-secret" not in str(caught.value)


async def test_a_project_without_its_secret_is_told(tmp_path: Path) -> None:
    async with following(tmp_path) as rig:
        with pytest.raises(TokenUnavailableError, match="credentialsSecretRef"):
            await rig.tokens.current("unheard-of")


async def test_a_project_that_goes_is_dropped_and_comes_back_with_its_accounts(tmp_path: Path) -> None:
    async with following(tmp_path, binding_manifest("one", "u1")) as rig:
        await rig.admin.add_account("u1", "sendgrid")
        await eventually(lambda: rig.account("one") == "Healthy", within=10)
        text = (tmp_path / "project.yaml").read_text()
        (tmp_path / "project.yaml").unlink()
        await eventually(lambda: not rig.sink.projects)
        assert rig.account("one") == "Unknown"
        with pytest.raises(TokenUnavailableError):
            await rig.tokens.current("default")
        rig.source.recheck_accounts()  # which nobody does any more
        (tmp_path / "project.yaml").write_text(text)
        await eventually(lambda: rig.account("one") == "Healthy", within=10)


async def test_accounts_that_cannot_be_listed_are_unknown_and_asked_for_again(tmp_path: Path) -> None:
    async with sandbox() as box:
        await box.admin.add_account("u1", "sendgrid")
        await box.admin.fault("status", method="rest:accounts", status=503, times=1)
        async with following(tmp_path, binding_manifest("one", "u1"), box=box) as rig:
            await eventually(lambda: _are_used_up(box.admin))
            assert rig.account("one") == "Unknown"
            await eventually(lambda: rig.account("one") == "Healthy", within=10)


async def test_a_secret_without_the_keys_is_no_credentials(tmp_path: Path) -> None:
    async with following(tmp_path) as rig:
        documents = list(yaml.safe_load_all((tmp_path / "project.yaml").read_text()))
        del documents[1]["stringData"]["client-secret"]
        rig.write("project.yaml", *documents)
        await eventually(lambda: rig.source.credentials_of("default") is None)
        with pytest.raises(TokenUnavailableError, match="credentialsSecretRef"):
            await rig.tokens.current("default")


@pytest.mark.parametrize("content", [None, b"\xff"])
def test_what_cannot_be_read_is_told(tmp_path: Path, content: bytes | None) -> None:
    folder = tmp_path / "bindings"
    if content is not None:
        folder.mkdir()
        (folder / "a.yaml").write_bytes(content)
    with pytest.raises(ManifestError, match="cannot be read"):
        FileSource(folder, SCOPE, RememberingSink(), Connect()).load()


async def _are_used_up(admin: SandboxAdmin) -> bool:
    return not any(fault.get("times") != 0 for fault in await admin.faults())
