"""`pipewise status` and `pipewise connect`, against a real API server, the operator and the sandbox."""

import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest

from support.cluster import Namespace
from support.commands import Command
from support.eventually import eventually_sync
from support.operating import Operated, operating, provider
from support.sandbox import PROJECT, admin_call, serving_sandbox


@dataclass(frozen=True)
class Said:
    """What a command said, and how it ended."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Place:
    """An operated namespace with a sandbox, and `pipewise` in it."""

    operated: Operated
    sandbox: str
    folder: Path

    def pipewise(self, *words: str, environment: Mapping[str, str] | None = None) -> Said:
        """Run a command and wait for its end."""
        folder = self.folder / f"command-{len(list(self.folder.iterdir()))}"
        folder.mkdir()
        kubeconfig = str(self.operated.namespace.cluster.kubeconfig)
        command = Command(words, folder, {"KUBECONFIG": kubeconfig, **(environment or {})})
        return Said(command.process.wait(60), command.stdout, command.stderr)


@pytest.fixture
def place(namespace: Namespace, tmp_path: Path) -> Iterator[Place]:
    with serving_sandbox() as url:
        admin_call(url, "POST", "/projects", {
            "projectID": PROJECT, "clientID": "demo-client", "clientSecret": "demo-secret",
        })  # fmt: skip
        with operating(namespace, tmp_path) as operated:
            operated.credentials()
            operated.project(f"{url}/v1")
            operated.runtime()
            operated.report(
                providers=[provider("sendgrid"), provider("twitter", "Unavailable", breaker="Open")]
            )
            yield Place(operated, url, tmp_path)


def test_status_shows_what_works_and_who_mends_the_rest(place: Place) -> None:
    admin_call(place.sandbox, "POST", "/accounts", {"project": PROJECT, "user": "ada", "app": "sendgrid"})
    admin_call(place.sandbox, "POST", "/accounts", {"project": PROJECT, "user": "ada", "app": "twitter"})
    place.operated.binding("well", "ada")
    place.operated.binding("ill", "bob")
    twitter = [{"name": "twitter", "app": "twitter"}]
    place.operated.binding("down", "ada", agent="publicist", services=twitter)
    place.operated.report(
        agents=[], providers=[provider("sendgrid"), provider("twitter", "Unavailable", breaker="Open")]
    )
    eventually_sync(lambda: place.operated.ready("well") == ("True", "Ready"), within=60)
    eventually_sync(lambda: place.operated.ready("ill") == ("False", "CredentialInvalid"), within=60)
    eventually_sync(lambda: place.operated.ready("down") == ("False", "UpstreamUnavailable"), within=60)
    said = place.pipewise("status", "-n", place.operated.namespace.name)
    assert said.code == 0, said.err
    assert "✓ coordinator for ada: Ready" in said.out
    assert re.search(r"✓ sendgrid +Healthy +Live +account Healthy +3 tools", said.out)
    assert "✗ coordinator for bob: not Ready, CredentialInvalid" in said.out
    assert re.search(r"✗ sendgrid +CredentialInvalid +Demo +account Missing", said.out)
    assert re.search(r"pipewise connect\s+bob\s+sendgrid", said.out)
    assert re.search(r"✗ twitter +UpstreamUnavailable .*breaker open", said.out)
    assert said.out.endswith("1 of 3 Ready\n")


def test_status_shows_only_the_agent_and_user_asked_for(place: Place) -> None:
    for name, user in (("a", "ada"), ("b", "bob")):
        place.operated.binding(name, user)
    namespace = place.operated.namespace.name
    bobs = place.pipewise("status", "-n", namespace, "--user", "bob")
    assert ("for bob" in bobs.out, "for ada" in bobs.out) == (True, False)
    none = place.pipewise("status", "-n", namespace, "--agent", "publicist")
    assert (none.code, none.out) == (0, "")
    assert none.err == f"no AgentMCPBinding for agent publicist in namespace {namespace}\n"


def test_the_link_connects_an_account_and_stands_alone_on_stdout(place: Place) -> None:
    place.operated.binding("b", "bob")
    eventually_sync(lambda: place.operated.ready("b") == ("False", "CredentialInvalid"), within=60)
    said = place.pipewise("connect", "bob", "sendgrid", "-n", place.operated.namespace.name)
    assert said.code == 0, said.err
    assert "do not log it" in said.err
    assert "no binding" not in said.err
    link = said.out.removesuffix("\n")
    assert link.startswith(f"{place.sandbox}/_static/connect.html?")
    assert link not in said.err
    assert httpx2.post(link).is_success
    eventually_sync(lambda: place.operated.ready("b") == ("True", "Ready"), within=60)


def test_a_link_nobody_waits_for_is_made_with_a_warning(place: Place) -> None:
    eventually_sync(lambda: place.operated.project_condition() == ("True", "Ready"), within=60)
    said = place.pipewise("connect", "bob", "sendgird", "-n", place.operated.namespace.name)
    assert said.code == 0
    assert "no binding of bob" in said.err


def test_an_unknown_project_is_named(place: Place) -> None:
    said = place.pipewise("connect", "bob", "sendgrid", "--project", "other", "-n", "default")
    assert (said.code, said.out) == (1, "")
    assert '"other" not found' in said.err


def test_a_pipedream_that_refuses_is_told_without_a_link(place: Place) -> None:
    eventually_sync(lambda: place.operated.project_condition() == ("True", "Ready"), within=60)
    admin_call(place.sandbox, "POST", "/faults", {"kind": "status", "status": 503, "method": "rest:tokens"})
    said = place.pipewise("connect", "bob", "sendgrid", "-n", place.operated.namespace.name)
    assert (said.code, said.out) == (1, "")
    assert said.err == "pipewise connect: Pipedream answers HTTP 503\n"


def test_without_a_cluster_the_cause_is_told_in_one_line(place: Place, tmp_path: Path) -> None:
    said = place.pipewise("status", environment={"KUBECONFIG": str(tmp_path / "none")})
    assert (said.code, said.out) == (1, "")
    assert re.fullmatch(r"pipewise status: no cluster to talk to: .*Set KUBECONFIG\n", said.err)


@pytest.mark.parametrize(
    ("command", "missing", "mend"),
    [
        (("status",), "lightkube", "pip install '.[cli]', in a clone"),
        (("connect", "ada", "sendgrid"), "httpx2", "pip install '.[cli]', in a clone"),
        (("demo",), "httpx2", "make demo, in a clone"),
    ],
)
def test_a_library_that_is_not_installed_is_named_with_what_brings_it(
    tmp_path: Path, command: tuple[str, ...], missing: str, mend: str
) -> None:
    without = (
        "import sys; sys.modules[sys.argv.pop(1)] = None; from pipewise_cli.__main__ import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", without, missing, *command],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == 1
    told = f"pipewise {command[0]}: the library {missing} is not installed; what brings it: {mend}\n"
    assert done.stderr == told
