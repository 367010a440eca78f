"""A user's account dies and is connected again, through the link that the agent hands on."""

import re
import time
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx2

from pipewise_cli.demo.calls import call
from pipewise_cli.demo.expectation import expect
from pipewise_cli.demo.proof import Seen
from pipewise_cli.demo.stage import USER, Stage

_AGENT = "meeting-scheduler"
_APP = "calendly_v2"
_READ = "calendly_v2-list-events"
_OTHER_READ = "google_calendar-list-events"
_WITHIN_SECONDS = 45.0
_FORM = re.compile(r'<form method="post" action="([^"]*)">')


def revoked(stage: Stage, seen: Seen) -> None:
    """Let the Calendly account die; the status tells it before anybody calls."""
    runs = len(stage.sandbox.runs(app=_APP))
    died = stage.moments["revoked"] = time.monotonic()
    stage.sandbox.revoke(stage.sandbox.account(USER, _APP))
    stage.wait(
        "the status says CredentialInvalid",
        lambda: stage.is_not_ready_for(_AGENT, "CredentialInvalid"),
        _WITHIN_SECONDS,
    )
    told = time.monotonic() - died
    seen.measured("told", told)
    seen.note(f"Ready=False, reason CredentialInvalid, {told:.1f} s later, from the list of accounts:")
    seen.note("$ kubectl get agentmcpbindings")
    seen.table(stage.table("agentmcpbindings"))
    answer = call(stage.endpoint(_AGENT), _READ)
    link = stage.link = str(answer.details.get("connectURL", ""))
    stage.keep_secret("connect links", _token_in(link))
    seen.note(f"the agent's next call is answered: “{_masked(answer.text, link)}”")
    expect(answer.failed and link and link in answer.text, f"the agent got no link: {answer.text}")
    expect(len(stage.sandbox.runs(app=_APP)) == runs, "something ran with the dead account")
    other = call(stage.endpoint(_AGENT), _OTHER_READ)
    expect(not other.failed, f"Google Calendar suffers with Calendly: {other.text}")
    seen.note("Google Calendar goes on answering the same agent")


def connected(stage: Stage, seen: Seen) -> None:
    """Do what the user does: open the link of the agent's answer and press its button."""
    link = stage.link
    began = stage.moments["connected"] = time.monotonic()
    with httpx2.Client(trust_env=False) as browser:
        page = browser.get(link)
        form = _FORM.search(page.text)
        expect(form, f"the page at the link has no button (HTTP {page.status_code})")
        action = form[1].replace("&amp;", "&") if form else ""
        pressed = browser.post(urljoin(link, action))
    expect(pressed.is_success, f"the button answers HTTP {pressed.status_code}")
    stage.wait(f"{_AGENT} is Ready", lambda: stage.is_ready(_AGENT), _WITHIN_SECONDS)
    took = time.monotonic() - began
    answer = call(stage.endpoint(_AGENT), _READ)
    seen.measured("ready", took)
    seen.note(f"GET the page, POST its button, as a browser does; Ready again {took:.1f} s later")
    seen.note(f"a call of Calendly works: {_READ}")
    expect(not answer.failed, f"Calendly still does not work: {answer.text}")


def _token_in(link: str) -> str:
    return next(iter(parse_qs(urlsplit(link).query).get("token", [])), "")


def _masked(text: str, link: str) -> str:
    """What was said, without the key in it."""
    return text.replace(_token_in(link), "ctok_…") if link else text
