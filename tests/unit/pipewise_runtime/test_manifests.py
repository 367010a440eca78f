"""Manifests read strictly, with messages that name file, object and field."""

import base64

import pytest
import yaml

from pipewise_runtime.sources.manifests import ManifestError, manifests_of
from support.runtimes import binding_manifest, credentials_manifest, project_manifest


def text(*documents: object) -> str:
    return yaml.safe_dump_all(documents)


def test_all_documents_of_all_files_are_read() -> None:
    files = {
        "a.yaml": text(binding_manifest("one"), None, credentials_manifest()),
        "b.yaml": text({"kind": "List", "items": [binding_manifest("two", "u2"), project_manifest()]}),
    }
    manifests = manifests_of(files)
    assert set(manifests.bindings) == {"one", "two"}
    assert set(manifests.projects) == {"default"}
    assert manifests.secrets["pipedream-client"]["client-id"] == "demo-client"


def test_data_is_base64_and_string_data_wins() -> None:
    secret = credentials_manifest()
    secret["data"] = {
        "client-id": base64.b64encode(b"other").decode(),
        "more": base64.b64encode(b"x").decode(),
    }
    found = manifests_of({"a.yaml": text(secret)}).secrets["pipedream-client"]
    assert (found["client-id"], found["more"]) == ("demo-client", "x")


def test_a_status_copied_from_a_cluster_is_not_believed() -> None:
    service = {"name": "sendgrid", "app": "sendgrid", "verdict": "Healthy", "account": {"state": "Healthy"}}
    manifest = {**binding_manifest("one"), "status": {"services": [service]}}
    assert manifests_of({"a.yaml": text(manifest)}).bindings["one"].status.services == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a: [", "a.yaml, line 1: not YAML"),
        ("just text", "a.yaml: a document is not an object"),
        (text({"apiVersion": "v1", "kind": "Pod"}), "a.yaml: v1/Pod is not read here"),
        (text(binding_manifest("one", usr="x")), "AgentMCPBinding one: spec.usr: Extra inputs"),
        (text(binding_manifest("one", demo="Maybe")), "AgentMCPBinding one: spec.demo: "),
        (text(binding_manifest("one", services=[{"name": "x"}])), "one: spec.services.0.app: Field required"),
        (text(binding_manifest("one"), binding_manifest("one")), "AgentMCPBinding one is there twice"),
        (text({**binding_manifest("one"), "metadata": {}}), "without a name.metadata.name: Field required"),
        (text(project_manifest(environment="test")), "PipedreamProject default: spec.environment: "),
        (
            text({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "data": {"a": "%"}}),
            "base64",
        ),
    ],
)
def test_what_cannot_be_used_is_named(content: str, message: str) -> None:
    with pytest.raises(ManifestError) as caught:
        manifests_of({"a.yaml": content})
    assert message in str(caught.value)


def test_a_secret_is_never_part_of_a_message_or_a_repr() -> None:
    broken = credentials_manifest()
    broken["stringData"]["client-secret"] = ["very-secret"]
    with pytest.raises(ManifestError) as caught:
        manifests_of({"a.yaml": text(broken)})
    assert "very-secret" not in str(caught.value)
    assert "demo-secret" not in repr(manifests_of({"a.yaml": text(credentials_manifest())}))
