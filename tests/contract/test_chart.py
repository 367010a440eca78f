"""The chart: what helm renders is valid, fits the programs, and grants no more than they need."""

import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipewise_crds.__main__ import main as generate_crds
from pipewise_operator.alerting import CALM, FILE_NAME, alerts, document, webhook_alerts
from support import tools
from support.chart import CHART, EVERYTHING, HelmError, helm, manifest, named, objects, tried, write_schemas
from support.cluster import Cluster, Namespace

ROOT = Path(__file__).parents[2]
SWITCHES = [
    (),
    ("crds.install=false",),
    ("rbac.create=false",),
    ("operator.namespaces={sales,ops}",),
    ("managed.enabled=false", "networkPolicy.enabled=false", "operator.replicas=1"),
    ("managed.replicas=3", "managed.runAsUser=null", "managed.bindingsPerShard=100"),
    ("sandbox.enabled=true",),
    ("projects.endpoints=null",),
    ("monitoring.podMonitor.enabled=true", "monitoring.podMonitor.labels.release=prometheus"),
    ("monitoring.prometheusRule.enabled=true", "monitoring.prometheusRule.runbooksURL=https://wiki/x"),
    ("fullnameOverride=pw", "imagePullSecrets[0].name=registry", "operator.image.tag=v9"),
    ("operator.nodeSelector.disk=ssd", "managed.tolerations[0].operator=Exists"),
    EVERYTHING,
]
PROGRAMS = {"operator": "pipewise_operator", "sandbox": "pipewise_sandbox"}


def container(deployment: dict[str, Any]) -> dict[str, Any]:
    (only,) = deployment["spec"]["template"]["spec"]["containers"]
    assert isinstance(only, dict)
    return only


def deployments(*values: str) -> Sequence[dict[str, Any]]:
    return [each for each in objects(*values) if each["kind"] == "Deployment"]


def kubeconform(text: str, location: str, *options: str) -> subprocess.CompletedProcess[str]:
    command = [str(tools.kubeconform()), "-strict", "-schema-location", location, *options]
    return subprocess.run(command, input=text, capture_output=True, text=True, check=False)


def test_helm_finds_nothing_to_complain_about() -> None:
    helm("lint", "--strict", CHART)


@pytest.mark.parametrize("values", SWITCHES, ids=lambda values: ",".join(values) or "defaults")
def test_every_switch_renders_objects_that_kubernetes_knows(values: Sequence[str], tmp_path: Path) -> None:
    text = manifest(*values)
    found = [each for each in yaml.safe_load_all(text) if each]
    location = write_schemas(tmp_path, found)
    done = kubeconform(text, location, "-skip", "PodMonitor,PrometheusRule")
    assert done.returncode == 0, done.stdout + done.stderr
    identities = [
        (e["kind"], e["metadata"].get("namespace"), e["metadata"]["name"]) for e in objects(*values)
    ]
    assert len(identities) == len(set(identities))


def test_a_misspelt_field_would_be_noticed(tmp_path: Path) -> None:
    text = manifest("sandbox.enabled=true")
    location = write_schemas(tmp_path, [each for each in yaml.safe_load_all(text) if each])
    for good, bad in (("replicas:", "replica:"), ("credentialsSecretRef:", "credentialSecretRef:")):
        done = kubeconform(text.replace(good, bad), location)
        assert done.returncode == 1
        assert bad.removesuffix(":") in done.stdout


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        ("operator.logLevl=debug", "logLevl"),
        ("operater.logLevel=debug", "operater"),
        ("operator.logLevel=loud", "logLevel"),
        ("monitoring.podmonitor.enabled=true", "podmonitor"),
        ("managed.bindingsPerShard=501", "bindingsPerShard"),
        ("operator.namespaces={Sales}", "namespaces"),
    ],
)
def test_a_misspelt_value_is_refused_by_name(value: str, complaint: str) -> None:
    with pytest.raises(HelmError, match=complaint):
        manifest(value)


def test_every_property_of_the_schema_has_a_default_in_the_values() -> None:
    schema = yaml.safe_load((CHART / "values.schema.json").read_text())

    def missing(node: dict[str, Any], values: dict[str, Any], path: str) -> list[str]:
        node = schema["definitions"][node["$ref"].rsplit("/", 1)[-1]] if "$ref" in node else node
        lost = []
        for name, inner in node.get("properties", {}).items():
            if name not in values:
                lost.append(f"{path}.{name}")
            elif isinstance(values[name], dict) and values[name]:
                lost += missing(inner, values[name], f"{path}.{name}")
        return lost

    values = yaml.safe_load((CHART / "values.yaml").read_text())
    assert missing(schema, values, "") == [".global"]


def test_the_crds_of_the_chart_are_the_generated_ones() -> None:
    assert generate_crds(["--check", str(CHART / "crd-files"), str(ROOT / "crds")]) == 0


def test_crds_are_rendered_unchanged_and_outlive_the_release() -> None:
    rendered = [each for each in objects() if each["kind"] == "CustomResourceDefinition"]
    assert len(rendered) == len(list((CHART / "crd-files").glob("*.yaml")))
    for each in rendered:
        assert each["metadata"].pop("annotations") == {"helm.sh/resource-policy": "keep"}
        plural = each["spec"]["names"]["plural"]
        assert each == yaml.safe_load((CHART / "crd-files" / f"{plural}.yaml").read_text())


def test_the_rules_reach_prometheus_unchanged() -> None:
    rule = named(objects("monitoring.prometheusRule.enabled=true"), "PrometheusRule")
    assert rule["spec"] == yaml.safe_load(document(CALM))
    assert (CHART / "files" / FILE_NAME).read_text() == document(CALM)


def test_a_release_without_the_webhook_has_no_alerts_of_it() -> None:
    rule = named(objects("monitoring.prometheusRule.enabled=true", "webhook.enabled=false"), "PrometheusRule")
    assert rule["spec"] == yaml.safe_load(document(CALM, with_webhook=False))


def test_runbooks_may_be_kept_elsewhere() -> None:
    where = "https://wiki.example.com/pipewise"
    rule = named(
        objects("monitoring.prometheusRule.enabled=true", f"monitoring.prometheusRule.runbooksURL={where}"),
        "PrometheusRule",
    )
    groups = rule["spec"]["groups"]
    urls = [each["annotations"]["runbook_url"] for group in groups for each in group["rules"]]
    assert urls == [f"{where}/{alert.name}.md" for alert in (*alerts(CALM), *webhook_alerts(CALM))]


def test_the_operators_own_namespace_label_is_honoured() -> None:
    found = objects("monitoring.podMonitor.enabled=true")
    (endpoint,) = named(found, "PodMonitor", "-operator")["spec"]["podMetricsEndpoints"]
    assert endpoint["honorLabels"] is True


@pytest.mark.parametrize("component", sorted(PROGRAMS))
def test_a_program_knows_every_flag_the_chart_gives_it(component: str) -> None:
    deployment = named(
        deployments(*EVERYTHING, "operator.namespaces={sales,pipewise}"),
        "Deployment",
        component,
    )
    done = subprocess.run(
        [sys.executable, "-m", PROGRAMS[component], "--help"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    known = set(re.findall(r"--[a-z][-a-z]*", done.stdout))
    given = {argument.split("=")[0] for argument in container(deployment)["args"]}
    assert given <= known
    assert container(deployment)["command"] == [f"pipewise-{component}"]


@pytest.mark.parametrize("component", sorted(PROGRAMS))
def test_pods_meet_the_restricted_standard_and_write_nowhere(component: str) -> None:
    deployment = named(deployments(*EVERYTHING), "Deployment", component)
    pod = deployment["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container(deployment)["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert container(deployment)["resources"]["limits"]["memory"]
    ports = {port["name"] for port in container(deployment)["ports"]}
    assert container(deployment)["readinessProbe"]["httpGet"]["port"] in ports


def test_the_cluster_may_choose_the_user_of_every_pod() -> None:
    values = ("sandbox.enabled=true", "runAsUser=null")
    pods = [each["spec"]["template"]["spec"] for each in deployments(*values)]
    pods.append(named(tried(*values), "Pod")["spec"])
    assert len(pods) == 4
    for pod in pods:
        assert pod["securityContext"] == {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}


def test_a_user_of_openshifts_range_is_written_in_full() -> None:
    for deployment in deployments("runAsUser=1000680000"):
        context = deployment["spec"]["template"]["spec"]["securityContext"]
        assert (context["runAsUser"], context["runAsGroup"]) == (1000680000, 1000680000)


def test_the_sandbox_and_its_project_agree_on_the_credentials() -> None:
    found = objects("sandbox.enabled=true")
    project = named(found, "PipedreamProject")
    secret = named(found, "Secret", project["spec"]["credentialsSecretRef"]["name"])
    seed = yaml.safe_load(named(found, "ConfigMap", "sandbox")["data"]["seed.json"])
    assert seed["projects"] == [
        {
            "projectID": project["spec"]["projectID"],
            "environment": project["spec"]["environment"],
            "clientID": secret["stringData"]["client-id"],
            "clientSecret": secret["stringData"]["client-secret"],
        }
    ]
    service = named(found, "Service", "sandbox")
    host = f"http://{service['metadata']['name']}.pipewise.svc:{service['spec']['ports'][0]['port']}"
    assert project["spec"]["endpoints"] == {"api": f"{host}/v1", "mcp": f"{host}/v3"}


def test_the_api_server_takes_every_object(cluster: Cluster, namespace: Namespace) -> None:
    for values in (
        ("sandbox.enabled=true",),
        (f"operator.namespaces={{{namespace}}}", "sandbox.enabled=true"),
    ):
        text = manifest(*values, namespace=namespace.name)
        said = cluster.kubectl(
            "apply", "--server-side", "--dry-run=server", "--validate=strict", "-f", "-", stdin=text
        )
        assert said.count("(server dry run)") == len([each for each in yaml.safe_load_all(text) if each])
