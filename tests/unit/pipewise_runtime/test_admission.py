"""Who is let in, who waits and who is refused, over random histories."""

from collections import deque

from hypothesis import given
from hypothesis import strategies as st

from pipewise_runtime.core.admission import Admission

MOST, LINE = 2, 3
PLACES = [("b1", "sendgrid"), ("b1", "twitter"), ("b2", "sendgrid")]
STEPS = st.lists(st.tuples(st.sampled_from(PLACES), st.sampled_from(["come", "leave", "give up"])))


@given(STEPS)
def test_each_place_keeps_to_its_limits_and_lets_in_by_order(
    steps: list[tuple[tuple[str, str], str]],
) -> None:
    admission: Admission[int] = Admission(MOST, LINE)
    under_way = dict.fromkeys(PLACES, 0)
    lines: dict[tuple[str, str], deque[int]] = {place: deque() for place in PLACES}
    for ticket, (place, what) in enumerate(steps):
        line = lines[place]
        if what == "come":
            has_room, has_line = under_way[place] < MOST, len(line) < LINE
            entered = admission.enter(place)
            assert entered == has_room
            under_way[place] += entered
            if not entered:
                assert admission.queue(place, ticket) == has_line
                line.extend([ticket] if has_line else [])
        elif what == "leave" and under_way[place]:
            expected = line.popleft() if line else None
            assert admission.leave(place) == expected
            under_way[place] -= expected is None
        elif what == "give up" and line:
            assert admission.give_up(place, line.pop())
        assert admission.waiting == sum(map(len, lines.values()))
        assert admission.under_way == sum(under_way.values())
    assert admission._in_flight == {place: count for place, count in under_way.items() if count}
    assert admission._lines.keys() == {place for place, line in lines.items() if line}


def test_who_was_let_in_cannot_give_up_its_place_in_line() -> None:
    admission: Admission[str] = Admission(1, 1)
    place = PLACES[0]
    assert admission.enter(place)
    assert admission.queue(place, "next")
    assert admission.leave(place) == "next"
    assert not admission.give_up(place, "next")
    assert not admission.enter(place)
    assert admission.leave(place) is None
    assert admission.enter(place)
