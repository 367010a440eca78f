"""Which news of a status can wait: how many runtimes serve a binding, while a rollout replaces them."""

from datetime import datetime, timedelta

from pipewise_crds import BindingStatus, ConditionType, RuntimeCounts

COUNTS_GAP = timedelta(seconds=30)
"""A hundred pods replaced in five minutes cost a binding ten writes in place of two hundred."""


def waits_until(before: BindingStatus, after: BindingStatus, told_at: datetime | None) -> datetime | None:
    """Until when a status need not be written; None where it says more than new counts, or nothing.

    Args:
        before: what the binding says at present.
        after: what it is to say.
        told_at: when it was last written; None: not by this process.
    """
    if told_at is None or before == after or _uncounted(before) != _uncounted(after):
        return None
    return told_at + COUNTS_GAP


def _uncounted(status: BindingStatus) -> BindingStatus:
    """The status without the number of runtimes, which RuntimeAvailable tells in words while it is True."""
    conditions = [
        each.model_copy(update={"message": ""})
        if each.type == ConditionType.RUNTIME_AVAILABLE and each.status == "True"
        else each
        for each in status.conditions
    ]
    return status.model_copy(update={"runtimes": RuntimeCounts(), "conditions": conditions})
