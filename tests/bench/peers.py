"""Who is measured: the upstream itself, nginx, our runtime, a naive SDK proxy and FastMCP's proxy."""

import os
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from .fixtures import AGENT, APPS, TOOLS_PER_APP
from .processes import BenchError, Cores, Process
from .talking import Conversation

DIRECT, NGINX, RUNTIME, NAIVE = "direct", "nginx", "runtime", "naive SDK"
FASTMCP_REUSED, FASTMCP_DEFAULT = "FastMCP reused", "FastMCP default"
ALL = (DIRECT, NGINX, RUNTIME, NAIVE, FASTMCP_REUSED, FASTMCP_DEFAULT)

_HERE = Path(__file__).parent
_READY_WITHIN_SECONDS = 30.0
_ONE_APP, _ALL_APPS = TOOLS_PER_APP, TOOLS_PER_APP * len(APPS)

_NGINX = """\
daemon off; master_process off; worker_processes 1; pid {folder}/nginx.pid; error_log stderr error;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  keepalive_requests 100000000;
  upstream stub {{ server 127.0.0.1:{upstream}; keepalive 128; keepalive_requests 100000000; }}
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://stub; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_set_header Authorization "Bearer bench"; proxy_set_header X-PD-External-User-ID user-0;
      proxy_set_header X-PD-Project-ID proj_bench; proxy_set_header X-PD-Environment development;
    }}
  }}
}}
"""


@dataclass(frozen=True, slots=True)
class Place:
    """Where peers run: the folder of their files, the upstream's port, the cores, the programs obtained."""

    folder: Path
    upstream: int
    cores: Cores
    nginx: Path | None
    fastmcp: Path | None

    def bindings(self, count: int) -> Path:
        """The folder of manifests for so many users."""
        return self.folder / f"bindings-{count}"


@dataclass(frozen=True, slots=True)
class Served:
    """A peer that listens."""

    name: str
    port: int
    path: Callable[[int], str]
    """The path of the n-th user's endpoint."""
    process: Process | None
    tools: int = _ONE_APP
    """How many tools it lists."""

    def conversation(self, user: int = 0) -> Conversation:
        """A client of the n-th user."""
        return Conversation(self.port, self.path(user))

    def url(self) -> str:
        """The endpoint of the first user."""
        return f"http://127.0.0.1:{self.port}{self.path(0)}"

    def wait_until_ready(self) -> None:
        """Wait until all its tools are listed.

        Raises:
            BenchError: it takes too long, or the program ended.
        """
        deadline = time.monotonic() + _READY_WITHIN_SECONDS
        while True:
            try:
                with self.conversation() as asked:
                    asked.initialize()
                    if asked.tools() == self.tools:
                        return
            except BenchError:
                if time.monotonic() > deadline:
                    raise
            if self.process:
                self.process.check()
            time.sleep(0.002)


def start(name: str, place: Place, bindings: int) -> Served:
    """Start a peer; the runtime serves so many users.

    Raises:
        BenchError: the program it needs is not there.
    """
    port, log = _free_port(), place.folder / f"{name.replace(' ', '-')}.log"
    upstream = f"http://127.0.0.1:{place.upstream}"
    environment = {"PYTHONPATH": os.pathsep.join(_sources(place))}
    one_app, all_users = f"/mcp/{APPS[0]}", "/mcp"
    command: list[str | Path]
    match name:
        case "direct":
            return Served(name, place.upstream, lambda _user: one_app, None)
        case "nginx":
            config = place.folder / "nginx.conf"
            config.write_text(_NGINX.format(folder=place.folder, upstream=place.upstream, port=port))
            command = [_given(place.nginx, name), "-e", "stderr", "-p", place.folder, "-c", config]
            return Served(name, port, lambda _user: one_app, Process(command, place.cores.peer, log))
        case "runtime":
            listen = ["--listen", f"127.0.0.1:{port}", "--metrics", "127.0.0.1:0", "--log-level", "warning"]
            command = [
                sys.executable,
                "-m",
                "pipewise_runtime",
                *listen,
                "--bindings",
                place.bindings(bindings),
            ]
            process = Process(command, place.cores.peer, log, environment)
            return Served(name, port, _of_user, process, _ALL_APPS)
        case "naive SDK":
            command = [sys.executable, "-m", "bench.naive_proxy", str(port), upstream]
            process = Process(command, place.cores.peer, log, environment)
            return Served(name, port, lambda _user: all_users, process, _ALL_APPS)
        case _:
            program, how = _HERE / "fastmcp_proxy.py", name.rpartition(" ")[2]
            command = [_given(place.fastmcp, name), program, how, str(port), upstream + one_app]
            return Served(name, port, lambda _user: all_users, Process(command, place.cores.peer, log))


def _of_user(user: int) -> str:
    return f"/agents/{AGENT}/users/user-{user}/mcp"


def _given(program: Path | None, name: str) -> Path:
    if program is None:
        raise BenchError(f"{name} was not obtained")
    return program


def _sources(place: Place) -> list[str]:
    """Where our modules are; first of all a place without rich, which no production image has.

    structlog loads rich where it finds it, and only development tools bring it.
    """
    without_rich = place.folder / "without-rich"
    without_rich.mkdir(exist_ok=True)
    (without_rich / "rich.py").write_text("raise ImportError\n")
    root = _HERE.parents[1]
    return [str(without_rich), *(str(root / folder) for folder in ("crds", "operator", "runtime", "tests"))]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
