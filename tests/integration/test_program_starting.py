"""The runtime as a program when something is wrong: said in a line, and not called ready."""

import os
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest
import yaml

from pipewise_runtime.arguments import arguments_of
from pipewise_runtime.program import Program as Runtime
from pipewise_runtime.server.asgi import Receive, Scope, Send, send_json
from support.eventually import eventually
from support.listening import listening
from support.programs import MEASURED, Program
from support.runtimes import binding_manifest, kubeconfig_to

ANY_PORT = ["--listen", "127.0.0.1:0", "--metrics", "127.0.0.1:0"]


async def ended(folder: Path, *words: str | Path) -> Program:
    """A program that ended by itself."""
    program = Program("pipewise_runtime", words, folder, MEASURED)
    program.start()
    await eventually(lambda: not program.is_running, within=10)
    return program


def test_the_installed_command_explains_itself() -> None:
    command = Path(sys.executable).with_name("pipewise-runtime")
    said = subprocess.run(
        [command, "--help"], env={**os.environ, **MEASURED}, capture_output=True, text=True, check=True
    )
    assert said.stdout.startswith("usage: pipewise-runtime")


async def test_while_the_api_server_has_not_answered_yet_it_is_alive_but_not_ready(tmp_path: Path) -> None:
    kubeconfig = kubeconfig_to("http://127.0.0.1:1", tmp_path)
    words = [*ANY_PORT, "--kubeconfig", kubeconfig]
    with Program("pipewise_runtime", words, tmp_path, MEASURED) as program:
        async with httpx2.AsyncClient(base_url=program.url("metrics")) as client:
            statuses = [(await client.get(path)).status_code for path in ("/healthz", "/readyz", "/other")]
        assert statuses == [200, 503, 404]
        await eventually(lambda: "watch_interrupted" in program.log)
        assert program.terminate() == 0


async def test_a_manifest_that_is_wrong_is_named_and_ends_it(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "one.yaml").write_text(yaml.safe_dump(binding_manifest("one", demo="Sometimes")))
    program = await ended(tmp_path, *ANY_PORT, "--bindings", tmp_path / "b")
    assert program.returncode == 1
    assert "one.yaml: AgentMCPBinding one: spec.demo" in program.log


async def test_an_api_server_that_answers_nonsense_ends_it_with_the_reason(tmp_path: Path) -> None:
    async def nonsense(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send_json(send, b'{"metadata":{"resourceVersion":"1"},"items":[{}]}')

    async with listening(nonsense) as url:
        program = await ended(tmp_path, *ANY_PORT, "--kubeconfig", kubeconfig_to(url, tmp_path))
    assert program.returncode == 1
    assert "source_failed" in program.log


@pytest.mark.parametrize("text", ["- no mapping\n", "a: b\n", "a: [\n"])
@pytest.mark.parametrize("option", ["--profiles", "--kubeconfig"])
async def test_a_file_that_cannot_be_used_is_told_in_one_line(tmp_path: Path, option: str, text: str) -> None:
    file = tmp_path / "file.yaml"
    file.write_text(text)
    program = await ended(tmp_path, *ANY_PORT, option, file)
    assert program.returncode == 2
    assert len(program.log.splitlines()) == 1
    assert program.log.startswith(f"pipewise-runtime: {file}")


async def test_an_address_that_is_taken_is_named(tmp_path: Path) -> None:
    kubeconfig = kubeconfig_to("http://127.0.0.1:1", tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as holder:
        taken = f"127.0.0.1:{holder.getsockname()[1]}"
        program = await ended(tmp_path, *ANY_PORT, "--listen", taken, "--kubeconfig", kubeconfig)
    assert program.returncode == 2
    assert f"cannot listen on http://{taken}" in program.log


async def test_where_nobody_can_be_asked_about_tokens_nobody_is_let_in_without(tmp_path: Path) -> None:
    arguments = arguments_of([*ANY_PORT, "--bindings", str(tmp_path)], {})
    with pytest.raises(ValueError, match="nobody can be asked"):
        await Runtime(replace(arguments, authenticate=True)).run()
