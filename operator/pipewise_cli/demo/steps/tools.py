"""What an agent's MCP client sees: the tools of its services and no others."""

from collections import Counter

from pipewise_cli.demo.calls import tools_at
from pipewise_cli.demo.expectation import expect
from pipewise_cli.demo.proof import Seen
from pipewise_cli.demo.stage import AGENTS, Stage


def tools(stage: Stage, seen: Seen) -> None:
    """List the tools of each agent's endpoint with the official MCP client."""
    seen.note("listed with the official MCP Python client:")
    for agent in AGENTS:
        names = tools_at(stage.endpoint(agent))
        by_app = Counter(name.partition("-")[0] for name in names)
        counted = ", ".join(f"{app} {number}" for app, number in sorted(by_app.items()))
        seen.table(f"{agent:<20}{len(names):3d} tools: {counted}")
        wanted = {service.app for service in stage.binding(agent).status.services}
        expect(set(by_app) == wanted, f"{agent} sees tools of {sorted(by_app)}, not of {sorted(wanted)}")
    seen.note(f"endpoint: {stage.endpoint(AGENTS[0])}")
