"""A conversation written for people."""

from pipewise_agents import Answered, Asked, Called, HandedOver, Said, Transcript, Unavailable, lines_of
from pipewise_agents.outcomes import text_of


def test_every_event_has_its_line() -> None:
    events = (
        Asked("user-42", "Hola"),
        Unavailable("Coordinator", ("SendGrid", "Twitter")),
        Said("Coordinator", "Buenos días"),
        Called("Coordinator", "sendgrid-validate-email"),
        Answered("Coordinator", "sendgrid-validate-email", '{\n  "ok": true\n}'),
        Answered("Coordinator", "twitter-retweet", "Ups", failed=True),
        HandedOver("Coordinator", "Meeting Scheduler"),
    )
    assert [lines_of(event) for event in events] == [
        "user-42: Hola",
        "  Coordinator: cannot reach SendGrid, Twitter",
        "Coordinator: Buenos días",
        "  Coordinator → sendgrid-validate-email",
        '  Coordinator ✓ sendgrid-validate-email: { "ok": true }',
        "  Coordinator ✗ twitter-retweet: Ups",
        "  Coordinator ⇒ Meeting Scheduler",
    ]


def test_a_long_result_is_cut() -> None:
    line = lines_of(Answered("Coordinator", "t", "x" * 1000))
    assert line.endswith("x…")
    assert len(line) < 450


def test_a_transcript_without_words_ends_in_silence() -> None:
    assert Transcript("user-42", ()).final == ""


def test_the_text_of_a_tools_output_is_found_in_each_of_its_shapes() -> None:
    parts = [
        {"type": "text", "text": "a"},
        {"type": "image", "image_url": "data:"},
        {"type": "text", "text": "b"},
    ]
    assert [text_of(shape) for shape in ("a", parts[0], parts, None)] == ["a", "a", "a\nb", ""]
