"""Sessions that need no memory, but for those that were ended."""

from hypothesis import given
from hypothesis import strategies as st

from pipewise_runtime.core.eras import Speaks, canonical
from pipewise_runtime.server.sessions import ChosenLevels, EndedSessions, opened, speaks_of


@given(st.sets(st.sampled_from(["roots", "sampling", "elicitation"])))
def test_a_session_says_what_its_client_can_be_asked(kinds: set[str]) -> None:
    declared = b"{%b}" % b",".join(b'"%b":{}' % kind.encode() for kind in sorted(kinds))
    assert speaks_of(opened(declared)) == Speaks(capabilities=canonical(declared))


def test_the_levels_chosen_last_are_remembered() -> None:
    levels = ChosenLevels(most=2)
    for session, rank in ((b"a", 1), (b"b", 2), (b"a", 3), (b"c", 4)):
        levels.choose(session, rank)
    assert [levels.of(session) for session in (b"a", b"b", b"c")] == [3, 0, 4]


def test_the_sessions_ended_last_are_remembered() -> None:
    ended = EndedSessions(most=2)
    for session in (b"a", b"b", b"a", b"c"):
        ended.add(session)
    assert [session in ended for session in (b"a", b"b", b"c")] == [False, True, True]
