"""Log records in the form of OTLP become those of an item `log`."""

import json
from typing import Any

import msgspec
import pytest

from ingest.errors.sentry import split_envelope
from ingest.forms import Counted, Split
from processors.errors.logs import read_log
from schemas.errors.rows import LogRow
from schemas.errors.sent import sent_decoder
from tests.unit.ingest.errors.server import envelope

# As @sentry/browser 9.10 sent it, with a value of each type.
RECORD: dict[str, Any] = {
    "severityText": "info",
    "severityNumber": 9,
    "body": {"stringValue": "order 42 is paid"},
    "attributes": [
        {"key": "order", "value": {"intValue": 42}},
        {"key": "large", "value": {"intValue": "9007199254740993"}},
        {"key": "share", "value": {"doubleValue": 0.5}},
        {"key": "paid", "value": {"boolValue": True}},
        {"key": "sentry.release", "value": {"stringValue": "shop@1"}},
        {"key": "cups", "value": {"arrayValue": {"values": [{"stringValue": "red"}]}}},
        {"key": "who", "value": {"kvlistValue": {"values": [
            {"key": "name", "value": {"stringValue": "Ann"}}]}}},
    ],
    "timeUnixNano": "1795947308250001000",
    "observedTimeUnixNano": "1795947309000000000",
    "traceId": "5b8efff798038103d269b633813fc60c",
    "spanId": "eee19b7ec3c1b174",
}  # fmt: skip


def split(*payloads: Any, most: int = 1 << 20) -> Split:
    items = [({"type": "otel_log"}, json.dumps(one).encode()) for one in payloads]
    return split_envelope(envelope(*items), {}, most)


def row_of(made: Split) -> LogRow:
    sent = sent_decoder.decode(made.items[0].bodies[0])
    return read_log(sent, lambda text: text, "id", 1_795_947_310_000_000)


@pytest.mark.parametrize("snake_case", [False, True])
def test_a_record_has_all_that_its_otlp_says(snake_case: bool) -> None:
    text = json.dumps(RECORD)
    if snake_case:
        for word in ("Text", "Number", "Value", "Unix", "Nano", "Time", "Id"):
            text = text.replace(word, f"_{word.lower()}")

    row = row_of(split(json.loads(text)))

    assert (row.body, row.severity_text, row.severity) == ("order 42 is paid", "info", 9)
    assert (row.timestamp_us, row.observed_us) == (1_795_947_308_250_001, 1_795_947_309_000_000)
    assert (row.trace_id, row.span_id) == (RECORD["traceId"], RECORD["spanId"])
    assert row.release == "shop@1"
    own = {key: row.attributes[key] for key in ("order", "large", "share", "paid", "cups", "who")}
    assert own == {
        "order": 42, "large": 9007199254740993, "share": 0.5, "paid": True, "cups": ["red"],
        "who": {"name": "Ann"},
    }  # fmt: skip


def test_a_body_that_is_no_text_becomes_its_json() -> None:
    body = {"kvlistValue": {"values": [{"key": "a", "value": {"boolValue": False}}]}}

    assert row_of(split({"body": body})).body == '{"a":false}'


@pytest.mark.parametrize(
    "payload",
    [
        {},
        [],
        "text",
        {"body": "bare"},
        {"body": {}},
        {"body": {"stringValue": None}},
        RECORD | {"timeUnixNano": "soon"},
        RECORD | {"timeUnixNano": "9" * 5000},
        RECORD | {"timeUnixNano": [1]},
        RECORD | {"attributes": [{"key": "a", "value": {"intValue": "x"}}]},
    ],
)
def test_what_is_none_is_counted_and_its_neighbours_are_taken(payload: Any) -> None:
    made = split(RECORD, payload, RECORD | {"traceId": "0"})

    assert len(made.items[0].ids) == 2
    assert made.counted == [Counted("log", "invalid", "bad_items", 1)]


def test_what_is_deep_or_large_is_bounded() -> None:
    deep: dict[str, Any] = {"stringValue": "end"}
    for _ in range(300):
        deep = {"arrayValue": {"values": [deep]}}
    many = [{"key": str(number), "value": {"boolValue": True}} for number in range(5000)]

    made = split(RECORD | {"attributes": [{"key": "deep", "value": deep}, *many]})
    wide = split(
        {"body": {"arrayValue": {"values": [{"boolValue": None, "intValue": 123}] * 20_000}}}
    )
    large = split(RECORD, RECORD | {"body": {"stringValue": "x" * 2000}}, most=1500)

    (body,) = made.items[0].bodies
    assert len(msgspec.json.decode(body)["item"]["attributes"]) <= 1001
    assert len(msgspec.json.decode(wide.items[0].bodies[0])["item"]["body"]) == 4_001
    assert len(large.items[0].ids) == 1
    assert large.counted == [Counted("log", "too_large", "item_bytes", 1)]


def test_one_that_is_sent_again_has_the_same_id() -> None:
    assert split(RECORD).items[0].ids == split(RECORD).items[0].ids
