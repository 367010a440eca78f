"""The chart as tests see it: rendered by helm into objects, and schemas to hold them against."""

import json
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from pipewise_crds import KINDS, definition

from . import tools

CHART = Path(__file__).parents[2] / "charts" / "pipewise-mcp"
RELEASE = "demo"
KUBERNETES_VERSION = "1.34.0"

EVERYTHING = (
    "sandbox.enabled=true",
    "monitoring.podMonitor.enabled=true",
    "monitoring.prometheusRule.enabled=true",
    "monitoring.dashboard.enabled=true",
    "profiles.coordinator[0].name=mail",
    "profiles.coordinator[0].app=sendgrid",
)
"""Every switch of the chart turned on."""


class HelmError(AssertionError):
    """Helm refused; the message is what it wrote to stderr."""


def helm(
    *arguments: str | Path,
    environment: Mapping[str, str] | None = None,
    timeout_seconds: float = 120,
) -> str:
    """Run helm and return its output; the logs of `helm test` come on stderr, everything else on stdout.

    Raises:
        HelmError: it ended with an error.
    """
    done = subprocess.run(
        [tools.helm(), *arguments],
        capture_output=True,
        text=True,
        env=environment,
        timeout=timeout_seconds,
        check=False,
    )
    if done.returncode:
        raise HelmError(done.stdout + done.stderr)
    return done.stdout + done.stderr if arguments[0] == "test" else done.stdout


def manifest(*values: str, namespace: str = "pipewise") -> str:
    """The chart rendered with these `--set` values, as text."""
    settings = [f"--set={value}" for value in values]
    return helm(
        "template", RELEASE, CHART, "--namespace", namespace, "--kube-version", KUBERNETES_VERSION, *settings
    )


def objects(*values: str, namespace: str = "pipewise") -> Sequence[dict[str, Any]]:
    """The chart's objects with these `--set` values: those that are there while the release is."""
    every = [each for each in yaml.safe_load_all(manifest(*values, namespace=namespace)) if each]
    return [each for each in every if not _hook(each).endswith(("-delete", "test"))]


def tried(*values: str, namespace: str = "pipewise") -> Sequence[dict[str, Any]]:
    """What `helm test` makes with these `--set` values."""
    every = yaml.safe_load_all(manifest(*values, namespace=namespace))
    return [each for each in every if each and _hook(each) == "test"]


def named(found: Iterable[dict[str, Any]], kind: str, suffix: str = "") -> dict[str, Any]:
    """The one object of a kind whose name ends so."""
    (only,) = [e for e in found if e["kind"] == kind and e["metadata"]["name"].endswith(suffix)]
    return only


def policy(suffix: str, *values: str) -> Sequence[dict[str, Any]]:
    """An admission policy of the chart and what puts it in force, in this order."""
    kinds = ("ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding")
    found = objects(*values)
    return [named((e for e in found if e["kind"] == kind), kind, suffix) for kind in kinds]


def _hook(found: Mapping[str, Any]) -> str:
    """When helm makes an object: empty for all that it installs and deletes like any other."""
    return str((found["metadata"].get("annotations") or {}).get("helm.sh/hook", ""))


def write_schemas(folder: Path, found: Iterable[Mapping[str, Any]]) -> str:
    """Write strict, self-contained JSON schemas of the objects' kinds; their location, for kubeconform.

    The files of the package kubernetes-validate point into a shared file of definitions by a path that
    kubeconform does not follow. Kinds of other operators (monitoring) have no schema here.
    """
    package = files("kubernetes_validate") / "kubernetes-json-schema" / f"v{KUBERNETES_VERSION}-local-strict"
    shared = json.loads((package / "_definitions.json").read_text())["$defs"]
    ours = {kind.name: kind for kind in KINDS}
    for kind, version in {(each["kind"], each["apiVersion"]) for each in found}:
        name = f"{kind.lower()}-{_suffix(version)}.json"
        if kind in ours:
            schema = definition(ours[kind])["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
            schema = _closed({**schema, "properties": {**schema["properties"], **_META}})
        elif not version.startswith("monitoring."):
            text = (package / name).read_text().replace("/api/_definitions.json#", "#")
            schema = {**json.loads(text), "$defs": shared}
        else:
            continue
        (folder / name).write_text(json.dumps(schema))
    return str(folder / "{{.ResourceKind}}{{.KindSuffix}}.json")


_META: Mapping[str, Any] = {
    "apiVersion": {"type": "string"},
    "kind": {"type": "string"},
    "metadata": {"type": "object"},
}


def _suffix(api_version: str) -> str:
    """An apiVersion as schema files are named by it: rbac.authorization.k8s.io/v1 is rbac-v1."""
    group, _, version = api_version.rpartition("/")
    return f"{group.split('.')[0]}-{version}" if group else version


def _closed(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema with no properties allowed but those it names, as `kubectl --validate=strict` has it."""
    closed = dict(schema)
    if "properties" in closed:
        closed["properties"] = {name: _closed(inner) for name, inner in closed["properties"].items()}
        closed["additionalProperties"] = False
    if "items" in closed:
        closed["items"] = _closed(closed["items"])
    return closed
