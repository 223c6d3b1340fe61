"""What is sent in a dead letter's place, and what is refused."""

import pytest

from eventlog.records import DeadLetter
from eventlog.replays import NotReplayable, replacement
from schemas.projects import ProjectId

MINE, OTHERS = ProjectId("mine"), ProjectId("others")
BODY = b'{"trace_id":"t1"}'


def dead_letter(
    *, project_id: str = "mine", wire: str = "pulse.trace", body: bytes = BODY
) -> DeadLetter:
    return DeadLetter(
        ref="raw.traces:0:7:0",
        project_id=ProjectId(project_id),
        topic="raw.traces",
        wire=wire,
        received_at_ns=1,
        reason="unfit",
        body=body,
    )


def test_a_damaged_record_needs_a_body() -> None:
    with pytest.raises(NotReplayable, match="needs --body with an item and --project"):
        replacement(dead_letter(project_id="", wire="", body=b""), None, MINE)


def test_a_damaged_record_needs_a_project() -> None:
    with pytest.raises(NotReplayable, match="needs --body with an item and --project"):
        replacement(dead_letter(project_id="", wire="", body=b""), BODY, None)


def test_a_dead_letter_is_never_given_to_another_project() -> None:
    with pytest.raises(NotReplayable, match="belongs to project mine"):
        replacement(dead_letter(), None, OTHERS)


@pytest.mark.parametrize("corrected", [b"", b"[]", b"nonsense", b'"text"', b"\xff"])
def test_a_corrected_body_must_be_one_object(corrected: bytes) -> None:
    with pytest.raises(NotReplayable, match="--body must hold one JSON object"):
        replacement(dead_letter(), corrected, None)


def test_a_dead_letter_goes_as_it_came_when_nothing_is_corrected() -> None:
    sent = replacement(dead_letter(body=b"nonsense"), None, None)

    assert sent == (MINE, "pulse.trace", b"nonsense", None, False)


def test_the_id_of_the_corrected_body_chooses_the_partition() -> None:
    sent = replacement(dead_letter(), b'{"trace_id":"t2"}', None)

    assert (sent.body, sent.event_id) == (b'{"trace_id":"t2"}', "t2")


def test_a_damaged_record_goes_in_the_wire_form_of_its_topic() -> None:
    sent = replacement(dead_letter(project_id="", wire="", body=b""), BODY, MINE)

    assert sent == (MINE, "pulse.trace", BODY, "t1", False)
