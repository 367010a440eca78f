"""The CRDs are what the models say, and a real API server takes and refuses what they mean."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel, ValidationError

from pipewise_crds import API_VERSION, BINDING, KINDS, PROJECT, RUNTIME, Kind
from pipewise_crds.__main__ import document, main
from support.cluster import Cluster, KubectlError, Namespace

ROOT = Path(__file__).parents[2]
DATA = ROOT / "tests" / "data"
EXPECTS = "# expects: "
NOT_SEEN_BY_MODELS = {"field-unknown", "share-twice"}
"""Refused by the API server only: a program ignores the fields of a newer version, and shares are read by one
program that the API server has already vouched for."""

KIND_OF = {"binding": BINDING, "project": PROJECT, "runtime": RUNTIME}


def samples(validity: str) -> list[Any]:
    return [
        pytest.param(path, id=f"{path.parent.parent.name}-{path.stem}")
        for path in sorted(DATA.glob(f"*/{validity}/*.yaml"))
    ]


def read(path: Path) -> dict[str, Any]:
    manifest: dict[str, Any] = yaml.safe_load(path.read_text())
    return manifest


def model_of(path: Path) -> type[BaseModel]:
    return KIND_OF[path.parent.parent.name].model


def binding(name: str, agent: str = "coordinator", user: str = "user-42") -> dict[str, Any]:
    return {
        "apiVersion": API_VERSION,
        "kind": "AgentMCPBinding",
        "metadata": {"name": name},
        "spec": {"agent": agent, "user": user},
    }


@pytest.mark.parametrize("folder", ["crds", "charts/pipewise-mcp/crd-files"])
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.plural)
def test_every_committed_definition_is_the_generated_one(kind: Kind, folder: str) -> None:
    assert (ROOT / folder / f"{kind.plural}.yaml").read_bytes() == document(kind).encode()


def test_a_stale_or_missing_copy_of_a_definition_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(tmp_path)]) == 0
    assert main(["--check", str(tmp_path)]) == 0
    stale = tmp_path / f"{BINDING.plural}.yaml"
    stale.write_text(stale.read_text() + "# edited\n")
    assert main(["--check", str(tmp_path)]) == 1
    assert f"{stale} is out of date: run `make generate`" in capsys.readouterr().err


@pytest.mark.parametrize("path", samples("valid"))
def test_the_api_server_and_the_models_take_what_is_valid(namespace: Namespace, path: Path) -> None:
    namespace.kubectl("apply", "--validate=strict", "-f", str(path))
    manifest = read(path)
    stored = namespace.get(manifest["kind"], manifest["metadata"]["name"])
    from_file = model_of(path).model_validate(manifest)
    from_server = model_of(path).model_validate(stored)
    assert from_file.model_dump(exclude={"metadata"}) == from_server.model_dump(exclude={"metadata"})


@pytest.mark.parametrize("path", samples("invalid"))
def test_the_api_server_refuses_what_is_invalid_and_says_why(namespace: Namespace, path: Path) -> None:
    first_line = path.read_text().splitlines()[0]
    assert first_line.startswith(EXPECTS)
    with pytest.raises(KubectlError) as refusal:
        namespace.kubectl("apply", "--validate=strict", "--dry-run=server", "-f", str(path))
    assert first_line.removeprefix(EXPECTS) in str(refusal.value)


@pytest.mark.parametrize(
    "path", [sample for sample in samples("invalid") if sample.values[0].stem not in NOT_SEEN_BY_MODELS]
)
def test_the_models_refuse_what_the_api_server_refuses(path: Path) -> None:
    manifest = read(path)
    with pytest.raises(ValidationError):
        model_of(path).model_validate(manifest)


@pytest.mark.parametrize(("field", "value"), [("agent", "meeting-scheduler"), ("user", "user-43")])
def test_agent_and_user_of_a_binding_cannot_be_changed(namespace: Namespace, field: str, value: str) -> None:
    namespace.apply(binding("fixed"))
    with pytest.raises(KubectlError, match=f"{field} is immutable: create another binding"):
        namespace.apply(binding("fixed", **{field: value}))


def test_everything_else_of_a_binding_can_be_changed(namespace: Namespace) -> None:
    namespace.apply(binding("changing"))
    changed = binding("changing")
    changed["spec"]["paused"] = True
    namespace.apply(changed)
    stored = namespace.get("amb", "changing")
    assert stored["spec"]["paused"] is True
    assert stored["metadata"]["generation"] == 2


def test_bindings_are_found_by_agent_and_by_user(namespace: Namespace) -> None:
    namespace.apply(
        binding("a", "coordinator", "u1"),
        binding("b", "coordinator", "u2"),
        binding("c", "lead-administrator", "u1"),
    )

    def found(selector: str) -> list[str]:
        return [item["metadata"]["name"] for item in namespace.items("amb", "--field-selector", selector)]

    assert found("spec.agent=coordinator") == ["a", "b"]
    assert found("spec.user=u1") == ["a", "c"]
    assert found("spec.agent=coordinator,spec.user=u1") == ["a"]


def test_short_names_and_the_category_find_our_objects(namespace: Namespace) -> None:
    for kind in ("binding", "project", "runtime"):
        namespace.kubectl("apply", "-f", str(next(iter(sorted((DATA / kind / "valid").glob("*.yaml"))))))
    for kind in KINDS:
        assert namespace.kubectl("get", kind.short, "-o", "name").startswith(
            f"{kind.name.lower()}.mcp.pipewise.io/"
        )
    everything = namespace.kubectl("get", "pipewise", "-o", "name").split()
    assert {name.split(".")[0] for name in everything} == {kind.name.lower() for kind in KINDS}


def condition(status: str, reason: str, message: str) -> dict[str, Any]:
    return {
        "type": "Ready",
        "status": status,
        "reason": reason,
        "message": message,
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    }


def rows(table: str) -> list[list[str]]:
    return [line.split() for line in table.splitlines()]


def test_a_binding_is_printed_with_what_matters(namespace: Namespace) -> None:
    namespace.apply(binding("shown"))
    status = {
        "conditions": [condition("False", "CredentialInvalid", "Connect SendGrid again")],
        "servicesReady": "1/2",
        "mode": "Mixed",
    }
    namespace.set_status(BINDING.plural, "shown", status)
    header, row = rows(namespace.kubectl("get", "amb"))
    assert header == ["NAME", "AGENT", "USER", "READY", "REASON", "SERVICES", "MODE", "AGE"]
    assert row[:-1] == ["shown", "coordinator", "user-42", "False", "CredentialInvalid", "1/2", "Mixed"]
    assert "Connect SendGrid again" in namespace.kubectl("get", "amb", "-o", "wide")


def test_a_project_is_printed_with_what_matters(namespace: Namespace) -> None:
    namespace.kubectl("apply", "-f", str(DATA / "project" / "valid" / "smallest.yaml"))
    status = {"conditions": [condition("True", "Ready", "")], "accounts": {"total": 7, "healthy": 5}}
    namespace.set_status(PROJECT.plural, "smallest", status)
    header, row = rows(namespace.kubectl("get", "pdp"))
    assert header == ["NAME", "PROJECT", "ENVIRONMENT", "READY", "REASON", "ACCOUNTS", "HEALTHY", "AGE"]
    assert row[:-1] == ["smallest", "proj_1a2b3c", "development", "True", "Ready", "7", "5"]


def test_a_runtime_is_printed_with_what_matters(namespace: Namespace) -> None:
    namespace.kubectl("apply", "-f", str(DATA / "runtime" / "valid" / "bare.yaml"))
    status = {"agents": ["coordinator"], "bindings": 3, "sessions": 6, "version": "0.1.0"}
    namespace.set_status(RUNTIME.plural, "bare", status)
    header, row = rows(namespace.kubectl("get", "mcr"))
    assert header == ["NAME", "AGENTS", "BINDINGS", "SESSIONS", "VERSION", "REPORTED", "AGE"]
    assert row[:5] == ["bare", '["coordinator"]', "3", "6", "0.1.0"]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.plural)
def test_every_field_is_explained(cluster: Cluster, kind: Kind) -> None:
    explained = cluster.kubectl("explain", kind.name, "--recursive")
    assert "FIELDS" in explained
    schema = yaml.safe_load(document(kind))["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    assert undescribed(schema["properties"], kind.name) == []


def undescribed(properties: dict[str, Any], path: str) -> list[str]:
    missing = []
    for name, schema in properties.items():
        where = f"{path}.{name}"
        if not schema.get("description"):
            missing.append(where)
        missing += undescribed(schema.get("properties", {}), where)
        missing += undescribed(schema.get("items", {}).get("properties", {}), where)
    return missing
