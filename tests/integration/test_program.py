"""The runtime as a program: started, asked, told to stop."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
import pytest
import yaml
from agents.mcp import MCPServerSse

from pipewise_runtime.server.envelope import ENDING
from support.cluster import Namespace
from support.eventually import eventually
from support.programs import MEASURED, Program
from support.runtimes import binding_manifest, credentials_manifest, project_manifest, token_manifest
from support.sandbox import CLIENT_ID, CLIENT_SECRET, Sandbox, sandbox
from support.serving import call, rpc, url_of

ANY_PORT = ["--listen", "127.0.0.1:0", "--metrics", "127.0.0.1:0"]
MAIL = {"fromEmail": "a@example.com", "toEmail": "b@example.com", "subject": "Hola", "content": "secreto"}
SEND = "sendgrid-send-email-single-recipient"


@pytest.fixture
async def box() -> AsyncIterator[Sandbox]:
    async with sandbox() as running:
        yield running


def over_files(
    folder: Path,
    box: Sandbox,
    environment: Mapping[str, str] = MEASURED,
    options: Sequence[str] = (),
    **spec: str,
) -> Program:
    bindings = folder / "bindings"
    bindings.mkdir()
    documents = (project_manifest(base=box.url), credentials_manifest(), binding_manifest("one", **spec))
    (bindings / "all.yaml").write_text(yaml.safe_dump_all(documents))
    return Program("pipewise_runtime", [*ANY_PORT, *options, "--bindings", bindings], folder, environment)


async def ask(program: Program, message: dict[str, object]) -> dict[str, object]:
    async with httpx2.AsyncClient(timeout=10) as client:
        reply = await client.post(url_of(program.url("serving agents")), json=message)
    answer: dict[str, object] = reply.json()
    return answer


async def status_of(program: Program, path: str) -> int:
    async with httpx2.AsyncClient() as client:
        return (await client.get(program.url("metrics") + path)).status_code


async def test_over_files_it_carries_a_call_to_pipedream_and_tells_no_secret(
    tmp_path: Path, box: Sandbox
) -> None:
    await box.admin.add_account("user-42", "sendgrid")
    with over_files(tmp_path, box) as program:
        await eventually(lambda: _is_listed(program, SEND), within=10)
        answer = await ask(program, call(SEND, **MAIL))
        assert "error" not in answer
        assert [entry["tool"] for entry in await box.admin.ledger(effect="true")] == [SEND]
        assert await status_of(program, "/readyz") == 200
        assert await status_of(program, "/metrics") == 200
    lines = [json.loads(line) for line in program.log.splitlines()]
    assert {"listening", "token_minted", "stopped"} <= {line["event"] for line in lines}
    for secret in (CLIENT_SECRET, "secreto", "Bearer"):
        assert secret not in program.log


async def test_in_kubernetes_it_serves_a_binding_applied_while_it_runs(
    tmp_path: Path, box: Sandbox, namespace: Namespace
) -> None:
    await box.admin.add_account("user-42", "sendgrid")
    token = await _minted(box)
    expires_at = (datetime.now(UTC) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    namespace.apply(project_manifest(base=box.url), token_manifest(token, expires_at))
    arguments = [*ANY_PORT, "--namespace", namespace.name, "--name", "runtime-1", "--agents", "coordinator"]
    kubeconfig = ["--kubeconfig", namespace.cluster.kubeconfig]
    with Program("pipewise_runtime", [*arguments, *kubeconfig], tmp_path, MEASURED) as program:
        program.url("serving agents")
        namespace.apply(binding_manifest("one"))
        service = {
            "name": "sendgrid",
            "app": "sendgrid",
            "verdict": "Unknown",
            "account": {"state": "Healthy"},
        }
        namespace.set_status("agentmcpbindings", "one", {"services": [service]})
        await eventually(lambda: _is_listed(program, SEND), within=10)
        await ask(program, call(SEND, **MAIL))
        assert len(await box.admin.ledger(effect="true")) == 1
        report = await eventually(lambda: _provider_in(namespace, "sendgrid", "Available"))
        assert report["bindings"] == 1
    assert not namespace.items("mcr")
    assert token not in program.log


async def test_told_to_stop_it_lets_the_call_in_flight_finish_and_refuses_others(
    tmp_path: Path, box: Sandbox
) -> None:
    await box.admin.add_account("user-42", "sendgrid")
    with over_files(tmp_path, box) as program:
        await eventually(lambda: _is_listed(program, SEND), within=10)
        await box.admin.fault("delay", seconds=1.5, when="before", method="tools/call", times=1)
        running = asyncio.create_task(ask(program, call(SEND, **MAIL)))
        await eventually(lambda: _faults_are_used_up(box))
        os.kill(program.pid, signal.SIGTERM)
        await eventually(lambda: _is_unready(program))
        async with httpx2.AsyncClient() as client:
            late = await client.post(url_of(program.url("serving agents")), json=call(SEND, **MAIL))
        assert (late.status_code, late.headers["retry-after"]) == (503, "1")
        assert late.json()["error"]["code"] == ENDING
        answer = await running
        assert "result" in answer
        await eventually(lambda: not program.is_running)
        assert program.returncode == 0


async def test_told_to_stop_it_answers_what_was_asked_over_http_with_sse_too(
    tmp_path: Path, box: Sandbox
) -> None:
    await box.admin.add_account("user-42", "sendgrid")
    with over_files(tmp_path, box) as program:
        await eventually(lambda: _is_listed(program, SEND), within=10)
        await box.admin.fault("delay", seconds=1.5, when="before", method="tools/call", times=1)
        params = {"url": url_of(program.url("serving agents")).removesuffix("mcp") + "sse"}
        async with MCPServerSse(params, client_session_timeout_seconds=30) as server:
            await server.list_tools()  # it would do so to look at the result, when nothing is taken any more
            running = asyncio.create_task(server.call_tool(SEND, MAIL))
            await eventually(lambda: _faults_are_used_up(box))
            os.kill(program.pid, signal.SIGTERM)
            assert not (await running).is_error
        assert len(await box.admin.ledger(effect="true")) == 1
        await eventually(lambda: not program.is_running)
        [draining] = [json.loads(line) for line in program.log.splitlines() if '"draining"' in line]
        assert draining["calls"] == 1


async def test_told_to_stop_it_answers_what_takes_too_long_with_what_is_known(
    tmp_path: Path, box: Sandbox
) -> None:
    await box.admin.add_account("user-42", "sendgrid")
    with over_files(tmp_path, box, options=("--drain-seconds", "1")) as program:
        await eventually(lambda: _is_listed(program, SEND), within=10)
        await box.admin.fault("hang", method="tools/call", times=1)
        running = asyncio.create_task(ask(program, call(SEND, **MAIL)))
        await eventually(lambda: _faults_are_used_up(box))
        os.kill(program.pid, signal.SIGTERM)
        answer = json.dumps(await running, ensure_ascii=False)
        assert "no se sabe si la acción se realizó" in answer
        await eventually(lambda: not program.is_running)
        assert program.returncode == 0
    counted: dict[str, object] = (await box.admin.requests())["requests"]
    assert "notifications/cancelled" in counted


async def test_without_demo_mode_it_rests_within_sixty_megabytes(tmp_path: Path, box: Sandbox) -> None:
    # structlog loads rich where it finds it; only a development tool brings it, no runtime has it
    (tmp_path / "rich.py").write_text("raise ImportError\n")
    environment = {"PYTHONPATH": str(tmp_path)}
    with over_files(tmp_path, box, environment, demo="Never") as program:
        await eventually(lambda: _is_listed(program, SEND), within=10)
        assert _resident_kilobytes(program) <= 60 * 1024


async def test_an_account_that_a_call_finds_dead_is_looked_up_at_once(tmp_path: Path, box: Sandbox) -> None:
    account = await box.admin.add_account("user-42", "sendgrid")
    with over_files(tmp_path, box) as program:
        await eventually(lambda: _is_listed(program, SEND), within=10)
        await box.admin.set_account(account, dead=True)
        refused = json.dumps(await ask(program, call(SEND, **MAIL)))
        assert "CredentialInvalid" in refused
        await eventually(lambda: _is_demo(program))


async def test_who_listens_on_all_addresses_reports_its_pods_own(
    tmp_path: Path, namespace: Namespace
) -> None:
    words = ["--listen", "0.0.0.0:0", "--metrics", "127.0.0.1:0", "--namespace", namespace.name]
    where = [*words, "--kubeconfig", namespace.cluster.kubeconfig]
    with Program("pipewise_runtime", where, tmp_path, {**MEASURED, "POD_IP": "10.1.2.3"}) as program:
        port = program.url("serving agents").rpartition(":")[2]
        [runtime] = await eventually(lambda: [each for each in namespace.items("mcr") if "status" in each])
    assert runtime["status"]["endpoint"] == f"http://10.1.2.3:{port}"


async def _is_demo(program: Program) -> bool:
    return "[demo]" in json.dumps(await ask(program, call(SEND, **MAIL)))


async def _is_listed(program: Program, tool: str) -> bool:
    result = (await ask(program, rpc("tools/list"))).get("result", {})
    return any(each["name"] == tool for each in result["tools"]) if result else False


async def _is_ready(program: Program) -> bool:
    return await status_of(program, "/readyz") == 200


async def _is_unready(program: Program) -> bool:
    return await status_of(program, "/readyz") == 503


async def _faults_are_used_up(box: Sandbox) -> bool:
    return not any(fault.get("times") != 0 for fault in await box.admin.faults())


def _resident_kilobytes(program: Program) -> int:
    status = Path(f"/proc/{program.pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))


async def _minted(box: Sandbox) -> str:
    body = {"grant_type": "client_credentials", "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
    token: str = (await box.client.post(f"{box.api_url}/oauth/token", json=body)).json()["access_token"]
    return token


def _provider_in(namespace: Namespace, app: str, state: str) -> dict[str, object] | None:
    for runtime in namespace.items("mcr"):
        status: dict[str, object] = runtime.get("status", {})
        if any((p["app"], p["state"]) == (app, state) for p in runtime["status"]["providers"]):
            return status
    return None
