"""Bindings at a real API server with the webhook's program: what it refuses, tells, and leaves alone."""

from collections.abc import Iterator

import pytest

from pipewise_cli.controlplane import ApiError
from pipewise_crds import API_VERSION
from support.admitting import CONFIGURATION, Webhook, admitting
from support.cluster import Cluster, KubectlError, Namespace
from support.operating import binding


@pytest.fixture(scope="module")
def webhook(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Webhook]:
    with admitting(Namespace(cluster), tmp_path_factory.mktemp("webhook")) as made:
        yield made


@pytest.mark.parametrize("user", ["ada", "a,b=c\\d", "user=42,spec.agent=x"])
def test_a_second_binding_of_agent_and_user_is_refused_with_the_name_of_the_first(
    webhook: Webhook, user: str
) -> None:
    first = binding("first", user)
    webhook.namespace.apply(first)
    with pytest.raises(KubectlError, match='binding "first" is there already for agent "coordinator"'):
        webhook.namespace.apply(binding("second", user))
    webhook.namespace.apply(binding("third", user, agent="meeting-scheduler"))
    webhook.namespace.apply({**first, "metadata": {"name": "first", "labels": {"team": "sales"}}})
    webhook.namespace.apply(binding("first", user, paused=True))
    webhook.namespace.kubectl("delete", "amb", "first", "third")


def test_a_dry_run_is_answered_and_leaves_nothing_behind(webhook: Webhook) -> None:
    where = f"/apis/{API_VERSION}/namespaces/{webhook.namespace}/agentmcpbindings?dryRun=All"
    webhook.namespace.cluster.api.json("POST", where, binding("dry", "grace"))
    with pytest.raises(ApiError, match="has no profile"):
        webhook.namespace.cluster.api.json("POST", where, binding("dry", "grace", agent="x", services=[]))
    assert webhook.namespace.items("amb") == []


def test_an_agent_without_profile_or_services_is_refused_with_those_that_have_one(webhook: Webhook) -> None:
    with pytest.raises(KubectlError) as refused:
        webhook.namespace.apply(binding("b", "ada", agent="cordinator", services=[]))
    assert 'did you mean "coordinator"?' in str(refused.value)
    assert "lead-administrator" in str(refused.value)


def test_warnings_reach_the_user(webhook: Webhook) -> None:
    webhook.apply_unwarned(binding("plain", "calm"))
    services = [{"name": "mail", "app": "sendgird"}]
    with pytest.raises(KubectlError) as told:
        webhook.apply_unwarned(
            binding("b", "odd", services=services, demo="Always", resilience={"maxRetries": 0})
        )
    for words in ('did you mean "sendgrid"?', "demo: Always", "maxRetries: 0"):
        assert words in str(told.value)
    assert webhook.namespace.get("amb", "b")
    webhook.namespace.kubectl("delete", "amb", "--all")


def test_labels_and_finalizers_of_a_binding_that_no_longer_passes_may_still_change(
    webhook: Webhook, cluster: Cluster
) -> None:
    # Made before the webhook came, or while it was away.
    namespace = webhook.namespace
    configuration = ("validatingwebhookconfiguration", namespace.name)
    saved = cluster.kubectl("get", *configuration, "-o", "yaml")
    cluster.kubectl("delete", *configuration)
    namespace.apply(binding("old", "ada", agent="nobody", services=[]))
    cluster.kubectl("create", "-f", "-", stdin=saved)
    namespace.kubectl("label", "amb", "old", "team=sales")
    with pytest.raises(KubectlError, match="has no profile"):
        namespace.kubectl("patch", "amb", "old", "--type=merge", "-p", '{"spec": {"paused": true}}')
    namespace.kubectl("delete", "amb", "old")


def test_a_strict_installation_refuses_apps_that_it_does_not_know(
    namespace: Namespace, tmp_path_factory: pytest.TempPathFactory
) -> None:
    strict = {**CONFIGURATION, "apps": {"known": ["slack"], "strict": True}}
    with admitting(namespace, tmp_path_factory.mktemp("strict"), configuration=strict):
        namespace.apply(binding("known", "ada", services=[{"name": "chat", "app": "slack"}]))
        with pytest.raises(KubectlError, match=r'app "github" is not known here.*webhook.apps.known'):
            namespace.apply(binding("unknown", "bob", services=[{"name": "code", "app": "github"}]))
