"""What becomes of what Sentry's SDKs send: items with ids for the log, the rest for the ledger."""

import base64
import json
import zlib
from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

from ingest.errors.item_types import COUNTED_AS, KINDS, REASONS, SESSIONS
from ingest.errors.sentry import check_item, id_of, split_envelope, split_stored
from ingest.forms import Counted, Split
from ingest.rejections import BadItems, BadJson, ItemTooLarge, Rejected
from schemas.errors.sent import SentItem, sent_decoder
from schemas.kinds import ERROR, TRANSACTION
from tests.unit.ingest.errors.server import envelope

ID = "9ec79c33ec9942ab8353589fcb2e04dc"
OTHER_ID = "fc6d8c0c43fc4630ad850ee518f1b9d0"
DASHED = "9EC79C33-EC99-42AB-8353-589FCB2E04DC"
TOLD = {"environment": "staging", "client": "raven-js/3.2", "client_ip": "192.0.2.7"}
EVENT = ({"type": "event"}, b'{"message":"hi"}')
TRANSACTION_ITEM = ({"type": "transaction"}, b'{"transaction":"/a"}')


def report(*discarded: Mapping[str, Any]) -> tuple[Mapping[str, Any], bytes]:
    return {"type": "client_report"}, msgspec.json.encode({"discarded_events": discarded})


def split(*items: tuple[Mapping[str, Any], bytes], **headers: Any) -> Split:
    return split_envelope(envelope(*items, **headers), TOLD, 1 << 20)


def ids(made: Split) -> dict[str, list[str]]:
    return {items.kind.name: list(items.ids) for items in made.items}


def sent(made: Split) -> list[SentItem]:
    return [sent_decoder.decode(body) for items in made.items for body in items.bodies]


class TestIds:
    @pytest.mark.parametrize(
        ("text", "found"),
        [
            (ID, ID),
            (ID.upper(), ID),
            (DASHED, ID),
            ("", ""),
            (ID[:-1], ""),
            (ID + "0", ""),
            ("g" * 32, ""),
            ("-" * 40 + ID, ""),
            ("٣" * 32, ""),
        ],
    )
    def test_one_is_32_hex_digits_however_it_is_written(self, text: str, found: str) -> None:
        assert id_of(text) == found

    def test_that_of_the_envelope_comes_first(self) -> None:
        event = b'{"event_id":"%b"}' % OTHER_ID.encode()

        made = split(({"type": "event"}, event), event_id=DASHED)

        assert (ids(made), made.answer_id) == ({"error": [ID]}, ID)
        assert [one.head.event_id for one in sent(made)] == [ID]

    @pytest.mark.parametrize("header", [{}, {"event_id": "x"}, {"event_id": 5}, {"event_id": None}])
    def test_without_it_that_of_the_event_counts(self, header: dict[str, Any]) -> None:
        event = b'{"message":"hi","event_id":"%b"}' % OTHER_ID.encode()

        made = split(({"type": "event"}, event), **header)

        assert (ids(made), made.answer_id) == ({"error": [OTHER_ID]}, OTHER_ID)

    @pytest.mark.parametrize("event", [b"{}", b'{"event_id":7}', b'{"event_id":"\\ud83d"}'])
    def test_without_any_there_is_one_of_ours(self, event: bytes) -> None:
        made = split(({"type": "event"}, event))

        assert (id_of(made.answer_id), ids(made)) == (made.answer_id, {"error": [made.answer_id]})

    def test_two_events_of_one_envelope_are_two(self) -> None:
        made = split(EVENT, EVENT, TRANSACTION_ITEM, event_id=ID)

        every = [one for some in ids(made).values() for one in some]
        assert (every[0], len(set(every))) == (ID, 3)
        assert [one.head.event_id for one in sent(made)] == [ID, "", ""]

    def test_an_envelope_without_events_is_named_if_it_has_a_name(self) -> None:
        assert split(({"type": "attachment"}, b"x"), event_id=ID).answer_id == ID
        assert split(({"type": "session"}, b"{}")).answer_id == ""


class TestItems:
    def test_events_and_transactions_keep_their_bytes_and_what_came_with_them(self) -> None:
        made = split(
            EVENT,
            TRANSACTION_ITEM,
            sent_at="2026-11-21T10:00:00Z",
            sdk={"name": "sentry.python", "version": "2.75.0"},
        )

        assert [items.kind for items in made.items] == [ERROR, TRANSACTION]
        assert [bytes(one.item) for one in sent(made)] == [EVENT[1], TRANSACTION_ITEM[1]]
        for one in sent(made):
            assert (one.protocol, one.head.environment) == ("sentry", "staging")
            assert one.head.sdk == "sentry.python 2.75.0"
            assert (one.head.sent_at, one.head.client_ip) == ("2026-11-21T10:00:00Z", "")

    def test_an_sdk_that_the_envelope_does_not_name_is_that_of_the_request(self) -> None:
        assert sent(split(EVENT))[0].head.sdk == "raven-js 3.2"

    @pytest.mark.parametrize(
        "event",
        [
            b'{"user":{"ip_address":"{{auto}}"}}',
            b'{"sentry.interfaces.User":{"ip_address":"{{auto}}"}}',
            b'{"sdk":{"settings":{"infer_ip":"auto"}}}',
            b'{"sdk": {"settings": {"infer_ip": "auto"}}}',
        ],
    )
    def test_the_address_is_kept_for_who_asks_for_it(self, event: bytes) -> None:
        assert sent(split(({"type": "event"}, event)))[0].head.client_ip == "192.0.2.7"

    def test_the_address_is_not_kept_for_who_only_writes_of_it(self) -> None:
        event = b'{"message":"{{auto}}","user":{"id":"auto"}}'

        assert sent(split(({"type": "event"}, event)))[0].head.client_ip == ""

    @pytest.mark.parametrize(
        ("payload", "error"),
        [
            (b"", BadJson),
            (b"{", BadJson),
            (b'{"a":"\xff"}', BadJson),
            (b'{"a":"\\x"}', BadJson),
            (b"{}{}", BadJson),
            (b'{"a":' * 5000, BadJson),
            (b"\x1f\x8b\x08", BadJson),
            (b"[]", BadItems),
            (b"null", BadItems),
            (b'"{}"', BadItems),
            (b'{"a":"' + b"x" * (1 << 20) + b'"}', ItemTooLarge),
        ],
    )
    def test_an_event_that_is_none_rejects_its_envelope_and_each_item_is_counted(
        self, payload: bytes, error: type[Rejected]
    ) -> None:
        broken = {"type": "event", "length": len(payload)}
        with pytest.raises(error) as rejected:
            split(TRANSACTION_ITEM, (broken, payload), ({"type": "session"}, b"{}"))

        assert rejected.value.by_kind == {"error": 1, "transaction": 1, "session": 1}

    def test_a_cut_emoji_in_an_event_is_repaired(self) -> None:
        made = split(({"type": "event"}, b'{"message":"\\ud83d"}'))

        assert bytes(sent(made)[0].item) == b'{"message":"\\ufffd"}'


class TestCounted:
    @pytest.mark.parametrize(
        "name",
        sorted(
            COUNTED_AS.keys()
            - KINDS.keys()
            - {"span", "log", "otel_log", "client_report", *SESSIONS}
        ),
    )
    def test_an_item_that_is_not_kept_is_counted_by_its_type(self, name: str) -> None:
        made = split(({"type": name}, b"\0no json"))

        assert made.counted == [Counted(f"sentry_{name}", "filtered", "unsupported_item", 1)]

    @pytest.mark.parametrize(
        "name", ["new_thing", "Event", "", "a" * 41, "x\n", "../..", "événement"]
    )
    def test_of_an_unknown_type_no_word_is_made(self, name: str) -> None:
        made = split(({"type": name}, b"{}"), EVENT)

        assert made.counted == [Counted("sentry_unknown", "filtered", "unsupported_item", 1)]
        assert len(ids(made)["error"]) == 1

    def test_a_container_counts_what_it_holds(self) -> None:
        made = split(({"type": "trace_metric", "item_count": 100}, b'{"items":[]}'))

        assert made.counted == [Counted("sentry_trace_metric", "filtered", "unsupported_item", 100)]


class TestReports:
    def test_what_was_discarded_is_counted_by_category_and_reason(self) -> None:
        made = split(
            report(
                {"reason": "sample_rate", "category": "transaction", "quantity": 5},
                {"reason": "sample_rate", "category": "transaction", "quantity": 2},
                {"reason": "sample_rate", "category": "span", "quantity": 40},
                {"reason": "network_error", "category": "error", "quantity": 1},
                {"reason": "queue_overflow", "category": "log_item", "quantity": 3},
                {"reason": "queue_overflow", "category": "log_byte", "quantity": 3000},
                {"reason": "before_send", "category": "monitor", "quantity": 1},
            )
        )

        assert set(made.counted) == {
            Counted("transaction", "client_discard", "sample_rate", 7),
            Counted("streamed_span", "client_discard", "sample_rate", 40),
            Counted("error", "client_discard", "network_error", 1),
            Counted("log", "client_discard", "queue_overflow", 3),
            Counted("check_in", "client_discard", "before_send", 1),
        }

    def test_words_that_nobody_knows_become_no_words_of_ours(self) -> None:
        made = split(report({"reason": "mood", "category": "dreams", "quantity": 2}))

        assert made.counted == [Counted("sentry_unknown", "client_discard", "other", 2)]

    @pytest.mark.parametrize("quantity", [0, -5])
    def test_nothing_is_counted_for_nothing(self, quantity: int) -> None:
        one = {"reason": "sample_rate", "category": "error", "quantity": quantity}

        assert split(report(one)).counted == []

    def test_no_number_is_larger_than_the_ledger_can_add_up(self) -> None:
        one = {"reason": "sample_rate", "category": "error", "quantity": 10**18}

        (counted,) = split(report(*[one] * 20)).counted

        assert counted.items == 1_000_000_000

    @pytest.mark.parametrize("payload", [b"{}", b'{"discarded_events":[]}', b'{"x":1}'])
    def test_a_report_may_say_nothing(self, payload: bytes) -> None:
        assert split(({"type": "client_report"}, payload)).counted == []

    @pytest.mark.parametrize(
        "payload",
        [
            *(b"", b"[]", b"\xff", b"[" * 5000, b'{"discarded_events":{}}'),
            b'{"discarded_events":[{"reason":"x","category":"error"}]}',
            b'{"discarded_events":[{"reason":"x","category":"error","quantity":1.5}]}',
            b'{"discarded_events":[{"reason":1,"category":"error","quantity":1}]}',
            b'{"x":"' + b"y" * (64 << 10) + b'"}',
        ],
    )
    def test_a_broken_report_is_counted_as_one(self, payload: bytes) -> None:
        made = split(({"type": "client_report"}, payload), EVENT)

        assert made.counted == [Counted("sentry_client_report", "invalid", "bad_items", 1)]
        assert len(ids(made)["error"]) == 1

    def test_every_reason_is_a_word_for_the_ledger(self) -> None:
        assert all(reason.replace("_", "").isalpha() for reason in REASONS)


class TestStored:
    @pytest.mark.parametrize(
        ("event", "kind"),
        [
            ({"message": "hi"}, "error"),
            ({"type": "error"}, "error"),
            ({"type": "transaction"}, "transaction"),
            ({"type": None}, "error"),
        ],
    )
    def test_a_single_event_says_itself_what_it_is(self, event: Any, kind: str) -> None:
        made = split_stored(json.dumps(event | {"event_id": DASHED}).encode(), TOLD, 1 << 20)

        assert (ids(made), made.answer_id) == ({kind: [ID]}, ID)
        assert sent(made)[0].head.sdk == "raven-js 3.2"

    def test_an_old_sdk_may_have_compressed_it(self) -> None:
        event = b'{"event_id":"%b"}' % ID.encode()

        made = split_stored(base64.b64encode(zlib.compress(event)), {}, 1 << 20)

        assert (ids(made), bytes(sent(made)[0].item)) == ({"error": [ID]}, event)

    def test_what_it_inflates_to_is_bounded(self) -> None:
        bomb = base64.b64encode(zlib.compress(b" " * (17 << 20)))

        with pytest.raises(ItemTooLarge):
            split_stored(bomb, {}, 1 << 20)

    @pytest.mark.parametrize(
        "body", [b"", b"hello", b"eJx", b"eJxLBAAAYgBi", b"\xff\xfe", b"[]", b"1", b'"x"']
    )
    def test_anything_else_is_rejected(self, body: bytes) -> None:
        with pytest.raises((BadJson, BadItems)):
            split_stored(body, {}, 1 << 20)


def test_one_item_is_checked_as_ingest_would() -> None:
    check_item(b'{"message":"hi"}')

    for item in (b"[]", b"{", b'{"a":"\xff"}'):
        with pytest.raises((BadJson, BadItems)):
            check_item(item)
