"""What a step claims holds, or the step has failed."""


class ProofFailedError(Exception):
    """What was claimed is not so; the message says what was seen instead."""


def expect(holds: object, otherwise: str) -> None:
    """Go on only if something holds.

    Raises:
        ProofFailedError: it does not.
    """
    if not holds:
        raise ProofFailedError(otherwise)
