"""The simulated appliance: the daemon finds the customer display of its desk and speaks on it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import aiohttp

from simulator.appliance import SimulatedAppliance
from simulator.ports import free_port

PATIENCE_S = 60.0


async def test_the_demo_shows_its_shop_on_the_display_of_its_desk(tmp_path: Path) -> None:
    appliance = SimulatedAppliance(tmp_path, page_port=0, desk_port=free_port(), pcsc=False)
    try:
        await appliance.start()
        async with aiohttp.ClientSession() as client, asyncio.timeout(PATIENCE_S):
            lines: list[str] = []
            while lines != ["示范会员店 Demo Shop", "欢迎光临"]:
                async with client.get(f"{appliance.desk}/display/api/display") as answer:
                    seen = await answer.json()
                lines = [line.strip() for line in seen["lines"]]
                await asyncio.sleep(0.05)
            assert seen["unknown"] == []
            async with client.get(f"{appliance.page}/healthz") as answer:
                panel = (await answer.json())["panel"]
            (pole,) = panel["parts"]
            assert (pole["name"], pole["kind"], pole["state"]) == ("pole", "display", "ready")
    finally:
        await appliance.stop()
