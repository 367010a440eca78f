"""Pods at a real API server with the webhook's program: injected, refused, or none of its business."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pipewise_cli.controlplane import Api
from support.admitting import IMAGE, Webhook, admitting, pod, register
from support.cluster import Cluster, KubectlError, Namespace
from support.injecting import CASES, pod_of


@pytest.fixture(scope="module")
def webhook(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Webhook]:
    with admitting(Namespace(cluster), tmp_path_factory.mktemp("webhook")) as made:
        yield made


def answers(webhook: Webhook, outcome: str) -> float:
    return webhook.metric("pipewise_webhook_requests_total", webhook="mutate-pods", outcome=outcome)


def test_a_labelled_pod_comes_out_with_its_sidecar(webhook: Webhook) -> None:
    before = answers(webhook, "patched")
    webhook.namespace.apply(pod("agents", memory_limit="512Mi"))
    found = webhook.namespace.get("pod", "agents")
    (sidecar,) = found["spec"]["initContainers"]
    assert sidecar["image"] == IMAGE
    assert sidecar["restartPolicy"] == "Always"
    assert sidecar["resources"]["limits"] == {"memory": "512Mi"}
    assert found["metadata"]["labels"]["mcp.pipewise.io/runtime"] == "sidecar"
    assert found["spec"]["containers"][0]["env"] == [
        {"name": "PIPEWISE_MCP_URL", "value": "http://127.0.0.1:8720"}
    ]
    assert answers(webhook, "patched") == before + 1


def test_a_copy_of_an_injected_pod_is_left_as_it_is(webhook: Webhook) -> None:
    webhook.namespace.apply(pod("original"))
    copy, before = webhook.namespace.get("pod", "original"), answers(webhook, "allowed")
    copy["metadata"] = {"name": "copy", **{k: copy["metadata"][k] for k in ("labels", "annotations")}}
    webhook.namespace.apply({key: copy[key] for key in ("apiVersion", "kind", "metadata", "spec")})
    assert webhook.namespace.get("pod", "copy")["spec"] == copy["spec"]
    assert answers(webhook, "allowed") == before + 1


def test_a_wrong_annotation_is_refused_in_words_that_reach_the_user(webhook: Webhook) -> None:
    with pytest.raises(KubectlError) as refused:
        webhook.namespace.apply(pod("wrong", memory_limit="128m"))
    assert 'annotation mcp.pipewise.io/memory-limit is "128m"' in str(refused.value)
    assert "such as 128Mi" in str(refused.value)


def test_a_warning_reaches_the_user_of_a_pod_that_is_created(webhook: Webhook) -> None:
    webhook.apply_unwarned(pod("calm"))
    with pytest.raises(KubectlError, match=r"did you mean mcp.pipewise.io/log-level"):
        webhook.apply_unwarned(pod("misspelt", loglevel="debug"))
    assert webhook.namespace.get("pod", "misspelt")["spec"]["initContainers"]


def test_the_api_server_takes_each_sample_pod_or_says_why_not(webhook: Webhook) -> None:
    where = f"/api/v1/namespaces/{webhook.namespace}/pods?dryRun=All"
    for case in CASES:
        if (case / "refused.txt").exists():
            said = refusal(webhook.namespace.cluster.api, where, case)
            assert all(line in said for line in (case / "refused.txt").read_text().splitlines())
        else:
            made = webhook.namespace.cluster.api.json("POST", where, pod_of(case))
            assert "pipewise-runtime" in [each["name"] for each in made["spec"]["initContainers"]]
    assert "agents-0" not in [each["metadata"]["name"] for each in webhook.namespace.items("pod")]


def refusal(api: Api, where: str, case: Path) -> str:
    with pytest.raises(RuntimeError) as refused:
        api.json("POST", where, pod_of(case))
    return str(refused.value)


def test_an_injected_pod_meets_the_restricted_pod_security_standard(webhook: Webhook) -> None:
    label = ("label", "namespace", webhook.namespace.name)
    webhook.namespace.cluster.kubectl(*label, "pod-security.kubernetes.io/enforce=restricted")
    webhook.namespace.apply(pod("restricted"))
    lax = pod("lax")
    del lax["spec"]["containers"][0]["securityContext"]
    with pytest.raises(KubectlError, match=r'violates PodSecurity.*container "agents"') as refused:
        webhook.namespace.apply(lax)
    assert "pipewise-runtime" not in str(refused.value)
    webhook.namespace.cluster.kubectl(*label, "pod-security.kubernetes.io/enforce-")


def test_only_pods_that_ask_feel_that_the_webhook_is_down(webhook: Webhook) -> None:
    webhook.program.kill()
    webhook.namespace.apply(pod("bystander", asks=False))
    with pytest.raises(KubectlError, match="failed calling webhook"):
        webhook.namespace.apply(pod("asking"))

    # It comes back on another port, where in a cluster a Service would find it.
    webhook.program.start()
    register(webhook.namespace, webhook.url)
    webhook.wait_until_ready()
    webhook.namespace.apply(pod("asking"))
    assert webhook.namespace.get("pod", "asking")["spec"]["initContainers"]
