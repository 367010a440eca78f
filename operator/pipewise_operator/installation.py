"""How the objects of runtimes are made, from the command line and its files, checked at the border."""

import json
from pathlib import Path

import yaml
from lightkube import ConfigError
from pydantic import ValidationError

from pipewise_crds.profiles import Profiles, profiles_from

from .arguments import Arguments
from .children import Installation
from .desired.managed_settings import ManagedSettings


def installation_of(arguments: Arguments) -> Installation:
    """Read the file of --managed, and the profiles that managed runtimes are to have.

    Raises:
        ConfigError: it is not there, or says what it cannot mean.
    """
    if arguments.managed is None:
        return Installation(owner=arguments.owner)
    profiles = _text(profiles_from(arguments.profiles)) if arguments.profiles else ""
    return Installation(_settings(arguments.managed), profiles, arguments.owner)


def _settings(path: Path) -> ManagedSettings:
    try:
        return ManagedSettings.model_validate(yaml.safe_load(path.read_text()))
    except (OSError, yaml.YAMLError) as error:
        raise ConfigError(f"{path} cannot be read: {error}") from error
    except ValidationError as error:
        problems = error.errors(include_input=False, include_url=False, include_context=False)
        told = "; ".join(
            f"{'.'.join(map(str, each['loc'])) or 'the file'}: {each['msg']}" for each in problems
        )
        raise ConfigError(f"{path}: {told}") from error


def _text(profiles: Profiles) -> str:
    """Profiles as JSON, which readers of YAML take as well."""
    chosen = {
        agent: [each.model_dump(mode="json", by_alias=True, exclude_defaults=True) for each in services]
        for agent, services in profiles.items()
    }
    return json.dumps(chosen, separators=(",", ":"))
