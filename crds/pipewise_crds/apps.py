"""What people call the apps: the names used in messages to users."""

_TITLES = {
    "calendly_v2": "Calendly",
    "google_calendar": "Google Calendar",
    "pipedrive": "Pipedrive",
    "salesforce_rest_api": "Salesforce",
    "sendgrid": "SendGrid",
    "twitter": "Twitter",
    "zoho_crm": "Zoho CRM",
}


def title_of(app: str) -> str:
    """The name of an app as its users know it; for an app we do not know, its slug made readable."""
    return _TITLES.get(app) or app.replace("_", " ").title()
