"""Kubernetes quantities ("100m", "64Mi", "1e3"), read so that they can be compared."""

import re
from decimal import Decimal

_FACTORS = {
    "": Decimal(1),
    **{unit: Decimal(10) ** (3 * power) for power, unit in enumerate(("n", "u", "m"), start=-3)},
    **{unit: Decimal(10) ** (3 * power) for power, unit in enumerate("kMGTPE", start=1)},
    **{f"{unit}i": Decimal(1024) ** power for power, unit in enumerate("KMGTPE", start=1)},
}
_QUANTITY = re.compile(
    r"(?P<number>[0-9]{1,15}(\.[0-9]{0,9})?|\.[0-9]{1,9})"
    r"((?P<unit>[numkMGTPE]|[KMGTPE]i)|[eE](?P<exponent>[+-]?[0-9]{1,2}))?"
)


def amount(text: str) -> Decimal | None:
    """The number a quantity stands for: cores, bytes; None when the text is not a quantity above zero."""
    match = _QUANTITY.fullmatch(text)
    if match is None:
        return None
    scale = _FACTORS[match["unit"] or ""] * Decimal(10) ** int(match["exponent"] or 0)
    return Decimal(match["number"]) * scale or None
