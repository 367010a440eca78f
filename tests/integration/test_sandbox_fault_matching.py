"""Which requests a fault hits, and which of several decides."""

import httpx2
import pytest

from support.mcp_wire import connected
from support.sandbox import PROJECT, sandbox


async def test_rest_is_hit_only_by_name() -> None:
    async with sandbox() as box:
        wire = await connected(box)
        accounts = f"{box.api_url}/connect/{PROJECT}/accounts"
        await box.admin.fault("status")
        assert (await box.client.get(accounts, headers=wire.headers)).status_code == 200
        await box.admin.fault("status", status=500, method="rest:accounts", times=1)
        assert (await box.client.get(accounts, headers=wire.headers)).status_code == 500
        await box.admin.fault("drop", method="rest:token", times=1)
        with pytest.raises(httpx2.TransportError):
            await box.token()
        assert await box.token()


async def test_a_fault_keeps_to_its_app_its_user_and_its_tool() -> None:
    async with sandbox() as box:
        wire = await connected(box)
        await box.admin.fault("status", app="twitter")
        await box.admin.fault("status", user="bob")
        await box.admin.fault("status", tool="sendgrid-delete-*")
        assert (await wire.call()).status_code == 200
        assert (await wire.call("sendgrid-delete-global-suppression", {"email": "x@y"})).status_code == 503


async def test_the_oldest_of_several_faults_decides_and_is_spent_first() -> None:
    async with sandbox() as box:
        wire = await connected(box)
        await box.admin.fault("status", status=500, times=1)
        await box.admin.fault("status", status=502, times=2)
        assert [(await wire.call()).status_code for _ in range(4)] == [500, 502, 502, 200]
        assert await box.admin.faults() == []


async def test_a_fault_nobody_knows_is_refused() -> None:
    async with sandbox() as box:
        answer = await box.client.post(f"{box.url}/admin/faults", json={"kind": "earthquake"})
        assert answer.status_code == 422
        mid = await box.client.post(f"{box.url}/admin/faults", json={"kind": "delay", "when": "mid"})
        assert mid.status_code == 422
