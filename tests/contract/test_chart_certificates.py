"""Who keeps the webhook's certificates: itself or cert-manager; and what is left of them afterwards."""

from collections.abc import Sequence

import pytest
import yaml

from support.chart import manifest, named, objects

REGISTRATIONS = ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration")


def test_cert_manager_needs_no_rights_of_ours_and_fills_in_the_authority() -> None:
    found = objects("webhook.certificates=cert-manager")
    certificate = named(found, "Certificate", "-webhook")
    where = f"{certificate['metadata']['namespace']}/{certificate['metadata']['name']}"
    for kind in REGISTRATIONS:
        assert named(found, kind)["metadata"]["annotations"] == {"cert-manager.io/inject-ca-from": where}
    (rule,) = named(found, "ClusterRole", "-webhook")["rules"]
    assert rule["resources"] == ["agentmcpbindings"]
    volumes = named(found, "Deployment", "-webhook")["spec"]["template"]["spec"]["volumes"]
    assert {"secretName": certificate["spec"]["secretName"]} in [each.get("secret") for each in volumes]


def test_an_authority_that_outlives_certificates_signs_them_so_that_renewals_change_no_trust() -> None:
    found = objects("webhook.certificates=cert-manager")
    issuers = {each["metadata"]["name"]: each["spec"] for each in found if each["kind"] == "Issuer"}
    authority, leaf = (named(found, "Certificate", suffix)["spec"] for suffix in ("-ca", "-webhook"))
    assert issuers[leaf["issuerRef"]["name"]] == {"ca": {"secretName": authority["secretName"]}}
    assert issuers[authority["issuerRef"]["name"]] == {"selfSigned": {}}
    assert "isCA" not in leaf
    assert authority["isCA"] is True
    # Renewed with the same key and name, it still vouches for what it signed before.
    assert authority["privateKey"]["rotationPolicy"] == "Never"
    assert authority["secretName"] != leaf["secretName"]


def test_an_issuer_of_the_values_signs_the_certificate_itself() -> None:
    found = objects("webhook.certificates=cert-manager", "webhook.issuerRef.name=internal")
    assert named(found, "Certificate")["spec"]["issuerRef"] == {"name": "internal"}
    assert [each for each in found if each["kind"] == "Issuer"] == []


@pytest.mark.parametrize(
    "values",
    [
        (),
        ("webhook.certificates=cert-manager",),
        ("webhook.certificates=cert-manager", "webhook.issuerRef.name=internal"),
    ],
    ids=["self", "cert-manager", "an issuer of the values"],
)
def test_no_private_key_outlives_the_release(values: Sequence[str]) -> None:
    every = [each for each in yaml.safe_load_all(manifest(*values)) if each]
    hooks = {
        each["metadata"]["name"]: each["metadata"]["annotations"]
        for each in every
        if each["kind"] == "Secret" and each["metadata"]["name"].endswith(("-webhook", "-webhook-ca"))
    }
    asked = {each["spec"]["secretName"] for each in every if each["kind"] == "Certificate"}
    assert set(hooks) == (asked or {"demo-pipewise-mcp-webhook"})
    for annotations in hooks.values():
        assert annotations["helm.sh/hook"] == "post-delete"
        assert annotations["helm.sh/hook-delete-policy"] == "before-hook-creation,hook-succeeded"
