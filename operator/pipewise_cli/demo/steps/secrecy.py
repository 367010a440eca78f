"""The last look: everything written down by anybody, searched for what must not be in it."""

from pipewise_cli.demo.expectation import expect
from pipewise_cli.demo.proof import Seen
from pipewise_cli.demo.stage import Stage
from pipewise_crds import KINDS


def secrecy(stage: Stage, seen: Seen) -> None:
    """Search logs, objects, events and metrics for the secrets this demo has seen."""
    stage.keep_token()
    places = _written(stage)
    found = [
        f"{kind} in {place}"
        for kind, values in stage.secrets.items()
        for place, text in places.items()
        if any(value in text for value in values)
    ]
    size = sum(map(len, places.values())) / 1024
    seen.note(f"looked for: {', '.join(f'{kind} ({len(v)})' for kind, v in sorted(stage.secrets.items()))}")
    seen.note(f"looked in: {', '.join(places)}; {size:.0f} kB in all")
    seen.note("found: nothing" if not found else f"found: {'; '.join(found)}")
    expect(not found, f"found {'; '.join(found)}")
    for kind in ("the client secret", "developer tokens", "the text of the mail", "connect links"):
        expect(stage.secrets.get(kind), f"{kind} was never seen, so the search proves nothing")
    expect(all(places.values()), f"empty: {[place for place, text in places.items() if not text]}")


def _written(stage: Stage) -> dict[str, str]:
    """By place, all the text there."""
    logs = sorted(stage.folder.glob("*.log"))
    return {
        **{path.name: path.read_text(errors="replace") for path in logs if path.stat().st_size},
        **{kind.plural: stage.kubectl("get", kind.plural, "-o", "yaml") for kind in KINDS},
        "pods": stage.kubectl("get", "pods", "-o", "yaml"),
        "events": stage.kubectl("get", "events.events.k8s.io", "-o", "yaml"),
        **{f"metrics of the {name}": stage.metrics(name) for name in ("operator", "runtime")},
    }
