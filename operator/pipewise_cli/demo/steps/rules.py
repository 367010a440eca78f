"""What the API server refuses, and what a user without accounts gets."""

from ..calls import call
from ..proof import Seen, expect
from ..stage import NEWCOMER, USER, Stage
from .outage import MAIL, SEND

_AGENT = "coordinator"
_WITHIN_SECONDS = 15.0


def immutable(stage: Stage, seen: Seen) -> None:
    """Try to give a binding to another user."""
    name, patch = f"{_AGENT}-{USER}", '{"spec":{"user":"someone-else"}}'
    refused = stage.kubectl_done("patch", "amb", name, "--type=merge", f"--patch={patch}")
    seen.note(f"$ kubectl patch amb {name} --type=merge -p '{patch}'")
    seen.table(refused.stderr.strip() or refused.stdout)
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
    answer = stage.wait(
        "the runtime serves made-up results",
        lambda: (made := call(stage.endpoint(_AGENT, NEWCOMER), SEND, MAIL)).is_demo and made,
        _WITHIN_SECONDS,
    )
    seen.note(f"$ kubectl get amb {_AGENT}-{NEWCOMER}")
    seen.table(stage.kubectl("get", "amb", f"{_AGENT}-{NEWCOMER}"))
    text = " ".join(answer.text.split())
    seen.note(f"{SEND} answers: {text[:120]}{'…' if len(text) > 120 else ''}")  # noqa: PLR2004 - one line
    seen.note(f"in the sandbox's ledger for {NEWCOMER}: nothing; mails sent: none")
    expect(answer.text.startswith("[demo]"), "the made-up result does not say so")
    expect(not stage.sandbox.runs(user=NEWCOMER), "a made-up call ran for real")
    expect(len(stage.sandbox.mails()) == mails, "a made-up call sent a mail")
