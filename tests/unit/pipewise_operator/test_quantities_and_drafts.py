"""The two small tools of injection: quantities that can be compared, and patches that grow."""

from decimal import Decimal

import pytest

from pipewise_operator.injection.drafting import Draft
from pipewise_operator.injection.quantities import amount
from support.json_patch import patched


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1", "1"),
        ("0.5", "0.5"),
        (".5", "0.5"),
        ("250m", "0.25"),
        ("100n", "1e-7"),
        ("1k", "1000"),
        ("1Ki", "1024"),
        ("1G", "1e9"),
        ("2Gi", "2147483648"),
        ("1e3", "1000"),
        ("1E-3", "0.001"),
        ("1E", "1e18"),
    ],
)
def test_a_quantity_is_read_as_kubernetes_reads_it(text: str, number: str) -> None:
    assert amount(text) == Decimal(number)


@pytest.mark.parametrize("text", ["", "0", "0Mi", "-1", "1 Gi", "1gi", "Gi", "1e", "1GiB", "٣", "1" * 20])
def test_what_is_no_quantity_above_zero_is_none(text: str) -> None:
    assert amount(text) is None


def test_a_name_with_slashes_and_tildes_is_found_again() -> None:
    draft = Draft({"labels": {"a": "1"}})
    draft.put(("labels",), "x/y~z", "2")
    (operation,) = draft.operations
    assert operation["path"] == "/labels/x~1y~0z"
    assert patched({"labels": {"a": "1"}}, draft.operations) == draft.object
