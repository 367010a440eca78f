"""The objects the operator makes for runtimes, and when it makes, changes and deletes them."""

from typing import Any

import yaml

from pipewise_operator.desired.drift import Drift, drift
from pipewise_operator.desired.identities import identities, role_binding_name
from pipewise_operator.desired.managed import managed
from pipewise_operator.desired.managed_settings import ManagedSettings

SETTINGS = ManagedSettings.model_validate(
    yaml.safe_load("""
      image: registry/pipewise-runtime:1
      replicas: 2
      resources: {requests: {cpu: 0.5, memory: 64Mi}}
      pullSecrets: [registry]
      clients: [{namespaceSelector: {matchLabels: {agents: "yes"}}}]
    """)
)


def kinds(objects: list[dict[str, Any]]) -> list[str]:
    return [f"{each['kind']}/{each['metadata']['name']}" for each in objects]


def one(objects: list[dict[str, Any]], kind: str) -> dict[str, Any]:
    (found,) = [each for each in objects if each["kind"] == kind]
    return found


def test_a_runtimes_rights_are_one_role_and_a_binding_for_each_account() -> None:
    made = identities("sales", ["agents", "default", "agents"], ["b", "a"])
    assert kinds(made) == [
        "Role/pipewise-runtime",
        "RoleBinding/pipewise-runtime-agents",
        "RoleBinding/pipewise-runtime-default",
    ]
    (secrets,) = [rule for rule in made[0]["rules"] if rule["resources"] == ["secrets"]]
    assert secrets["resourceNames"] == ["a-pipedream-token", "b-pipedream-token"]
    assert secrets["verbs"] == ["get"]


def test_without_projects_no_secret_may_be_read_not_all_of_them() -> None:
    (role, _) = identities("sales", ["agents"], [])
    assert not [rule for rule in role["rules"] if rule["resources"] == ["secrets"]]


def test_where_no_pod_holds_a_runtime_nothing_is_granted() -> None:
    assert identities("sales", [], ["default"]) == []


def test_a_very_long_account_name_still_makes_a_name() -> None:
    assert len(role_binding_name("a" * 253)) <= 253
    assert role_binding_name("a" * 253) != role_binding_name("b" * 253)


def test_each_shard_has_a_deployment_and_a_service_that_selects_it() -> None:
    made = managed("sales", [1, 0], SETTINGS, "")
    assert kinds(made) == [
        "ServiceAccount/pipewise-runtime",
        "NetworkPolicy/pipewise-runtime",
        *(
            f"{kind}/pipewise-runtime-{shard}"
            for shard in (0, 1)
            for kind in ("Service", "Deployment", "PodDisruptionBudget")
        ),
    ]
    service, deployment = made[2], made[3]
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    assert service["spec"]["selector"].items() <= labels.items()
    assert labels["mcp.pipewise.io/runtime"] == "managed"
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert {"--shard=0", "--authenticate", "--audience=mcp.pipewise.io", "--placement=Managed"} <= set(
        container["args"]
    )


def test_a_managed_pod_meets_the_restricted_standard() -> None:
    pod = one(managed("sales", [0], SETTINGS, ""), "Deployment")["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["containers"][0]["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert pod["containers"][0]["resources"] == {"requests": {"cpu": "0.5", "memory": "64Mi"}}
    assert pod["imagePullSecrets"] == [{"name": "registry"}]


def test_a_managed_pod_answers_until_nodes_have_heard_that_it_goes() -> None:
    pod = one(managed("sales", [0], SETTINGS, ""), "Deployment")["spec"]["template"]["spec"]
    going = pod["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert 0 < going < 5, "with the 25 s that the runtime takes it must end before Kubernetes' 30 s"


def test_agents_of_the_namespace_and_named_clients_may_call_and_nobody_else() -> None:
    policy = one(managed("sales", [0], SETTINGS, ""), "NetworkPolicy")["spec"]
    assert policy["podSelector"] == {"matchLabels": {"mcp.pipewise.io/runtime": "managed"}}
    callers = next(rule for rule in policy["ingress"] if rule["ports"][0]["port"] == 8720)["from"]
    assert callers == [{"podSelector": {}}, {"namespaceSelector": {"matchLabels": {"agents": "yes"}}}]


def test_profiles_reach_the_pod_by_an_annotation_since_config_maps_stay_in_their_namespace() -> None:
    template = one(managed("sales", [0], SETTINGS, '{"coordinator":[]}'), "Deployment")["spec"]["template"]
    assert template["metadata"]["annotations"]["mcp.pipewise.io/profiles"] == '{"coordinator":[]}'
    assert "--profiles=/etc/pipewise/profiles.yaml" in template["spec"]["containers"][0]["args"]


def test_nothing_is_applied_when_the_api_server_only_added_to_it_or_wrote_it_otherwise() -> None:
    wanted = managed("sales", [0], SETTINGS, "")
    found = yaml.safe_load(yaml.safe_dump(wanted))
    for each in found:
        del each["apiVersion"]
        each["status"] = {"replicas": 2}
        each["metadata"] |= {"uid": "u", "resourceVersion": "7"}
    (container,) = one(found, "Deployment")["spec"]["template"]["spec"]["containers"]
    container["resources"]["requests"]["cpu"] = "500m"
    container["terminationMessagePath"] = "/dev/termination-log"
    assert drift(wanted, found) == Drift([], [])


def test_what_is_missing_or_was_changed_is_applied_and_what_nobody_wants_is_deleted() -> None:
    wanted = identities("sales", ["agents", "default"], ["default"])
    found = yaml.safe_load(yaml.safe_dump(identities("sales", ["agents", "gone"], ["default"])))
    found[0]["rules"][-1]["resourceNames"].append("somebody-elses-secret")
    change = drift(wanted, found)
    assert kinds(change.apply) == ["Role/pipewise-runtime", "RoleBinding/pipewise-runtime-default"]
    assert kinds(change.delete) == ["RoleBinding/pipewise-runtime-gone"]
    found[-1]["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert drift(wanted, found).delete == []
