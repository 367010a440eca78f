"""What may happen to a lead."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from pipewise_agents.leads import Lead, Qualification, with_qualification

NOW = datetime(2026, 11, 23, tzinfo=UTC)
JUDGED = st.builds(
    Qualification, st.booleans(), st.text(), st.floats(0, 100), st.datetimes(timezones=st.just(UTC))
)
OURS = {"qualification_reason", "qualification_score", "qualified_at"}


@given(st.dictionaries(st.text(), st.integers()), st.lists(JUDGED, min_size=1))
def test_judging_adds_to_what_is_known_and_the_last_judgement_holds(
    known: dict[str, int], judgements: list[Qualification]
) -> None:
    lead = Lead("1", "ada", "Ana", "ana@example.com", "", "", "web", "new", False, NOW, known)  # noqa: FBT003 - in order
    for judged in judgements:
        lead = with_qualification(lead, judged)
    last = judgements[-1]
    assert {key: value for key, value in lead.metadata.items() if key not in OURS} == {
        key: value for key, value in known.items() if key not in OURS
    }
    assert lead.metadata["qualification_reason"] == last.reason
    assert lead.qualified == last.qualified
    assert lead.status == ("qualified" if last.qualified else "new")
    assert lead.updated_at == last.at
