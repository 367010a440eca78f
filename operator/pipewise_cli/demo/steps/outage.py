"""A provider fails and comes back: what the agent is told, what the status says, and how soon."""

import time

from prometheus_client.parser import text_string_to_metric_families

from pipewise_cli.demo.calls import Answer, call
from pipewise_cli.demo.expectation import expect
from pipewise_cli.demo.proof import Seen
from pipewise_cli.demo.stage import Stage

SENTENCE = "Ups, hubo un error al conectarse con SendGrid"
_APP = "sendgrid"
_AGENT = "coordinator"
_OTHERS = ("meeting-scheduler", "lead-administrator")
_TOLD_WITHIN_SECONDS = 5.0
_READY_WITHIN_SECONDS = 10.0
_PATIENCE_SECONDS = 45.0
"""How long to wait before giving up; what took longer than allowed is told with its real time."""

MAIL = {
    "fromEmail": "equipo@pipewise.example",
    "toEmail": "ana.garcia@example.com",
    "subject": "Recordatorio",
    "content": "Mañana a las 10:00.",
}
SEND = "sendgrid-send-email-single-recipient"


def outage(stage: Stage, seen: Seen) -> None:
    """Let SendGrid answer 503 to everything, and look at it from all sides."""
    stage.keep_secret("the text of the mail", MAIL["content"])
    mails = len(stage.sandbox.mails())
    began = stage.moments["outage"] = time.monotonic()
    stage.sandbox.fault("status", app=_APP, status=503)
    first = call(stage.endpoint(_AGENT), SEND, MAIL)
    expect(first.failed and first.text.startswith(SENTENCE), f"the agent was told: {first.text}")
    stage.wait(
        "the status says UpstreamUnavailable",
        lambda: stage.is_not_ready_for(_AGENT, "UpstreamUnavailable"),
        _PATIENCE_SECONDS,
    )
    told = time.monotonic() - began
    stage.wait("the breaker is open", lambda: breaker_open(stage), _PATIENCE_SECONDS)
    opened = time.monotonic() - began
    second = call(stage.endpoint(_AGENT), SEND, MAIL)
    seen.note(f"a write met by a 503 is not repeated: “{first.text}”")
    seen.note(f"breaker open after {opened:.1f} s; the next call is not even sent: “{second.text}”")
    seen.note(f"binding Ready=False, reason UpstreamUnavailable, {told:.2f} s after the outage began:")
    seen.note(_message(stage))
    seen.measured("told", told)
    seen.measured("breakerOpen", opened)
    expect(_is_exact(second), f"the agent was told: {second.text} ({dict(second.details)})")
    expect(told <= _TOLD_WITHIN_SECONDS, f"the status told it after {told:.1f} s, not within 5 s")
    _others_go_on(stage, seen)
    expect(len(stage.sandbox.mails()) == mails, "a mail was sent although SendGrid was out")


def recovery(stage: Stage, seen: Seen) -> None:
    """End the outage and wait for Ready; only probes find out, never a user's call."""
    ended = stage.moments["recovery"] = time.monotonic()
    stage.sandbox.end_faults()
    stage.wait(f"{_AGENT} is Ready", lambda: stage.is_ready(_AGENT), _PATIENCE_SECONDS)
    took = time.monotonic() - ended
    mails = len(stage.sandbox.mails())
    answer = call(stage.endpoint(_AGENT), SEND, MAIL)
    seen.measured("ready", took)
    seen.note(f"Ready again {took:.1f} s after the outage ended, found by a probe; a mail goes out once")
    expect(not answer.failed, f"the agent was told: {answer.text}")
    expect(len(stage.sandbox.mails()) == mails + 1, "the mail was not sent exactly once")
    expect(took < _READY_WITHIN_SECONDS, f"that took {took:.1f} s, not less than 10 s")


def breaker_open(stage: Stage) -> bool:
    """Whether the runtime's metrics say that SendGrid's breaker is open."""
    for family in text_string_to_metric_families(stage.metrics("runtime")):
        for one in family.samples:
            if one.name == "pipewise_runtime_breaker_open" and one.labels.get("app") == _APP:
                return bool(one.value)
    return False


def _is_exact(answer: Answer) -> bool:
    return answer.failed and answer.text == SENTENCE and answer.details.get("outcome") == "not_run"


def _message(stage: Stage) -> str:
    services = stage.binding(_AGENT).status.services
    return next((f"“{service.message}”" for service in services if service.app == _APP), "")


def _others_go_on(stage: Stage, seen: Seen) -> None:
    tweet = call(stage.endpoint(_AGENT), "twitter-get-user")
    expect(not tweet.failed, f"Twitter suffers with SendGrid: {tweet.text}")
    for agent in _OTHERS:
        expect(stage.is_ready(agent), f"{agent} is not Ready: {stage.condition(agent)}")
    seen.note(f"Twitter answers the same agent; {' and '.join(_OTHERS)} stay Ready")
