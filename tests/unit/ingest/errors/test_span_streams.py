"""Spans as `@sentry/node` 11.12 and sentry-sdk 2.75 stream them: segments become transactions."""

import json
from typing import Any

import msgspec
import pytest

from ingest.errors.sentry import split_envelope
from ingest.forms import Counted, Split
from ingest.rejections import ItemTooLarge
from processors.errors.streamed import read_streamed
from processors.errors.transactions import read_sentry_transaction
from schemas.errors.rows import StreamedSpanRow
from schemas.errors.sent import sent_decoder
from schemas.errors.transaction import TransactionEvent
from schemas.kinds import STREAMED_SPAN, TRANSACTION
from tests.unit.ingest.errors.server import envelope

TRACE_ID = "3b15001ad6614bc3b058e9e7738f499f"
SEGMENT_ID = "bf4a042236b00fb1"
NOW_US = 1_795_947_400_000_000


def attributes(**values: Any) -> dict[str, Any]:
    return {
        name.replace("__", "."): {"value": value, "type": "string"}
        for name, value in values.items()
    }


def segment(**fields: Any) -> dict[str, Any]:
    return {
        "trace_id": TRACE_ID,
        "span_id": SEGMENT_ID,
        "name": "GET",
        "start_timestamp": 1795947308.9127996,
        "end_timestamp": 1795947308.9203439,
        "is_segment": True,
        "status": "ok",
        "attributes": attributes(
            sentry__op="http.server",
            sentry__segment__name="GET /a",
            sentry__segment__id=SEGMENT_ID,
            sentry__sdk__name="sentry.javascript.node",
            sentry__sdk__version="11.12.0",
            sentry__release="n@1",
            sentry__environment="production",
            user__id="ann",
            user__email="ann@example.com",
            process__args=["a", 1, None],
        ),
        **fields,
    }


def part(span_id: str, of: str = SEGMENT_ID, **fields: Any) -> dict[str, Any]:
    return {
        "trace_id": TRACE_ID,
        "span_id": span_id,
        "parent_span_id": SEGMENT_ID,
        "name": "SELECT 1",
        "start_timestamp": 1795947308.9183574,
        "end_timestamp": 1795947308.918648,
        "is_segment": False,
        "status": "ok",
        "attributes": attributes(
            sentry__op="db", sentry__segment__id=of, sentry__segment__name="GET /a"
        ),
        **fields,
    }


def split(*spans: Any) -> Split:
    return split_payload(json.dumps({"version": 2, "items": spans}).encode(), len(spans))


def split_payload(payload: bytes, records: int = 1) -> Split:
    head = {"type": "span", "item_count": records, "length": len(payload)}
    return split_envelope(envelope((head, payload)), {"environment": "staging"}, 1 << 20)


def transactions(made: Split) -> list[TransactionEvent]:
    """What the stream reads of what the log holds."""
    found = []
    for items in made.items:
        if items.kind is STREAMED_SPAN:
            continue
        assert items.kind is TRANSACTION
        for body, item_id in zip(items.bodies, items.ids, strict=True):
            sent = sent_decoder.decode(body)
            assert sent.protocol == "sentry"
            found.append(
                read_sentry_transaction(
                    bytes(sent.item), sent.head, item_id=item_id, received_at_us=NOW_US
                )
            )
    return found


def spans(made: Split) -> list[StreamedSpanRow]:
    """What the stream reads of the spans that the log holds."""
    return [
        read_streamed(sent_decoder.decode(body), bytes, item_id, NOW_US)
        for items in made.items
        if items.kind is STREAMED_SPAN
        for body, item_id in zip(items.bodies, items.ids, strict=True)
    ]


def test_a_segment_is_a_transaction_and_its_spans_are_items_of_their_own() -> None:
    made = split(part("84e26f859aee8f25"), segment(), part("84e26f859aee8f26"))

    (read,) = transactions(made)
    assert (read.name, read.op, read.status) == ("GET /a", "http.server", "ok")
    assert (read.trace_id, read.span_id) == (TRACE_ID, SEGMENT_ID)
    assert (read.release, read.environment) == ("n@1", "production")
    assert (read.sdk_name, read.sdk_version) == ("sentry.javascript.node", "11.12.0")
    assert (read.platform, read.user.id, read.user.email) == (
        "javascript",
        "ann",
        "ann@example.com",
    )
    assert read.started_us == 1_795_947_308_912_800
    assert read.duration_ns == 7_544_000
    assert read.spans == ()
    rows = spans(made)
    assert [one.span.span_id for one in rows] == ["84e26f859aee8f25", "84e26f859aee8f26"]
    assert {one.event_id for one in rows} == {read.event_id}
    assert (rows[0].transaction, rows[0].trace_id) == ("GET /a", TRACE_ID)
    assert (rows[0].span.op, rows[0].span.description) == ("db", "SELECT 1")
    assert rows[0].span.parent_span_id == SEGMENT_ID
    assert rows[0].span.started_us == 1_795_947_308_918_357
    assert rows[0].span.duration_ns == 291_000
    assert (read.problems, made.counted, made.answer_id) == ((), [], "")


def test_attributes_are_kept_as_values() -> None:
    made = split(segment(), part("a" * 16))

    item = msgspec.json.decode(sent_decoder.decode(made.items[0].bodies[0]).item)
    assert item["contexts"]["trace"]["data"]["process.args"] == ["a", 1, None]
    (row,) = spans(made)
    assert msgspec.json.decode(row.span.data) == {
        "sentry.op": "db",
        "sentry.segment.id": SEGMENT_ID,
        "sentry.segment.name": "GET /a",
    }


def test_sent_again_it_is_the_same_transaction() -> None:
    ids = [items.ids for _ in range(2) for items in split(segment()).items]

    assert ids[0] == ids[1]
    other = split(segment(span_id="0" * 16)).items[0].ids
    assert other != ids[0]


def test_segments_of_one_item_are_transactions_of_their_own() -> None:
    other = "0" * 16
    made = split(
        segment(),
        segment(span_id=other, name="job", attributes=None),
        part("1" * 16),
        part("2" * 16, of=other),
        part("3" * 16, of=other, trace_id="f" * 32),
    )

    first, second = transactions(made)
    assert [first.name, second.name] == ["GET /a", "job"]
    rows = spans(made)
    assert [one.event_id for one in rows[:2]] == [first.event_id, second.event_id]
    # Of a trace that is not here.
    assert rows[2].event_id not in (first.event_id, second.event_id)
    assert made.counted == []


def test_a_span_is_the_same_wherever_its_segment_comes() -> None:
    with_it, alone = split(segment(), part("1" * 16)), split(part("1" * 16))

    assert spans(alone) == spans(with_it)
    others = [
        part("2" * 16),
        part("1" * 16, of="0" * 16),
        part("1" * 16, trace_id="f" * 32),
        part("1" * 16, attributes=None),
    ]
    ids = {one.item_id for one in spans(split(part("1" * 16), *others))}
    assert len(ids) == 5


def test_an_id_with_nul_is_one_id_before_and_after_it_is_made_legible() -> None:
    hostile = {"trace_id": "\0" * 32, "span_id": "\0" * 16}
    made = split(segment(**hostile), part("1" * 16, of="\0" * 16, trace_id="\0" * 32))

    (read,), (row,) = transactions(made), spans(made)

    assert row.event_id == read.event_id


@pytest.mark.parametrize(
    "broken",
    [
        1,
        None,
        [],
        {},
        segment(trace_id=1),
        segment(span_id=None),
        segment(attributes=[]),
        segment(attributes={"a": 1}),
        segment(is_segment="yes"),
        {name: value for name, value in segment().items() if name != "start_timestamp"},
    ],
)
def test_a_broken_span_is_counted_and_harms_no_other(broken: Any) -> None:
    made = split(broken, segment(span_id="0" * 16))

    assert len(transactions(made)) == 1
    assert made.counted == [Counted("streamed_span", "invalid", "bad_items", 1)]


@pytest.mark.parametrize(
    "payload",
    [
        *(b"", b"{", b"[]", b"{}", b"null", b'{"items":{}}', b"\xff", b'{"items":[],"x":"\xff"}'),
        b'{"items":' + b"[" * 5000,
        json.dumps(segment()).encode(),
    ],
)
def test_a_broken_item_counts_as_many_as_it_says_it_holds(payload: bytes) -> None:
    made = split_payload(payload, 7)

    assert made.items == []
    assert made.counted == [Counted("streamed_span", "invalid", "bad_items", 7)]


def test_their_number_is_bounded() -> None:
    made = split(segment(), *[part(f"{n:016x}") for n in range(999)])
    over = split(segment(), *[part(f"{n:016x}") for n in range(1000)])

    assert (len(transactions(made)), len(spans(made))) == (1, 999)
    assert (over.items, over.counted) == (
        [],
        [Counted("streamed_span", "invalid", "bad_items", 1001)],
    )


def test_a_cut_emoji_is_repaired() -> None:
    text = json.dumps({"items": [segment(name="\ud83d", attributes={})]})

    (read,) = transactions(split_payload(text.encode()))

    assert read.name == "\ufffd"


def test_an_item_over_the_bound_is_too_large() -> None:
    with pytest.raises(ItemTooLarge):
        split_payload(b'{"items":[],"x":"' + b"y" * (1 << 20) + b'"}')
