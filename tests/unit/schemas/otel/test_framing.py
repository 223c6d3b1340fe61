"""Requests of OTLP are split into the bytes of their items, with what stands around each."""

import json
from collections.abc import Iterable
from typing import Any

import pytest

from schemas.otel.bounds import Undecodable
from schemas.otel.framing import Splitter
from schemas.otel.json_framing import COUNTED_BYTES, NoMembers, json_groups
from schemas.otel.logs import LOGS
from schemas.otel.metrics import METRICS
from schemas.otel.traces import TRACES
from tests.unit.schemas.otel.hostile import field

MOST = 1_000
SIGNALS = {
    "traces": (TRACES, ("resourceSpans", "scopeSpans", "spans")),
    "logs": (LOGS, ("resourceLogs", "scopeLogs", "logRecords")),
    "metrics": (METRICS, ("resourceMetrics", "scopeMetrics", "metrics")),
}


def shown(groups: Iterable[Any]) -> list[Any]:
    return [
        (
            (group.sender.head, group.sender.schema_url),
            (group.library.head, group.library.schema_url),
            list(group.items),
        )
        for group in groups
    ]


def split(body: bytes, most_fields: int = MOST) -> list[Any]:
    return shown(Splitter(body, most_fields).groups())


class TestProtobuf:
    def test_groups_come_in_their_order_with_their_items(self) -> None:
        libraries = [
            field(2, field(1, b"scope") + field(2, b"one") + field(2, b"two") + field(3, b"url-s")),
            field(2, field(2, b"three")),
        ]
        body = field(1, field(1, b"resource") + b"".join(libraries) + field(3, b"url-r"))

        assert split(body + field(1, field(2, field(2, b"four")))) == [
            ((b"resource", "url-r"), (b"scope", "url-s"), [b"one", b"two"]),
            ((b"resource", "url-r"), (b"", ""), [b"three"]),
            ((b"", ""), (b"", ""), [b"four"]),
        ]

    def test_what_stands_around_items_may_come_after_them_and_twice(self) -> None:
        library = field(2, field(2, b"item") + field(1, b"sco") + field(1, b"pe"))

        assert split(field(1, library + field(1, b"resource"))) == [
            ((b"resource", ""), (b"scope", ""), [b"item"])
        ]

    def test_fields_of_later_versions_are_stepped_over(self) -> None:
        numbers = b"\xa0\x06\x96\x01" + b"\xa1\x06" + b"8" * 8 + b"\xa5\x06" + b"4" * 4
        later = numbers + b"\xa2\x06\x03new"
        library = field(2, later + field(2, b"item") + later)

        assert split(later + field(1, later + library)) == [((b"", ""), (b"", ""), [b"item"])]

    @pytest.mark.parametrize(
        "body",
        [
            b"\x0a",
            b"\x0a\x05abc",
            b"\x0a\xff",
            b"\x0a" + b"\xff" * 11,
            b"\x08" + b"\x80" * 11,
            b"\x09" + b"8" * 7,
            b"\x0d" + b"4" * 3,
            b"\x0b\x0c",
            b"\x0f",
            field(1, b"\x12\x05abc"),
            field(1, field(2, b"\x12\x05abc")),
            field(1, field(2, b"\x0b\x0c")),
        ],
    )
    def test_what_is_no_protobuf_is_undecodable(self, body: bytes) -> None:
        with pytest.raises(Undecodable):
            split(body)

    def test_a_url_that_is_no_text_is_a_value_error(self) -> None:
        with pytest.raises(ValueError, match="utf-8"):
            split(field(1, field(3, b"\xff")))

    @pytest.mark.parametrize("body", [b"\x0a\x00", b"\x7a\x00", b"\x78\x01"])
    def test_every_field_counts_known_or_not(self, body: bytes) -> None:
        assert split(body * 10, 10) == []
        with pytest.raises(Undecodable):
            split(body * 11, 10)


@pytest.mark.parametrize("signal", SIGNALS)
class TestJson:
    def test_groups_come_in_their_order_with_their_items(self, signal: str) -> None:
        kind, (senders, libraries, items) = SIGNALS[signal]
        library = {items: [{"a": 1}, None, 5], "scope": {"name": "s"}, "schemaUrl": "url-s"}
        sender = {libraries: [library, {items: None}], "resource": {"b": 2}, "later": []}
        body = json.dumps(
            {senders: [sender, {"resource": None}], "later": 1}, separators=(",", ":")
        )

        assert shown(json_groups(kind, body.encode(), MOST)) == [
            ((b'{"b":2}', ""), (b'{"name":"s"}', "url-s"), [b'{"a":1}', b"null", b"5"]),
            ((b'{"b":2}', ""), (b"", ""), []),
        ]

    def test_an_empty_object_holds_nothing(self, signal: str) -> None:
        kind, (senders, *_) = SIGNALS[signal]
        for body in (b"{}", b" { } ".replace(b" }", b"}"), b'{"%b":null}' % senders.encode()):
            assert shown(json_groups(kind, body, MOST)) == []

    def test_an_object_of_something_else_is_told_what_is_missing(self, signal: str) -> None:
        kind, (senders, *_) = SIGNALS[signal]
        with pytest.raises(NoMembers, match=f"Missing {senders}"):
            json_groups(kind, b'{"resource_spans":[]}', MOST)

    def test_names_in_snake_case_are_none(self, signal: str) -> None:
        kind, (senders, *_) = SIGNALS[signal]
        snake = kind.names[1]
        body = b'{"%b":[{"%b":[{}]}]}' % (senders.encode(), snake.encode())

        assert shown(json_groups(kind, body, MOST)) == []

    def test_a_long_text_is_counted_before_it_is_read(self, signal: str) -> None:
        kind, (senders, *_) = SIGNALS[signal]
        objects = b"{}," * (COUNTED_BYTES // 3) + b"{}"
        with pytest.raises(Undecodable, match="too many"):
            json_groups(kind, b'{"%b":[%b]}' % (senders.encode(), objects), MOST)
