"""Promise: the images say what they are, run as anybody with a read-only root, and tell their health."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from support.eventually import eventually_sync
from support.kind import Kind, run
from support.timings import Timings

pytestmark = pytest.mark.e2e

ANYBODY = "1000650000"
"""A user id such as OpenShift gives."""
CONFINED = ("--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges", f"--user={ANYBODY}:0")


@pytest.mark.parametrize("image", ["operator", "runtime"])
def test_an_image_says_what_it_is_and_starts_as_nobody(image: str, tag: str) -> None:
    text = run("docker", "image", "inspect", f"pipewise-{image}:{tag}")
    config = json.loads(text)[0]["Config"]
    labels = {
        name.removeprefix("org.opencontainers.image."): value for name, value in config["Labels"].items()
    }
    assert (labels["title"], labels["version"]) == (f"pipewise-{image}", tag)
    assert labels["licenses"] == "Apache-2.0"
    assert labels["source"].startswith("https://")
    assert len(labels["revision"]) == 40
    assert config["User"] == "65532:65532"
    assert config["Healthcheck"]["Test"]


def test_the_runtime_gets_healthy_as_any_user_without_a_network(
    tag: str, tmp_path: Path, timings: Timings
) -> None:
    readable(tmp_path)
    what = (
        "--network=none",
        f"--volume={tmp_path}:/bindings:ro",
        f"pipewise-runtime:{tag}",
        "--bindings=/bindings",
    )
    with timings.taking("image pipewise-runtime: docker run until healthy"), healthy(*what):
        pass


def test_the_operator_gets_healthy_as_any_user(
    kind: Kind, tag: str, tmp_path: Path, timings: Timings
) -> None:
    config = tmp_path / "kubeconfig"
    config.write_text(kind.kubeconfig.read_text())
    readable(tmp_path, config)
    what = (
        # Keys of a kubeconfig pass through a file on their way into the TLS library; a pod has none.
        *("--network=host", "--tmpfs=/tmp", f"--volume={config}:/kubeconfig:ro", f"pipewise-operator:{tag}"),
        # It looks at a namespace that is not there, so that it has nothing to do.
        *("--kubeconfig=/kubeconfig", "--namespace=nowhere", "--no-election"),
    )
    with timings.taking("image pipewise-operator: docker run until healthy"), healthy(*what):
        pass


def readable(*paths: Path) -> None:
    for path in paths:
        path.chmod(0o755 if path.is_dir() else 0o644)


@contextmanager
def healthy(*arguments: str) -> Iterator[None]:
    """Run a container and wait until Docker finds it healthy."""
    often = ("--health-interval=200ms", "--health-start-period=0s", "--health-retries=1000")
    container = run("docker", "run", "--detach", *CONFINED, *often, *arguments).strip()
    try:
        eventually_sync(lambda: _health(container) == "healthy", within=30)
        yield
    finally:
        run("docker", "rm", "--force", container)


def _health(container: str) -> str:
    state = json.loads(run("docker", "inspect", container))[0]["State"]
    assert state["Running"], run("docker", "logs", container)
    found: str = state["Health"]["Status"]
    return found
