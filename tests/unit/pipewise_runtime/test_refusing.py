"""What those are told who are refused at the door."""

import pytest

from pipewise_runtime.core.access import Account, Denied, Reason
from pipewise_runtime.server.refusing import Asked, text_of

ASKED = Asked("coordinator", "user-42", "sales", "mcp.pipewise.io")


@pytest.mark.parametrize(
    ("account", "subject"),
    [
        (Account("system:serviceaccount:sales:agents"), "--serviceaccount=sales:agents"),
        (Account("ana@example.com"), "--user=ana@example.com"),
        (Account("ana; rm -rf /"), "--user='ana; rm -rf /'"),
    ],
)
def test_the_command_that_gives_the_right_names_its_owner_safely(account: Account, subject: str) -> None:
    assert text_of(Denied(Reason.NO_RIGHT, account), ASKED).endswith(subject)


@pytest.mark.parametrize("reason", Reason)
def test_each_reason_is_told_in_its_own_words(reason: Reason) -> None:
    others = {text_of(Denied(each), ASKED) for each in Reason if each is not reason}
    assert text_of(Denied(reason), ASKED) not in others
