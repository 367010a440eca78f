"""Sessions that need no memory, but for those that were ended."""

from hypothesis import given
from hypothesis import strategies as st

from pipewise_runtime.core.eras import Speaks, canonical
from pipewise_runtime.server.sessions import EndedSessions, opened, speaks_of


@given(st.sets(st.sampled_from(["roots", "sampling", "elicitation"])))
def test_a_session_says_what_its_client_can_be_asked(kinds: set[str]) -> None:
    declared = b"{%b}" % b",".join(b'"%b":{}' % kind.encode() for kind in sorted(kinds))
    assert speaks_of(opened(declared)) == Speaks(capabilities=canonical(declared))


def test_the_sessions_ended_last_are_remembered() -> None:
    ended = EndedSessions(most=2)
    for session in (b"a", b"b", b"a", b"c"):
        ended.add(session)
    assert [session in ended for session in (b"a", b"b", b"c")] == [False, True, True]
