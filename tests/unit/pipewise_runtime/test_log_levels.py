"""Which log messages pass a chosen level."""

import pytest

from pipewise_runtime.server.log_levels import EVERYTHING, LEVELS, NOTHING, from_rank, rank_of


def logged(level: str) -> bytes:
    return (
        b'{"jsonrpc":"2.0","method":"notifications/message","params":{"level":%b,"data":1}}' % level.encode()
    )


def heard(least: int, notification: bytes) -> bool:
    """Whether a notification reaches a client that hears log messages from a rank on."""
    said: list[bytes] = []
    passed = from_rank(least, lambda text: not said.append(text))(notification)
    assert passed == bool(said)
    return passed


@pytest.mark.parametrize("chosen", LEVELS)
def test_a_level_lets_itself_and_graver_ones_pass(chosen: str) -> None:
    passing = [level for level in LEVELS if heard(rank_of(chosen), logged(f'"{level}"'))]
    assert passing == list(LEVELS[LEVELS.index(chosen) :])


def test_who_wants_no_log_messages_hears_none_and_all_else() -> None:
    assert not any(heard(NOTHING, logged(level)) for level in ('"emergency"', '"loud"', "7"))
    progress = b'{"jsonrpc":"2.0","method":"notifications/progress","params":{"message":%b}}'
    for message in (b'"a word"', b'{"notifications/message":1}'):
        assert heard(NOTHING, progress % message)


@pytest.mark.parametrize(("level", "is_heard"), [('"loud"', True), ("7", False)])
def test_a_level_that_nobody_knows_is_taken_for_a_grave_one_and_what_is_none_for_nothing(
    level: str, *, is_heard: bool
) -> None:
    assert heard(rank_of("error"), logged(level)) is is_heard
    assert heard(EVERYTHING, logged(level))


def test_a_level_that_a_client_makes_up_hides_nothing() -> None:
    assert rank_of("loud") == EVERYTHING
