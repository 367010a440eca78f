"""A transcript's events as lines for people. Used by the command lines."""

from .transcript import Answered, Asked, Called, Event, HandedOver, Said

_LONGEST_RESULT = 400


def lines_of(event: Event) -> str:
    """One event, in a line or a few."""
    match event:
        case Asked(user_id=user_id, text=text):
            return f"{user_id}: {text}"
        case Said(agent=agent, text=text):
            return f"{agent}: {text}"
        case Called(agent=agent, tool=tool):
            return f"  {agent} → {tool}"
        case Answered(agent=agent, tool=tool, text=text, failed=failed):
            return f"  {agent} {'✗' if failed else '✓'} {tool}: {_short(text)}"
        case HandedOver(agent=agent, to=to):
            return f"  {agent} ⇒ {to}"
        case unavailable:
            return f"  {unavailable.agent}: cannot reach {', '.join(unavailable.services)}"


def _short(text: str) -> str:
    """A result on one line; a failure's sentence and link fit, a service's long answer is cut."""
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST_RESULT else f"{line[:_LONGEST_RESULT]}…"
