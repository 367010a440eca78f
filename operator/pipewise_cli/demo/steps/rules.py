"""What the API server refuses, and what a user without accounts gets."""

from pipewise_cli.demo.calls import Answer, call
from pipewise_cli.demo.expectation import expect
from pipewise_cli.demo.layout import cut
from pipewise_cli.demo.proof import Seen
from pipewise_cli.demo.stage import NEWCOMER, USER, Stage, binding_name

from .outage import MAIL, SEND

_AGENT = "coordinator"
_WITHIN_SECONDS = 45.0


def immutable(stage: Stage, seen: Seen) -> None:
    """Try to give a binding to another user."""
    name, patch = binding_name(_AGENT, USER), '{"spec":{"user":"someone-else"}}'
    refused = stage.kubectl_done("patch", "amb", name, "--type=merge", f"--patch={patch}")
    seen.note(f"$ kubectl patch amb {name} --type=merge -p '{patch}'")
    seen.note(refused.stderr.strip() or refused.stdout)
    expect(refused.returncode, "the API server accepted another user")
    expect("user is immutable" in refused.stderr, "the refusal does not say why")


def demo_mode(stage: Stage, seen: Seen) -> None:
    """Apply a binding of a user who has no accounts, and send a mail for her."""
    stage.apply("newcomer.yaml")
    stage.wait(
        f"the binding of {NEWCOMER} shows Mode Demo",
        lambda: stage.binding(_AGENT, NEWCOMER).status.mode == "Demo",
        _WITHIN_SECONDS,
    )
    mails = len(stage.sandbox.mails())
    # The runtime learns of the missing accounts from that status, a moment after us.
    answer = stage.wait("the runtime serves made-up results", lambda: _made_up(stage), _WITHIN_SECONDS)
    name = binding_name(_AGENT, NEWCOMER)
    seen.note(f"$ kubectl get amb {name}")
    seen.table(stage.table("amb", name))
    seen.note(f"{SEND} answers:")
    seen.note(cut(answer.text))
    seen.note(f"in the sandbox's ledger for {NEWCOMER}: nothing; mails sent: none")
    expect(answer.text.startswith("[demo]"), "the made-up result does not say so")
    expect(not stage.sandbox.runs(user=NEWCOMER), "a made-up call ran for real")
    expect(len(stage.sandbox.mails()) == mails, "a made-up call sent a mail")


def _made_up(stage: Stage) -> Answer | None:
    answer = call(stage.endpoint(_AGENT, NEWCOMER), SEND, MAIL)
    return answer if answer.is_demo else None
