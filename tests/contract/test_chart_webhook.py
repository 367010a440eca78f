"""The chart's webhook: registered for what it answers, able to do that, and no more."""

import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipewise_crds.profiles import BUILT_IN
from pipewise_operator.injection import Patch, patch
from pipewise_operator.webhook.configuration import configuration
from pipewise_operator.webhook.metrics import WEBHOOKS
from support import tools
from support.admitting import pod
from support.chart import EVERYTHING, HelmError, manifest, named, objects, write_schemas
from support.cluster import Cluster, KubectlError, Namespace
from support.eventually import eventually_sync
from support.programs import Program

SWITCHES = [
    ("webhook.enabled=false",),
    ("webhook.certificates=cert-manager",),
    ("webhook.certificates=cert-manager", "webhook.issuerRef.kind=ClusterIssuer", "webhook.issuerRef.name=x"),
    ("operator.namespaces={sales,ops}", "monitoring.podMonitor.enabled=true"),
    ("sidecar.runAsUser=null", "webhook.replicas=1"),
    ("webhook.apps.known={slack,github}", "webhook.apps.strict=true", "webhook.failurePolicy=Ignore"),
    EVERYTHING,
]
FOREIGN = "PodMonitor,PrometheusRule,Certificate,Issuer"
SELF = ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration")
RIGHTS = ("ServiceAccount", "Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding")


def container(found: Sequence[dict[str, Any]]) -> dict[str, Any]:
    (only,) = named(found, "Deployment", "-webhook")["spec"]["template"]["spec"]["containers"]
    assert isinstance(only, dict)
    return only


@pytest.mark.parametrize("values", SWITCHES, ids=",".join)
def test_every_switch_renders_objects_that_kubernetes_knows(values: Sequence[str], tmp_path: Path) -> None:
    text = manifest(*values)
    every = [each for each in yaml.safe_load_all(text) if each]
    known = [each for each in every if each["kind"] not in FOREIGN.split(",")]
    command = [str(tools.kubeconform()), "-strict", "-skip", FOREIGN, "-schema-location"]
    command.append(write_schemas(tmp_path, known))
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    identities = [
        (e["kind"], e["metadata"].get("namespace"), e["metadata"]["name"]) for e in objects(*values)
    ]
    assert len(identities) == len(set(identities))


@pytest.mark.parametrize(
    "value", ["webhook.certificates=letsencrypt", "webhook.failurePolicy=Maybe", "webhook.apps.know={slack}"]
)
def test_a_misspelt_value_is_refused(value: str) -> None:
    with pytest.raises(HelmError, match="webhook"):
        manifest(value)


def test_without_the_webhook_nothing_of_it_is_rendered() -> None:
    assert "webhook" not in manifest("webhook.enabled=false", "crds.install=false")


@pytest.mark.parametrize("certificates", ["self", "cert-manager"])
def test_the_program_knows_every_flag_the_chart_gives_it(certificates: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pipewise_operator.webhook", "--help"],
        capture_output=True,
        text=True,
        check=False,
    )
    given = container(objects(*EVERYTHING, f"webhook.certificates={certificates}"))
    flags = {argument.split("=")[0] for argument in given["args"]}
    assert flags <= set(re.findall(r"--[a-z][-a-z]*", done.stdout))
    assert given["command"] == ["pipewise-webhook"]


def test_the_pod_meets_the_restricted_standard_and_writes_to_memory_only() -> None:
    found = objects()
    spec = named(found, "Deployment", "-webhook")["spec"]["template"]["spec"]
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert container(found)["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert [each["emptyDir"] for each in spec["volumes"] if "emptyDir" in each] == [
        {"medium": "Memory", "sizeLimit": "1Mi"}
    ]


def test_the_registrations_point_to_paths_the_program_answers_and_names_it_certifies() -> None:
    found = objects()
    hooks = [hook for each in found if each["kind"] in SELF for hook in each["webhooks"]]
    services = [hook["clientConfig"]["service"] for hook in hooks]
    assert {each["path"].strip("/") for each in services} == set(WEBHOOKS)
    (service,) = {f"{each['name']}.{each['namespace']}.svc" for each in services}
    arguments = container(found)["args"]
    assert f"--host={service}" in arguments
    (name,) = {each["metadata"]["name"] for each in found if each["kind"] in SELF}
    assert f"--configuration={name}" in arguments
    port = named(found, "Service", "-webhook")["spec"]["ports"][0]
    assert (port["port"], port["targetPort"]) == (services[0]["port"], container(found)["ports"][0]["name"])


def test_a_webhook_that_is_away_stops_only_pods_that_ask() -> None:
    found = objects()
    (pods,) = named(found, "MutatingWebhookConfiguration")["webhooks"]
    (bindings,) = named(found, "ValidatingWebhookConfiguration")["webhooks"]
    assert pods["objectSelector"] == {"matchLabels": {"mcp.pipewise.io/inject": "true"}}
    assert (pods["failurePolicy"], bindings["failurePolicy"]) == ("Fail", "Ignore")
    for each in (pods, bindings):
        assert each["sideEffects"] == "None"
        assert each["timeoutSeconds"] <= 5
        (selection,) = each["namespaceSelector"]["matchExpressions"]
        assert selection["operator"] == "NotIn"
        assert "kube-system" in selection["values"]


def test_with_named_namespaces_the_webhook_answers_for_them_and_reads_in_them_only() -> None:
    found = objects("operator.namespaces={sales,ops}")
    for kind in SELF:
        (hook,) = named(found, kind)["webhooks"]
        assert {"key": "kubernetes.io/metadata.name", "operator": "In", "values": ["sales", "ops"]} in hook[
            "namespaceSelector"
        ]["matchExpressions"]
    (rule,) = named(found, "ClusterRole", "-webhook")["rules"]
    assert rule["resourceNames"] == [named(found, SELF[0])["metadata"]["name"]]
    roles = [
        each for each in found if each["kind"] == "Role" and each["metadata"]["name"].endswith("-webhook")
    ]
    assert sorted(each["metadata"]["namespace"] for each in roles) == ["ops", "sales"]


def test_the_file_it_is_started_with_says_what_the_values_say(tmp_path: Path) -> None:
    values = ("runtime.image.tag=v9", "sidecar.runAsUser=null", "sidecar.pullSecrets={registry}")
    data = named(objects(*values, "webhook.apps.known={slack}"), "ConfigMap", "-webhook")["data"]
    path = tmp_path / "webhook.yaml"
    path.write_text(data["webhook.yaml"])
    settings, catalogue = configuration(path, None)
    assert settings.image == "pipewise-runtime:v9"
    assert settings.run_as_user is None
    assert settings.pull_secrets == ("registry",)
    assert settings.profiles is None
    assert catalogue.profiles is BUILT_IN
    assert "slack" in catalogue.known_apps
    assert isinstance(patch(pod("agents"), settings), Patch)


@pytest.mark.parametrize("named_namespaces", [False, True], ids=["all namespaces", "one namespace"])
def test_the_webhook_works_with_these_rights_and_misses_none(
    cluster: Cluster, namespace: Namespace, tmp_path: Path, *, named_namespaces: bool
) -> None:
    values = [f"operator.namespaces={{{namespace}}}"] if named_namespaces else []
    found = objects(*values, f"fullnameOverride={namespace}", namespace=namespace.name)
    ours = [each for each in found if "webhook" in each["metadata"]["name"] or each["kind"] in SELF]
    registrations = [each for each in ours if each["kind"] in SELF]
    namespace.apply(*[each for each in ours if each["kind"] in RIGHTS])
    config = tmp_path / "kubeconfig"
    token = namespace.service_account_token(f"{namespace}-webhook")
    config.write_text(cluster.plane.kubeconfig_text(token, namespace.name))
    (tmp_path / "webhook.yaml").write_text(named(found, "ConfigMap", "-webhook")["data"]["webhook.yaml"])
    arguments = [
        *container(found)["args"],
        *("--config", str(tmp_path / "webhook.yaml"), "--kubeconfig", str(config), "--host=127.0.0.1"),
        *("--listen=127.0.0.1:0", "--metrics=127.0.0.1:0"),
    ]
    with Program("pipewise_operator.webhook", arguments, tmp_path) as program:
        url = program.url()
        for each in registrations:
            (hook,) = each["webhooks"]
            path = hook["clientConfig"].pop("service")["path"]
            hook["clientConfig"]["url"] = f"{url}{path}"
            here = {"key": "kubernetes.io/metadata.name", "operator": "In", "values": [namespace.name]}
            hook["namespaceSelector"]["matchExpressions"].append(here)
        try:
            namespace.apply(*registrations)
            eventually_sync(lambda: "certificate_served" in program.log, within=20)
            namespace.apply(pod("agents"))
            assert namespace.get("pod", "agents")["spec"]["initContainers"]
            binding = {"apiVersion": "mcp.pipewise.io/v1alpha1", "kind": "AgentMCPBinding"}
            spec = {"agent": "coordinator", "user": "ada"}
            namespace.apply({**binding, "metadata": {"name": "first"}, "spec": spec})
            with pytest.raises(KubectlError, match="first"):
                namespace.apply({**binding, "metadata": {"name": "second"}, "spec": spec})
        finally:
            for kind in SELF:
                cluster.kubectl("delete", kind, namespace.name, "--ignore-not-found")
    assert "orbidden" not in program.log
