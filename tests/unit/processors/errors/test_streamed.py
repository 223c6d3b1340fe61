"""Streamed spans are masked and read as the spans within a transaction are."""

from typing import Any

import msgspec
import pytest
from msgspec import Raw

from processors.columns import SentChunk, Unfit
from processors.errors.masking.mask import mask
from processors.errors.steps import Meaning, steps
from processors.errors.streamed import read_streamed
from processors.errors.transactions import read_sentry_transaction
from schemas.errors.rows import StreamedSpanRow
from schemas.errors.sent import Head, SentItem
from schemas.projects import ProjectId
from tests.unit.processors.errors.reading import NOW_US, body_of

END = NOW_US / 1e6


def streamed(**fields: Any) -> dict[str, Any]:
    attributes = {
        "sentry.op": {"value": "db", "type": "string"},
        "sentry.segment.id": {"value": "b" * 16, "type": "string"},
        "sentry.segment.name": {"value": "GET /", "type": "string"},
        "rows": {"value": 3, "type": "integer"},
    }
    return {
        "trace_id": "a" * 32,
        "span_id": "1" * 16,
        "parent_span_id": "b" * 16,
        "name": "SELECT 1",
        "start_timestamp": END - 1,
        "end_timestamp": END,
        "is_segment": False,
        "status": "error",
        "attributes": attributes,
        **fields,
    }


def read(item: dict[str, Any], *, sent_at: str = "") -> StreamedSpanRow:
    sent = SentItem("sentry", Head(sent_at=sent_at), Raw(msgspec.json.encode(item)))
    return read_streamed(sent, mask, "id", NOW_US)


def within_a_transaction(item: dict[str, Any]) -> Any:
    """What the same span is as a part of a transaction that ended when it did."""
    values = {name: one["value"] for name, one in item["attributes"].items()}
    part = {name: item[name] for name in ("span_id", "parent_span_id", "status", "start_timestamp")}
    part |= {"description": item["name"], "op": values["sentry.op"], "data": values}
    part["timestamp"] = item["end_timestamp"]
    transaction = {"timestamp": item["end_timestamp"], "spans": [part]}
    masked = mask(msgspec.json.encode(transaction))
    return read_sentry_transaction(masked, Head(), item_id="", received_at_us=NOW_US).spans[0]


SECRETS = (
    {"db.password": {"value": "hunter2", "type": "string"}},
    {"url": {"value": "https://u:hunter2@host/?token=hunter2hunter2", "type": "string"}},
    {"mail": {"value": "ann@example.com, card 4111 1111 1111 1111", "type": "string"}},
    {"args": {"value": ["a", {"password": "hunter2"}], "type": "array"}},
)


@pytest.mark.parametrize("secret", SECRETS)
def test_it_is_masked_as_within_a_transaction(secret: dict[str, Any]) -> None:
    item = streamed(name="GET /?password=hunter2 card=4111111111111111")
    item["attributes"] |= secret

    row = read(item)

    assert row.span == within_a_transaction(item)
    kept = row.span.description + bytes(row.span.data).decode()
    assert "hunter2" not in kept
    assert "4111" not in kept


def test_the_name_of_its_segment_is_masked_too() -> None:
    item = streamed()
    item["attributes"]["sentry.segment.name"]["value"] = "GET /?password=hunter2"

    assert "hunter2" not in read(item).transaction


@pytest.mark.parametrize(
    ("fields", "started_us", "duration_ns"),
    [
        ({}, NOW_US - 1_000_000, 10**9),
        ({"start_timestamp": None}, NOW_US, 0),
        ({"end_timestamp": "x"}, NOW_US - 1_000_000, 0),
        ({"start_timestamp": {}, "end_timestamp": []}, NOW_US, 0),
        ({"start_timestamp": END + 1, "end_timestamp": END}, NOW_US + 1_000_000, 0),
        # The sender's clock is a year ahead: the end counts as the arrival.
        ({"start_timestamp": END + 3e7 - 2, "end_timestamp": END + 3e7}, NOW_US - 2_000_000, 2e9),
    ],
)
def test_it_has_a_time_whatever_its_sender_says(
    fields: dict[str, Any], started_us: int, duration_ns: int
) -> None:
    row = read(streamed(**fields))

    assert abs(row.span.started_us - started_us) <= 1
    assert row.span.duration_ns == duration_ns


def test_a_clock_that_is_wrong_is_corrected_by_when_it_sent() -> None:
    day = 86_400
    item = streamed(start_timestamp=END - day - 3, end_timestamp=END - day - 2)

    row = read(item, sent_at=str(END - day))

    assert abs(row.span.started_us - (NOW_US - 3_000_000)) <= 1


@pytest.mark.parametrize("item", [{}, {"trace_id": 1}, streamed(span_id=None)])
def test_what_is_no_span_is_unfit(item: dict[str, Any]) -> None:
    with pytest.raises(Unfit):
        read(item)


def test_a_block_of_them_becomes_columns_and_unfit_ones_change_nothing() -> None:
    meaning = Meaning(bytes, lambda _: None)  # type: ignore[arg-type, return-value]
    bodies = [body_of(streamed()), b"{}", body_of(streamed(span_id="2" * 16, attributes=None))]
    chunk = SentChunk(ProjectId("p"), NOW_US, bodies, ["i0", "i1", "i2"])

    columns = steps(lambda: lambda _: meaning)["streamed_span"].build([chunk])

    assert columns.ids == ("i0", "i2")
    assert list(columns.dead) == [1]
    arrays = columns.tables["streamed_spans"].arrays
    assert arrays["span_id"].to_pylist() == ["1" * 16, "2" * 16]
    assert arrays["transaction"].to_pylist() == ["GET /", ""]
    assert arrays["data"].to_pylist()[1] == b""


def test_who_it_was_is_left_to_its_transaction() -> None:
    item = streamed()
    item["attributes"] |= {
        "user.id": {"value": "ann", "type": "string"},
        "user.email": {"value": "ann@example.org", "type": "string"},
        "user_agent.original": {"value": "curl", "type": "string"},
    }

    data = bytes(read(item).span.data).decode()

    assert "ann" not in data
    assert "curl" in data
