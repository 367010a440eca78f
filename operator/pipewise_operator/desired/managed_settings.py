"""How the runtimes of managed bindings are made: the chart's values, as one value."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel


class _Part(BaseModel):
    model_config = ConfigDict(
        alias_generator=to_camel, frozen=True, extra="forbid", coerce_numbers_to_str=True
    )


class Resources(_Part):
    """A container's resources."""

    requests: dict[str, str] = {}
    limits: dict[str, str] = {}


class ManagedSettings(_Part):
    """What the installation decides about managed runtimes."""

    image: str = Field(min_length=1)
    pull_policy: Literal["Always", "IfNotPresent", "Never"] = "IfNotPresent"
    pull_secrets: list[str] = []
    """Secrets, in the bindings' namespaces, with which the image is pulled."""
    replicas: int = Field(default=1, ge=1)
    """Of each shard."""
    bindings_per_shard: int = Field(default=500, ge=1, le=500)
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    run_as_user: int | None = Field(default=65532, ge=1)
    """None leaves it to the image or to the cluster (OpenShift)."""
    resources: Resources = Resources()
    node_selector: dict[str, str] = {}
    tolerations: list[dict[str, Any]] = []
    affinity: dict[str, Any] = {}
    network_policy: bool = True
    clients: list[dict[str, Any]] = []
    """NetworkPolicy peers that may call, beside the pods of the namespace."""
    authentication: str = ""
    """The ClusterRoleBinding whose subjects may review tokens; empty where the chart names them itself."""
