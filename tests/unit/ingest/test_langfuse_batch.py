"""Batches of Langfuse's SDKs: scores are taken, each event is answered for itself."""

from typing import Any

import msgspec
import pytest

from ingest.llm.langfuse_batch import BATCH, NotTaken, forms, taken_ids
from ingest.rejections import BadItems, BadJson
from processors.llm.scores import read_score
from schemas.llm.examples import LANGFUSE_BATCH
from schemas.llm.score_rows import ScoreRow

SCORE = {"name": "correct", "value": 1, "dataType": "BOOLEAN", "traceId": "t"}
AT_US = 1_800_000_000_000_000


def event(number: int = 0, **changes: Any) -> dict[str, Any]:
    given = {"id": f"e{number}", "type": "score-create", "timestamp": "2026-11-21T10:06:00Z"}
    return {**given, "body": SCORE, **changes}


def split(body: Any) -> Any:
    return forms()[BATCH].frame(msgspec.json.encode(body), {}, 1 << 20)


def rows(found: Any) -> list[ScoreRow]:
    (items,) = found.items
    pairs = zip(items.bodies, items.ids, strict=True)
    return [read_score(body, item_id, AT_US) for body, item_id in pairs]


def test_the_example_is_taken_with_the_time_at_which_it_was_given() -> None:
    found = split(LANGFUSE_BATCH)

    (row,) = rows(found)
    assert (row.name, row.value, row.data_type) == ("correctness", 1.0, "boolean")
    assert row.timestamp_us == 1_795_255_560_000_000
    assert taken_ids(found.answer_id) == [LANGFUSE_BATCH["batch"][0]["id"]]
    assert not found.rejected


def test_what_is_no_score_is_rejected_by_itself() -> None:
    batch = [
        event(0),
        event(1, type="trace-create", body={"id": "t", "name": "x"}),
        event(2, body={**SCORE, "value": "yes"}),
        event(3, body={"name": "a", "value": 1}),
        event(4, timestamp="yesterday"),
        {"type": "sdk-log"},
        "text",
        event(7, body={**SCORE, "id": "mine"}),
    ]

    found = split({"batch": batch, "metadata": {"sdk": "js"}})

    assert taken_ids(found.answer_id) == ["e0", "e7"]
    bad = {one.number: one for one in found.rejected}
    assert sorted(bad) == [1, 2, 3, 4, 5, 6]
    assert bad[1] == NotTaken(1, "e1", "type: Expected score-create; spans are taken over OTLP")
    assert bad[2].message.startswith("value: Expected true")
    assert (bad[5].event_id, bad[6].event_id) == ("", "")
    assert [one.items for one in found.counted] == [6]
    assert [row.score_id for row in rows(found)] == ["e0", "mine"]


def test_an_event_whose_form_is_wrong_is_answered_by_its_id_all_the_same() -> None:
    batch = [{"id": "a"}, event(1, type=5), event(2, id="x" * 201), event(3, id=7), "text"]

    found = split({"batch": batch})

    assert [one.event_id for one in found.rejected] == ["a", "e1", "x" * 200, "", ""]


def test_the_same_batch_again_is_the_same_and_another_event_is_another_sending() -> None:
    first, again = split({"batch": [event(0)]}), split({"batch": [event(0)]})
    other = split({"batch": [event(1, body={**SCORE, "id": "e0"})]})

    assert first.items[0].ids == again.items[0].ids
    assert first.items[0].ids != other.items[0].ids
    assert [row.score_id for row in rows(first) + rows(other)] == ["e0", "e0"]


def test_an_id_that_a_score_may_not_have_makes_one_that_it_may_the_same_each_time() -> None:
    odd = [rows(split({"batch": [event(0, id="a b/ü")]}))[0].score_id for _ in range(2)]
    none = [rows(split({"batch": [event(0, id="")]}))[0].score_id for _ in range(2)]

    assert odd[0] == odd[1]
    assert none[0] != none[1]


@pytest.mark.parametrize("body", [{}, {"batch": {}}, [], {"batch": [event()] * 1001}])
def test_what_is_no_batch_is_rejected_as_a_whole(body: Any) -> None:
    with pytest.raises(BadItems):
        split(body)


def test_what_is_no_json_is_rejected() -> None:
    with pytest.raises(BadJson):
        forms()[BATCH].frame(b'{"batch": [', {}, 1 << 20)


def test_an_empty_batch_takes_nothing() -> None:
    found = split({"batch": []})

    assert (rows(found), taken_ids(found.answer_id), found.rejected) == ([], [], {})
