"""The long tail: a tool we have no words for is run by the verb and the noun of its key.

``pipedrive-add-note`` adds a note, ``pipedrive-get-deal`` gets one by the argument that names it,
``salesforce_rest_api-list-email-templates`` lists what was added before.
"""

from pipewise_sandbox.action import Action, ActionError, Done
from pipewise_sandbox.records import Record

_LISTING = ("list", "search", "find", "query", "simple")
_GETTING = ("get", "describe", "download")
_REMOVING = ("delete", "remove", "cancel", "unlike", "unfollow")
_CHANGING = ("update", "merge", "upsert", "convert", "respond")


def run(action: Action) -> Done:
    """Run any tool by its verb."""
    verb, _, noun = action.tool.phrase.partition("-")
    kind = kind_of(noun)
    if verb in _LISTING or noun.startswith("all-") or (verb == "get" and noun == f"{kind}s"):
        return _listed(action, kind)
    if verb in _GETTING:
        return _gotten(action, kind)
    if verb in _REMOVING:
        return _removed(action, kind)
    if verb in _CHANGING:
        return _changed(action, kind)
    return _added(action, kind)


def kind_of(noun: str) -> str:
    """The kind a noun phrase names, in the singular: ``all-leads`` and ``lead-by-id`` are both ``lead``."""
    bare = noun.removeprefix("all-").removeprefix("a-").removesuffix("-by-id").removesuffix("-details")
    for plural, singular in (("ies", "y"), ("sses", "ss"), ("s", "")):
        if bare.endswith(plural) and not bare.endswith("ss"):
            return bare.removesuffix(plural) + singular
    return bare


def naming_argument(action: Action, kind: str) -> str | None:
    """The argument that names the record an action is about: ``dealId`` of a deal, else the first ``…Id``."""
    own = kind.replace("-", "") + "id"
    named = [name for name in action.arguments if name.lower() == own]
    ids = [name for name in action.arguments if name.lower().endswith(("id", "uuid", "email"))]
    return next(iter(named + ids), None)


def _listed(action: Action, kind: str) -> Done:
    words = next(
        (action.get(name) for name in ("term", "query", "searchTerm", "q") if action.get(name)), None
    )
    held = action.records
    found = held.mentioning(kind, words) if isinstance(words, str) else held.all(kind)
    plural = "result" if len(found) == 1 else "results"
    return Done(found, f"Successfully retrieved {len(found)} {plural}")


def _gotten(action: Action, kind: str) -> Done:
    name = naming_argument(action, kind)
    if name is None:
        found = action.records.all(kind)
        return Done(found[0] if found else {}, f"Successfully retrieved {kind}")
    return Done(_existing(action, kind, name), f"Successfully retrieved {kind} {action.get(name)}")


def _removed(action: Action, kind: str) -> Done:
    name = naming_argument(action, kind)
    if name is not None:
        action.records.remove(kind, action.get(name))
    return Done("", f"Successfully removed {kind}")


def _changed(action: Action, kind: str) -> Done:
    name = naming_argument(action, kind)
    if name is None:
        return _added(action, kind)
    record = action.records.get(kind, action.get(name))
    if record is None:
        record = action.records.add(kind, action.get(name), {"id": action.get(name)})
    record |= action.without(name) | {"updated_at": action.timestamp()}
    return Done(record, f"Successfully updated {kind} {action.get(name)}")


def _added(action: Action, kind: str) -> Done:
    number = action.number()
    record = {"id": number, **action.arguments, "created_at": action.timestamp()}
    action.records.add(kind, number, record)
    return Done(record, f"Successfully completed: {action.tool.title} ({number})")


def _existing(action: Action, kind: str, name: str) -> Record:
    record = action.records.get(kind, action.get(name))
    if record is None:
        raise ActionError(f"{kind} {action.get(name)} was not found", "NotFoundError")
    return record
