"""How each app answers: handlers for the tools agents live on, verbs and nouns for the long tail.

``handler_of`` is the only door; ``backend`` calls it.
"""

from collections.abc import Mapping

from pipewise_sandbox.action import Handler
from pipewise_sandbox.apps import (
    calendly,
    generic,
    google_calendar,
    pipedrive,
    salesforce,
    sendgrid,
    twitter,
    zoho,
)
from pipewise_sandbox.catalog import Tool

_HANDLERS: Mapping[str, Mapping[str, Handler]] = {
    "sendgrid": sendgrid.HANDLERS,
    "twitter": twitter.HANDLERS,
    "calendly_v2": calendly.HANDLERS,
    "google_calendar": google_calendar.HANDLERS,
    "pipedrive": pipedrive.HANDLERS,
    "salesforce_rest_api": salesforce.HANDLERS,
    "zoho_crm": zoho.HANDLERS,
}


def handler_of(tool: Tool) -> Handler:
    """The function that runs a tool."""
    return _HANDLERS.get(tool.app, {}).get(tool.phrase, generic.run)
