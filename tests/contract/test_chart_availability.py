"""What the chart does so that the operator is there, and that nobody speaks with it who need not."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from pipewise_crds import Service
from pipewise_crds.profiles import profiles_from
from pipewise_operator.desired.identities import ROLE
from pipewise_operator.desired.managed import managed
from pipewise_operator.desired.managed_settings import ManagedSettings
from support.chart import named, objects


def operator(*values: str) -> dict[str, Any]:
    spec: dict[str, Any] = named(objects(*values), "Deployment", "-operator")["spec"]
    return spec


def settings(*values: str) -> ManagedSettings:
    text = named(objects(*values), "ConfigMap", "-managed")["data"]["managed.yaml"]
    return ManagedSettings.model_validate(yaml.safe_load(text))


def test_two_replicas_spread_over_nodes_are_never_taken_down_together() -> None:
    spec = operator()
    assert spec["replicas"] == 2
    labels = spec["template"]["metadata"]["labels"]
    constraints = spec["template"]["spec"]["topologySpreadConstraints"]
    assert {each["topologyKey"] for each in constraints} >= {"kubernetes.io/hostname"}
    assert all(each["whenUnsatisfiable"] == "ScheduleAnyway" for each in constraints)
    budget = named(objects(), "PodDisruptionBudget", "-operator")["spec"]
    assert budget["maxUnavailable"] == 1
    for selector in (*(each["labelSelector"] for each in constraints), budget["selector"]):
        assert selector["matchLabels"].items() <= labels.items()
    assert spec["strategy"]["rollingUpdate"]["maxUnavailable"] == 0


def test_a_single_replica_may_be_drained() -> None:
    found = objects("operator.replicas=1", "webhook.enabled=false")
    assert not [each for each in found if each["kind"] == "PodDisruptionBudget"]
    assert "topologySpreadConstraints" not in operator("operator.replicas=1")["template"]["spec"]


def test_replicas_hold_the_lease_that_they_may_write_under_their_pods_names() -> None:
    found = objects("fullnameOverride=pw")
    (container,) = named(found, "Deployment", "-operator")["spec"]["template"]["spec"]["containers"]
    rules = named(found, "Role", "-operator-lease")["rules"]
    assert "--lease=pw-operator" in container["args"]
    assert rules[1]["resourceNames"] == ["pw-operator"]
    fields = {each["name"]: each["valueFrom"]["fieldRef"]["fieldPath"] for each in container["env"]}
    assert fields == {"POD_NAME": "metadata.name", "POD_NAMESPACE": "metadata.namespace"}


def test_managed_runtimes_have_a_network_policy_unless_it_is_turned_off() -> None:
    kinds = [each["kind"] for each in managed("sales", [0], settings(), "")]
    assert "NetworkPolicy" in kinds
    off = [each["kind"] for each in managed("sales", [0], settings("networkPolicy.enabled=false"), "")]
    assert "NetworkPolicy" not in off
    found = objects("networkPolicy.enabled=false")
    assert not [each for each in found if each["kind"] == "NetworkPolicy"]


def test_the_operator_makes_runtimes_as_the_values_say() -> None:
    chosen = settings(
        "runtime.image.repository=registry/runtime",
        "runtime.image.tag=v9",
        "managed.replicas=3",
        "managed.runAsUser=null",
        "managed.nodeSelector.disk=ssd",
        "managed.pullSecrets={registry}",
    )
    assert chosen.image == "registry/runtime:v9"
    assert (chosen.replicas, chosen.run_as_user) == (3, None)
    assert chosen.node_selector == {"disk": "ssd"}
    assert chosen.pull_secrets == ["registry"]
    assert not [
        each for each in objects("managed.enabled=false") if each["metadata"]["name"].endswith("-managed")
    ]


@pytest.mark.parametrize("namespaces", [(), ("sales", "ops")])
def test_whose_tokens_may_be_reviewed_is_said_by_the_operator_or_by_the_list_of_namespaces(
    namespaces: tuple[str, ...],
) -> None:
    values = [f"operator.namespaces={{{','.join(namespaces)}}}"] if namespaces else []
    binding = named(objects(*values), "ClusterRoleBinding", "-runtime-authentication")
    subjects = [(each["name"], each["namespace"]) for each in binding.get("subjects", [])]
    assert subjects == [(ROLE, namespace) for namespace in namespaces]
    assert settings(*values).authentication == ("" if namespaces else binding["metadata"]["name"])


def test_the_profiles_of_the_values_are_what_the_programs_read(tmp_path: Path) -> None:
    service = "profiles.support[0].name=mail,profiles.support[0].app=gmail,profiles.support[0].required=false"
    found = objects(service)
    path = tmp_path / "profiles.yaml"
    path.write_text(named(found, "ConfigMap", "-profiles")["data"]["profiles.yaml"])
    assert profiles_from(path) == {"support": (Service(name="mail", app="gmail", required=False),)}
    checksums = set()
    for values in ((), (service,)):
        for component in ("operator", "webhook"):
            pod = named(objects(*values), "Deployment", f"-{component}")["spec"]["template"]
            (container,) = pod["spec"]["containers"]
            is_given = "--profiles=/etc/pipewise/profiles.yaml" in container["args"]
            assert is_given == bool(values)
            checksums.add(pod["metadata"]["annotations"]["mcp.pipewise.io/profiles-checksum"])
    assert len(checksums) == 2
