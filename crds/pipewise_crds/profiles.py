"""Profiles: which services an agent needs when its binding does not say. The chart may give others."""

from collections.abc import Mapping
from pathlib import Path

import yaml
from pydantic import TypeAdapter

from .binding import BindingSpec, Service

Profiles = Mapping[str, tuple[Service, ...]]

_APPS = {
    "coordinator": {"sendgrid": "sendgrid", "twitter": "twitter"},
    "meeting-scheduler": {"calendly": "calendly_v2", "google-calendar": "google_calendar"},
    "lead-administrator": {"pipedrive": "pipedrive", "salesforce": "salesforce_rest_api", "zoho": "zoho_crm"},
}

BUILT_IN: Profiles = {
    agent: tuple(Service(name=name, app=app) for name, app in apps.items()) for agent, apps in _APPS.items()
}
"""The three agents of PipeWise and the apps they use."""


def profiles_from(path: Path | None) -> Profiles:
    """Read profiles from a YAML file (agent → list of services); without a file, the built-in ones.

    Raises:
        pydantic.ValidationError: the file is not a mapping of agents to services.
    """
    if path is None:
        return BUILT_IN
    return TypeAdapter(dict[str, tuple[Service, ...]]).validate_python(yaml.safe_load(path.read_text()))


def services_of(spec: BindingSpec, profiles: Profiles) -> tuple[Service, ...] | None:
    """The services a binding asks for: its own, else its agent's profile, else None."""
    return tuple(spec.services) or profiles.get(spec.agent)
