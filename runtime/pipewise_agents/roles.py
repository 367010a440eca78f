"""The three agents by name: as bindings know them, as people do, and what each is for."""

from dataclasses import dataclass

from pipewise_crds.apps import title_of
from pipewise_crds.profiles import BUILT_IN

COORDINATOR = "coordinator"
MEETING_SCHEDULER = "meeting-scheduler"
LEAD_ADMINISTRATOR = "lead-administrator"


@dataclass(frozen=True, slots=True)
class Role:
    """One agent's part."""

    agent: str
    """Its name in AgentMCPBindings and in the runtime's addresses."""
    title: str
    purpose: str
    """What the other agents are told when they consider a handoff."""

    @property
    def services(self) -> tuple[str, ...]:
        """The services its profile gives it, as people call them."""
        return tuple(title_of(service.app) for service in BUILT_IN[self.agent])


ROLES = {
    role.agent: role
    for role in (
        Role(
            COORDINATOR,
            "Coordinator",
            "Talks with prospects by e-mail and on social media; decides who does what.",
        ),
        Role(
            MEETING_SCHEDULER, "Meeting Scheduler", "Arranges meetings through Calendly and Google Calendar."
        ),
        Role(
            LEAD_ADMINISTRATOR,
            "Lead Administrator",
            "Keeps leads in the database and in the CRM, and qualifies them.",
        ),
    )
}
