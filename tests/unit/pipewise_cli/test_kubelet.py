"""The demo's kubelet: what it writes of a Pod, for a runtime that is slow, gone, or back."""

import json
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from pipewise_cli.controlplane import Api
from pipewise_cli.controlplane.process import Process
from pipewise_cli.demo.kubelet import Kubelet
from pipewise_cli.demo.programs import Program
from support.eventually import eventually_sync


@dataclass
class Scene:
    """A server that is both the API server and the runtime's /readyz."""

    url: str = ""
    written: list[str] = field(default_factory=list)
    failing: int = 0
    """How many probes fail from now on."""
    probes: int = 0


@pytest.fixture
def scene() -> Iterator[Scene]:
    scene = Scene()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            scene.probes += 1
            self.send_response(503 if scene.failing > 0 else 200)
            scene.failing -= 1
            self.end_headers()

        def do_PATCH(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            scene.written.append(body["status"]["conditions"][0]["status"])
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Stay quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        scene.url = f"http://127.0.0.1:{server.server_address[1]}"
        yield scene
        server.shutdown()


@pytest.fixture
def process(tmp_path: Path) -> Iterator[Process]:
    process = Process(["sleep", "60"], tmp_path / "log")
    process.start()
    yield process
    process.kill()


@pytest.fixture
def kubelet(scene: Scene, process: Process) -> Kubelet:
    api = Api(scene.url, "token", ssl.create_default_context())
    return Kubelet(api, "/pod", Program("runtime", process, scene.url))


def test_a_few_slow_answers_do_not_make_a_pod_unready(scene: Scene, kubelet: Kubelet) -> None:
    with kubelet:
        eventually_sync(lambda: scene.written == ["True"])
        scene.failing, before = 2, scene.probes
        eventually_sync(lambda: scene.probes > before + 3)
    assert scene.written == ["True"]


def test_a_runtime_that_stays_unready_is_told_and_so_is_its_return(scene: Scene, kubelet: Kubelet) -> None:
    with kubelet:
        eventually_sync(lambda: scene.written == ["True"])
        scene.failing = 4
        eventually_sync(lambda: scene.written == ["True", "False", "True"])


def test_a_runtime_that_is_gone_is_told_at_once(scene: Scene, process: Process, kubelet: Kubelet) -> None:
    with kubelet:
        eventually_sync(lambda: scene.written == ["True"])
        process.kill()
        eventually_sync(lambda: scene.written == ["True", "False"])
