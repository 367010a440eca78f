"""The file that says how sidecars are made and which apps are known, checked at the border."""

from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from pipewise_crds.profiles import BUILT_IN, profiles_from
from pipewise_operator.injection import Settings

from .bindings import Catalogue


class ConfigurationError(Exception):
    """A file cannot be used as it is; the message names it."""


class _Part(BaseModel):
    model_config = ConfigDict(
        alias_generator=to_camel, frozen=True, extra="forbid", coerce_numbers_to_str=True
    )


class _Resources(_Part):
    requests: dict[str, str] = {}
    limits: dict[str, str] = {}


class _Sidecar(_Part):
    image: str = Field(min_length=1)
    pull_policy: Literal["Always", "IfNotPresent", "Never"] = "IfNotPresent"
    pull_secrets: list[str] = []
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    run_as_user: int | None = Field(default=65532, ge=1)
    resources: _Resources = _Resources()


class _Apps(_Part):
    known: list[str] = []
    strict: bool = False


class _File(_Part):
    sidecar: _Sidecar
    apps: _Apps = _Apps()


def configuration(path: Path, profiles: Path | None) -> tuple[Settings, Catalogue]:
    """Read the file, and that of the profiles where there is one.

    Raises:
        ConfigurationError: one of them is not there or says what it cannot mean.
    """
    try:
        given = _File.model_validate(_read(path))
    except ValidationError as error:
        raise ConfigurationError(f"{path}: {_in_words(error)}") from error
    try:
        known = profiles_from(profiles)
    except (ValidationError, yaml.YAMLError, OSError) as error:
        raise ConfigurationError(f"{profiles} is not a mapping of agents to services: {error}") from error
    sidecar = given.sidecar
    settings = Settings(
        image=sidecar.image,
        pull_policy=sidecar.pull_policy,
        pull_secrets=tuple(sidecar.pull_secrets),
        requests=sidecar.resources.requests,
        limits=sidecar.resources.limits,
        log_level=sidecar.log_level,
        run_as_user=sidecar.run_as_user,
        profiles=None if known is BUILT_IN else known,
    )
    return settings, Catalogue(known, frozenset(given.apps.known), given.apps.strict)


def _read(path: Path) -> Any:  # noqa: ANN401 - YAML
    try:
        return yaml.safe_load(path.read_text())
    except (OSError, yaml.YAMLError) as error:
        raise ConfigurationError(f"{path} cannot be read: {error}") from error


def _in_words(error: ValidationError) -> str:
    return "; ".join(
        f"{'.'.join(map(str, problem['loc'])) or 'the file'}: {problem['msg']}"
        for problem in error.errors(include_input=False, include_url=False, include_context=False)
    )
