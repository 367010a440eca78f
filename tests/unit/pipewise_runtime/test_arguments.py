"""The command line and environment of the runtime."""

from pathlib import Path

import pytest

from pipewise_runtime.arguments import arguments_of
from pipewise_runtime.server.listening import Address


def test_the_defaults_are_those_of_a_sidecar() -> None:
    arguments = arguments_of([], {})
    assert arguments.listen == Address("127.0.0.1", 8720)
    assert arguments.metrics == Address("127.0.0.1", 8721)
    assert (arguments.placement, arguments.agents, arguments.namespace) == ("Sidecar", frozenset(), None)
    assert arguments.name
    assert arguments.max_in_flight_per_service == 32
    assert arguments.drain_seconds == 23


def test_the_environment_speaks_where_the_command_line_does_not(tmp_path: Path) -> None:
    profiles = tmp_path / "profiles.yaml"
    profiles.write_text("{}")
    environment = {
        "POD_NAME": "pod-1",
        "POD_NAMESPACE": "team",
        "POD_UID": "1234",
        "PIPEWISE_AGENTS": "coordinator, meeting-scheduler",
        "PIPEWISE_PROFILES": str(profiles),
    }
    arguments = arguments_of([], environment)
    assert (arguments.name, arguments.namespace, arguments.pod_uid) == ("pod-1", "team", "1234")
    assert arguments.agents == {"coordinator", "meeting-scheduler"}
    assert arguments.profiles == profiles
    told = arguments_of(["--name", "other", "--namespace", "mine", "--agents", "x"], environment)
    assert (told.name, told.namespace, told.agents) == ("other", "mine", {"x"})
    assert arguments_of(["--max-in-flight-per-service", "5"], environment).max_in_flight_per_service == 5


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--listen", "8720"], "HOST:PORT"),
        (["--max-in-flight-per-service", "0"], "above 0"),
        (["--listen", "127.0.0.1:99999"], "HOST:PORT"),
        (["--profiles", "/not/there"], "/not/there is not a file"),
        (["--bindings", "/not/there"], "/not/there is not a folder"),
        (["--placement", "Elsewhere"], "invalid choice"),
        (["--placement", "Managed", "--listen", "0.0.0.0:8720"], "would let any pod act for any user"),
        (["--placement", "Managed", "--listen", "10.0.0.7:8720"], "add --authenticate"),
    ],
)
def test_what_makes_no_sense_is_refused_with_its_reason(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        arguments_of(words, {})
    assert message in capsys.readouterr().err


def test_a_managed_runtime_that_others_reach_asks_for_tokens() -> None:
    managed = ["--placement", "Managed"]
    guarded = arguments_of([*managed, "--listen", "0.0.0.0:8720", "--authenticate"], {})
    assert (guarded.authenticate, guarded.audience) == (True, "mcp.pipewise.io")
    assert not arguments_of(managed, {}).authenticate
    assert arguments_of(["--authenticate", "--audience", "ours"], {}).audience == "ours"


def test_files_know_nobody_to_ask_about_tokens(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        arguments_of(["--authenticate", "--bindings", str(tmp_path)], {})
    assert "--authenticate asks the API server" in capsys.readouterr().err


def test_files_and_kubernetes_exclude_each_other(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kubeconfig = tmp_path / "config"
    kubeconfig.write_text("")
    with pytest.raises(SystemExit):
        arguments_of(["--kubeconfig", str(kubeconfig), "--bindings", str(tmp_path)], {})
    assert "not both" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("host", "is_loopback"),
    [
        ("127.0.0.1", True),
        ("127.1.2.3", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),  # noqa: S104 - parsed, not bound
        ("10.0.0.7", False),
        ("runtime.example", False),
    ],
)
def test_only_loopback_counts_as_loopback(host: str, *, is_loopback: bool) -> None:
    assert Address(host, 1).is_loopback is is_loopback


def test_addresses_are_read_and_written_with_brackets_around_ipv6() -> None:
    assert Address.parse("[::1]:0") == Address("::1", 0)
    assert Address("::1", 8720).url() == "http://[::1]:8720"
