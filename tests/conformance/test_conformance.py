"""The MCP conformance suite passes through the runtime as it passes without it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from pipewise_crds import endpoint_path
from support.conformance import complaints, run, table
from support.eventually import eventually_sync
from support.mcp_upstream import serving_mcp
from support.node import Node, node
from support.programs import Program
from support.runtimes import binding_manifest, credentials_manifest, project_manifest
from support.sandbox import serving_sandbox

SCENARIOS = 47
"""13 of T and 7 of T+ in 2025-11-25, 13 of T and 14 of T+ in 2026-07-28."""


@pytest.fixture(scope="module")
def suite() -> Node:
    return node()


@pytest.fixture
def upstream() -> Iterator[str]:
    with serving_mcp() as running:
        yield running.url


@pytest.fixture
def runtime(upstream: str, tmp_path: Path) -> Iterator[str]:
    """The runtime as a program, with the sandbox for its tokens; yields the agent's URL."""
    with serving_sandbox() as sandbox:
        project = project_manifest(endpoints={"api": f"{sandbox}/v1", "mcp": upstream})
        services = [{"name": "conformance", "app": "conformance"}]
        binding = binding_manifest("one", services=services, demo="Never")
        bindings = tmp_path / "bindings"
        bindings.mkdir()
        documents = (project, credentials_manifest(), binding)
        (bindings / "all.yaml").write_text(yaml.safe_dump_all(documents))
        ports = ["--listen", "127.0.0.1:0", "--metrics", "127.0.0.1:0"]
        with Program("pipewise_runtime", [*ports, "--bindings", bindings], tmp_path) as program:
            url = program.url("serving agents")
            eventually_sync(lambda: "token_minted" in program.log)
            yield url + endpoint_path("coordinator", "user-42")


def test_the_suite_passes_on_the_upstream_itself(suite: Node, upstream: str) -> None:
    scenarios = run(suite, upstream)
    assert sum(scenario.passed for scenario in scenarios) == SCENARIOS, complaints(scenarios)


def test_the_suite_passes_through_the_runtime(suite: Node, runtime: str) -> None:
    scenarios = run(suite, runtime)
    print(table({"through": scenarios}))  # noqa: T201 - shown with pytest -s
    assert len(scenarios) == SCENARIOS
    assert sum(scenario.passed for scenario in scenarios) == SCENARIOS, complaints(scenarios)
