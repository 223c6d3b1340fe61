"""Log records as SDKs send them: each becomes an item of its own."""

import json
from typing import Any

import msgspec

from ingest.errors.sentry import split_envelope
from ingest.forms import Counted, Split
from schemas.errors.sent import SentItem, sent_decoder
from tests.unit.ingest.errors.server import envelope


def record(body: Any = "paid", **fields: Any) -> dict[str, Any]:
    return {"timestamp": 1795947308.25, "level": "info", "body": body, **fields}


def split(items: Any, most: int = 1 << 20, **others: Any) -> Split:
    payload = json.dumps({"version": 2, "items": items, **others}).encode()
    count = len(items) if isinstance(items, list) else 1
    told = {"environment": "staging", "client_ip": "192.0.2.7"}
    return split_envelope(envelope(({"type": "log", "item_count": count}, payload)), told, most)


def sent_in(made: Split) -> list[SentItem]:
    return [sent_decoder.decode(body) for items in made.items for body in items.bodies]


class TestRecords:
    def test_each_is_an_item_as_it_came_with_the_environment_of_the_key(self) -> None:
        made = split([record("one"), record("two", attributes={"a": {"value": 1}})])

        assert [items.kind.name for items in made.items] == ["log"]
        sent = sent_in(made)
        bodies = [msgspec.json.decode(one.item) for one in sent]
        assert bodies == [record("one"), record("two", attributes={"a": {"value": 1}})]
        assert {(one.protocol, one.head.environment) for one in sent} == {("sentry", "staging")}
        assert made.counted == []

    def test_one_that_is_sent_again_has_the_same_id_and_another_has_not(self) -> None:
        first, again = split([record("one"), record("two")]), split([record("two")])

        assert again.items[0].ids[0] == first.items[0].ids[1] != first.items[0].ids[0]

    def test_a_wrong_one_is_counted_and_its_neighbours_are_taken(self) -> None:
        made = split([record("one"), record(7), "text", {"level": "info"}, None, record("two")])

        assert len(made.items[0].ids) == 2
        assert made.counted == [Counted("log", "invalid", "bad_items", 4)]

    def test_one_that_is_too_large_is_counted_alone(self) -> None:
        made = split([record("x" * 500), record("short")], most=200)

        assert [msgspec.json.decode(one.item)["body"] for one in sent_in(made)] == ["short"]
        assert made.counted == [Counted("log", "too_large", "item_bytes", 1)]

    def test_too_many_are_counted_as_the_item_says(self) -> None:
        made = split([record()] * 1001)

        assert (made.items, made.counted) == ([], [Counted("log", "invalid", "bad_items", 1001)])

    def test_what_is_no_item_of_records_is_counted(self) -> None:
        for payload in (
            b"{}",
            b"[]",
            b"no JSON",
            b'{"items":7}',
            b'{"items":["\xff"]}',
            b"[" * 9999,
        ):
            made = split_envelope(envelope(({"type": "log", "item_count": 3}, payload)), {}, 9999)

            assert made.counted == [Counted("log", "invalid", "bad_items", 3)]

    def test_half_an_emoji_is_replaced(self) -> None:
        made = split([record("\ud83d")])

        assert msgspec.json.decode(sent_in(made)[0].item)["body"] == "\ufffd"

    def test_the_address_is_kept_if_the_item_asks(self) -> None:
        asks = split([record()], ingest_settings={"infer_ip": "auto"})

        assert [one.head.client_ip for one in sent_in(asks)] == ["192.0.2.7"]
        assert [one.head.client_ip for one in sent_in(split([record()]))] == [""]
