"""What whoever takes over the webhook may do: what it does, and nothing else; and who may speak with it."""

import pytest

from support.chart import named, objects
from support.cluster import Namespace
from support.rights import assert_rights

RIGHTS = ("ServiceAccount", "Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding")
REGISTRATIONS = ("mutatingwebhookconfigurations", "validatingwebhookconfigurations")
NEVER = [
    *[f"{verb} secrets" for verb in ("get", "list", "watch", "patch", "delete")],
    *[f"{verb} pods" for verb in ("get", "list", "create", "patch", "delete")],
    *[f"{verb} agentmcpbindings" for verb in ("get", "watch", "create", "patch", "delete")],
    "patch agentmcpbindings/status",
    "list pipedreamprojects",
    "create rolebindings",
    *[f"{verb} {kind}" for verb in ("list", "create", "update", "delete") for kind in REGISTRATIONS],
    *[f"patch {kind}/another" for kind in REGISTRATIONS],
]


def granted(namespace: Namespace, *values: str) -> str:
    """Give the chart's rights; the webhook's ServiceAccount."""
    found = objects(f"fullnameOverride={namespace}", *values, namespace=namespace.name)
    namespace.apply(*[each for each in found if each["kind"] in RIGHTS])
    return f"{namespace}-webhook"


def test_with_its_own_certificates_it_may_keep_them_and_be_trusted_and_list_bindings(
    namespace: Namespace,
) -> None:
    account = granted(namespace)
    needed = [
        "list agentmcpbindings",
        "create secrets",
        *[f"{verb} secrets/{account}" for verb in ("get", "update")],
        *[f"{verb} {kind}/{namespace}" for verb in ("get", "patch") for kind in REGISTRATIONS],
    ]
    assert_rights(namespace, account, has=needed, lacks=NEVER)


def test_with_cert_manager_it_may_list_bindings_and_nothing_else(namespace: Namespace) -> None:
    account = granted(namespace, "webhook.certificates=cert-manager")
    own = [
        "create secrets",
        f"get secrets/{account}",
        *[f"{verb} {kind}/{namespace}" for verb in ("get", "patch") for kind in REGISTRATIONS],
    ]
    assert_rights(namespace, account, has=["list agentmcpbindings"], lacks=(*NEVER, *own))


@pytest.mark.parametrize("component", ["operator", "webhook"])
def test_it_is_reached_on_its_ports_only_and_reaches_known_ports_only(component: str) -> None:
    found = objects()
    policy = named(found, "NetworkPolicy", f"-{component}")["spec"]
    pod = named(found, "Deployment", f"-{component}")["spec"]["template"]
    assert policy["podSelector"]["matchLabels"].items() <= pod["metadata"]["labels"].items()
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    (ingress,), (egress,) = policy["ingress"], policy["egress"]
    (container,) = pod["spec"]["containers"]
    assert {each["port"] for each in ingress["ports"]} == {each["name"] for each in container["ports"]}
    assert {each["port"] for each in egress["ports"]} == {53, 443, 6443}


def test_names_are_asked_for_on_the_ports_of_the_values_by_both_protocols() -> None:
    for component in ("operator", "webhook"):
        (egress,) = named(objects("networkPolicy.dnsPorts={53,5353}"), "NetworkPolicy", f"-{component}")[
            "spec"
        ]["egress"]
        asked = [(each["protocol"], each["port"]) for each in egress["ports"]]
        assert {(protocol, port) for protocol in ("UDP", "TCP") for port in (53, 5353)} <= set(asked)


def test_the_operator_alone_reaches_the_sandbox_where_there_is_one_and_only_pods_do() -> None:
    found = objects("sandbox.enabled=true")
    reached = {
        component: {
            each["port"]
            for each in named(found, "NetworkPolicy", f"-{component}")["spec"]["egress"][0]["ports"]
        }
        for component in ("operator", "webhook")
    }
    assert (8790 in reached["operator"], 8790 in reached["webhook"]) == (True, False)
    policy = named(found, "NetworkPolicy", "-sandbox")["spec"]
    pod = named(found, "Deployment", "-sandbox")["spec"]["template"]
    assert policy["podSelector"]["matchLabels"].items() <= pod["metadata"]["labels"].items()
    assert policy["policyTypes"] == ["Ingress"]
    (container,) = pod["spec"]["containers"]
    ports = [{"protocol": "TCP", "port": container["ports"][0]["name"]}]
    assert policy["ingress"] == [{"from": [{"namespaceSelector": {}}], "ports": ports}]
