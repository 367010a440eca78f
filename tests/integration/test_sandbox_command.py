"""The sandbox as people start it: the command, its seed file, its page, its admin API."""

import json
import subprocess
import sys
from pathlib import Path

from support.mcp_wire import McpWire
from support.sandbox import CLIENT_ID, CLIENT_SECRET, PROJECT, admin_call, sandbox, serving_sandbox

COMMAND = [sys.executable, "-m", "pipewise_sandbox"]
RUNTIME = str(Path(__file__).parents[2] / "runtime")


def test_the_command_says_where_it_listens_and_starts_from_its_seed(tmp_path: Path) -> None:
    seed = {
        "projects": [{"projectID": "proj_seeded", "clientID": "c", "clientSecret": "s"}],
        "accounts": [{"project": "proj_seeded", "user": "ada", "app": "twitter", "dead": True}],
        "settings": {"replies": "sse"},
    }
    file = tmp_path / "seed.json"
    file.write_text(json.dumps(seed))
    command = [*COMMAND, "--listen", "127.0.0.1:0", "--seed", str(file)]
    environment = {"PYTHONPATH": RUNTIME}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as running:
        try:
            assert running.stdout is not None
            line = running.stdout.readline()
            assert line.startswith("pipewise-sandbox: listening on http://127.0.0.1:")
            state = admin_call(line.split()[-1], "GET", "/state")
        finally:
            running.terminate()
    assert state["settings"]["replies"] == "sse"
    assert [project["projectID"] for project in state["projects"]] == [PROJECT, "proj_seeded"]
    assert [(account["user"], account["dead"]) for account in state["accounts"]] == [("ada", True)]


def test_a_seed_that_cannot_be_read_is_refused_with_the_reason(tmp_path: Path) -> None:
    file = tmp_path / "seed.json"
    file.write_text('{"colour": "red"}')
    command = [*COMMAND, "--listen", "127.0.0.1:0", "--seed", str(file)]
    ended = subprocess.run(command, capture_output=True, text=True, env={"PYTHONPATH": RUNTIME}, check=False)
    assert ended.returncode == 2
    assert "colour" in ended.stderr


def test_the_sandbox_can_be_turned_without_an_event_loop() -> None:
    with serving_sandbox() as base_url:
        added = admin_call(
            base_url, "POST", "/accounts", {"project": PROJECT, "user": "ada", "app": "twitter"}
        )
        assert admin_call(base_url, "DELETE", f"/accounts/{added['id']}") == {}


async def test_a_reset_forgets_everything_but_the_seed() -> None:
    seed = {"accounts": [{"project": PROJECT, "user": "ada", "app": "sendgrid"}]}
    async with sandbox(seed) as box:
        wire = await McpWire.opened(box)
        await wire.call()
        await box.admin.add_account("bob", "sendgrid")
        await box.admin.fault("hang")
        await box.admin.settings(sessions=False)
        await box.admin.reset()
        state = await box.admin.state()
        assert [account["user"] for account in state["accounts"]] == ["ada"]
        assert state["settings"]["sessions"] is True
        assert (state["faults"], state["ledger"], state["outbox"], state["tokens"]) == ([], [], [], [])


async def test_settings_nobody_knows_are_refused_and_change_nothing() -> None:
    async with sandbox() as box:
        before = (await box.admin.state())["settings"]
        for body in (b'{"colour": "red"}', b'{"replies": "morse"}', b"[]", b"nonsense"):
            answer = await box.client.patch(f"{box.url}/admin/settings", content=body)
            assert answer.status_code == 422
        assert (await box.admin.state())["settings"] == before


async def test_the_ledger_is_filtered_and_tells_writes_from_reads() -> None:
    async with sandbox() as box:
        for user in ("ada", "bob"):
            await box.admin.add_account(user, "sendgrid")
            wire = await McpWire.opened(box, user)
            await wire.call()
            await wire.call("sendgrid-search-contacts", {"query": user})
        assert len(await box.admin.ledger()) == 4
        assert [entry["user"] for entry in await box.admin.ledger(effect="true")] == ["ada", "bob"]
        reads = await box.admin.ledger(user="bob", effect="false")
        assert [(entry["tool"], entry["arguments"]) for entry in reads] == [
            ("sendgrid-search-contacts", {"query": "bob"})
        ]
        assert await box.admin.ledger(app="twitter") == []


async def test_the_page_shows_what_happened_and_no_secret() -> None:
    async with sandbox() as box:
        await box.admin.add_account("<ada>", "sendgrid")
        wire = await McpWire.opened(box, "<ada>")
        await wire.call()
        await box.admin.fault("delay", seconds=0)
        page = (await box.client.get(f"{box.url}/admin/")).text
        assert "&lt;ada&gt;" in page
        assert "sendgrid-send-email-single-recipient" in page
        token = wire.headers["authorization"].removeprefix("Bearer ")
        state = json.dumps(await box.admin.state(), ensure_ascii=False)
        for shown in (page, state):
            assert token not in shown
            assert CLIENT_SECRET not in shown
        assert f"…{token[-4:]}" in state
        assert CLIENT_ID in state


async def test_requests_sessions_and_connections_are_counted() -> None:
    async with sandbox() as box:
        await McpWire.opened(box)
        counted = await box.admin.requests()
        assert counted["requests"]["initialize"] == {"200": 1}
        assert counted["requests"]["notifications/initialized"] == {"202": 1}
        assert counted["requests"]["rest:token"] == {"200": 1}
        assert (counted["sessions"], counted["connections"]) == (1, 1)
