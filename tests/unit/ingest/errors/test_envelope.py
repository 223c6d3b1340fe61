"""How an envelope is split, and that no bytes do more to its parser than be rejected."""

import gzip
import random
from pathlib import Path

import pytest

from ingest.errors.envelope import MAX_ITEMS, MAX_LINE_BYTES, Envelope, parse_envelope
from ingest.errors.sentry import split_envelope
from ingest.rejections import BadItems, BadJson, Rejected

ID = "9ec79c33ec9942ab8353589fcb2e04dc"
EVENT = b'{"event_id":"9ec79c33ec9942ab8353589fcb2e04dc","message":"hi"}'
MUTATIONS = 10_000


def parts(body: bytes) -> list[tuple[str, bytes]]:
    return [(item.type, bytes(item.payload)) for item in parse_envelope(body).items]


class TestHeaders:
    @pytest.mark.parametrize("body", [b"{}", b"{}\n", b"{}\n\n\n", b" {} \n", b"{}\r\n"])
    def test_an_envelope_may_be_empty(self, body: bytes) -> None:
        assert parse_envelope(body) == Envelope(("", "", "", ""), [])  # type: ignore[arg-type]

    def test_they_say_what_the_items_have_in_common(self) -> None:
        body = (
            b'{"event_id":"%b","dsn":"https://key@host/1","sent_at":"2026-11-21T10:00:00Z",'
            b'"sdk":{"name":"sentry.python","version":"2.75.0","packages":[{"name":"pypi"}]},'
            b'"trace":{"trace_id":"abc"}}\n' % ID.encode()
        )

        headers = parse_envelope(body).headers

        assert headers == (ID, "https://key@host/1", "2026-11-21T10:00:00Z", "sentry.python 2.75.0")

    @pytest.mark.parametrize(
        "line",
        [
            b'{"event_id":5,"dsn":[],"sent_at":{},"sdk":"x"}',
            b'{"event_id":null,"dsn":null,"sent_at":null,"sdk":null}',
            b'{"event_id":"\xff","dsn":true,"sdk":{"name":1,"version":[]}}',
        ],
    )
    def test_what_is_no_text_is_as_if_it_were_not_there(self, line: bytes) -> None:
        assert parse_envelope(line).headers == ("", "", "", "")

    def test_a_byte_order_mark_and_a_cut_emoji_are_forgiven(self) -> None:
        body = b'\xef\xbb\xbf{"trace":{"transaction":"\\ud83d"}}\n{"type":"event"}\n{}'

        assert parts(body) == [("event", b"{}")]

    @pytest.mark.parametrize("body", [b"", b"\n", b"x", b"{", b'{"a":', b"\0" * 100, b"{}x\n"])
    def test_a_first_line_that_is_no_json_is_rejected(self, body: bytes) -> None:
        with pytest.raises(BadJson):
            parse_envelope(body)

    @pytest.mark.parametrize("body", [b"[]", b"1\n", b'"x"', b"null\n{}"])
    def test_a_first_line_that_is_no_object_is_rejected(self, body: bytes) -> None:
        with pytest.raises(BadItems):
            parse_envelope(body)

    def test_lines_of_headers_are_bounded(self) -> None:
        fits = b'{"x":"' + b"y" * (MAX_LINE_BYTES - 8) + b'"}'
        assert len(fits) == MAX_LINE_BYTES

        parse_envelope(fits + b"\n")
        parse_envelope(b'{}\n{"type":"a","x":"' + b"y" * (MAX_LINE_BYTES - 21) + b'"}\n')
        for body in (b" " + fits, b" " + fits + b"\n", b"{}\n " + fits + b"\nx"):
            with pytest.raises(BadItems, match="Invalid envelope"):
                parse_envelope(body)


class TestItems:
    @pytest.mark.parametrize(
        "body",
        [
            b'{}\n{"type":"event"}\n' + EVENT,
            b'{}\n{"type":"event"}\n' + EVENT + b"\n",
            b'{}\n{"type":"event","length":%d}\n' % len(EVENT) + EVENT,
            b'{}\n{"length":%d,"type":"event"}\n' % len(EVENT) + EVENT + b"\n",
            b'{}\n{"type":"event","length":null}\n' + EVENT + b"\n\n\n",
            b'{}\n\n\n{"type":"event"}\n' + EVENT,
        ],
    )
    def test_a_payload_ends_by_its_length_or_its_line(self, body: bytes) -> None:
        assert parts(body) == [("event", EVENT)]

    def test_with_a_length_a_payload_may_have_lines(self) -> None:
        body = b'{}\n{"type":"attachment","length":7}\na\n{}\n\nb\n{"type":"event"}\n{}'

        assert parts(body) == [("attachment", b"a\n{}\n\nb"), ("event", b"{}")]

    @pytest.mark.parametrize(
        "body",
        [
            b'{}\n{"type":"event","length":0}\n',
            b'{}\n{"type":"event","length":0}',
            b'{}\n{"type":"event","length":0}\n\n',
            b'{}\n{"type":"event"}\n\n',
            b'{}\n{"type":"event"}',
        ],
    )
    def test_a_payload_may_be_empty(self, body: bytes) -> None:
        assert parts(body) == [("event", b"")]

    def test_only_a_line_feed_ends_a_line(self) -> None:
        assert parts(b'{}\r\n{"type":"a"}\r\nx\ry\x0b\xe2\x80\xa8\r\n') == [
            ("a", b"x\ry\x0b\xe2\x80\xa8\r")
        ]

    @pytest.mark.parametrize(
        ("body", "rule"),
        [
            (b'{}\n{"type":"event","length":3}\nab', "Expected 3 bytes of payload, found 2"),
            (b'{}\n{"type":"event","length":3}', "Expected 3 bytes of payload, found 0"),
            (b'{}\n{"type":"event","length":-1}\nab', "Expected -1 bytes of payload, found 2"),
            (b'{}\n{"type":"event","length":1}\nab', "Expected a line feed after 1 bytes"),
            (b'{}\n{"type":"event","length":"1"}\na', "Expected item headers"),
            (b'{}\n{"type":"event","length":1.5}\na', "Expected item headers"),
            (b'{}\n{"type":"event","length":true}\na', "Expected item headers"),
            (b'{}\n{"type":"event","length":1e999}\na', "Expected item headers"),
            (b'{}\n{"length":1}\na', "Expected item headers"),
            (b'{}\n{"type":5}\na', "Expected item headers"),
            (b"{}\n[]\na", "Expected item headers"),
            (b"{}\nx\na", "Expected item headers"),
            (b'{}\n{"type":"\xff"}\na', "Expected item headers"),
            (b"{}\n" + b"[" * 5000, "Expected item headers"),
        ],
    )
    def test_what_breaks_the_framing_is_rejected_and_says_how(self, body: bytes, rule: str) -> None:
        with pytest.raises(BadItems) as rejected:
            parse_envelope(body)

        (issue,) = rejected.value.details or ()
        assert rule in issue.message

    def test_their_number_is_bounded(self) -> None:
        item = b'{"type":"session"}\n{}\n'

        assert len(parts(b"{}\n" + item * MAX_ITEMS)) == MAX_ITEMS
        with pytest.raises(BadItems):
            parse_envelope(b"{}\n" + item * (MAX_ITEMS + 1))

    @pytest.mark.parametrize(
        ("written", "records"),
        [
            (b"5", 5),
            (b"0", 1),
            (b"-4", 1),
            (b"1e99", 1),
            (b'"7"', 1),
            (b"1" * 40, 10_000),
            (b"99999", 10_000),
        ],
    )
    def test_how_many_records_they_hold_is_as_they_say_within_bounds(
        self, written: bytes, records: int
    ) -> None:
        (item,) = parse_envelope(b'{}\n{"type":"log","item_count":%b}\n{}' % written).items

        assert item.records == records


def mutated(chance: random.Random, body: bytes) -> bytes:
    """Cuts, doubles, moves and spoils some places."""
    for _ in range(chance.randint(1, 4)):
        at, to = sorted(chance.randrange(len(body) + 1) for _ in range(2))
        piece = chance.choice((b"\n", b"\0", b"{", b'"', b"9", b"\xff", b"\\ud83d", b"1e99", b""))
        body = chance.choice(
            (
                body[:at],
                body[at:],
                body[:at] + piece + body[at:],
                body[:at] + piece + body[at + 1 :],
                body[:at] + body[to:],
                body[:to] + body[at:],
                body[to:] + body[:at],
            )
        )
    return body


def test_no_bytes_do_more_than_be_rejected() -> None:
    whole = (
        b'{"event_id":"%b","sdk":{"name":"sentry.python","version":"2.75.0"}}\n' % ID.encode()
        + b'{"type":"event","length":%d}\n' % len(EVENT)
        + EVENT
        + b'\n{"type":"transaction"}\n{"spans":[{"op":"db"}],"transaction":"/a"}\n'
        + b'{"type":"attachment","length":8,"filename":"a"}\n'
        + b"ab\ncd\n\0\xff\n"
        + b'{"type":"check_in"}\n{"check_in_id":"%b","monitor_slug":"a","status":"ok"}\n'
        % ID.encode()
        + b'{"type":"user_report"}\n{"event_id":"%b","comments":"no"}\n' % ID.encode()
        + b'{"type":"client_report"}\n{"discarded_events":[{"reason":"sample_rate",'
        + b'"category":"error","quantity":3}]}\n{"type":"session"}\n{"sid":"x"}\n'
    )
    assert len(split_envelope(whole, {}, 1000).items) == 5
    chance = random.Random(11)
    outcomes = {"taken": 0, "rejected": 0}

    for _ in range(MUTATIONS):
        try:
            split_envelope(mutated(chance, whole), {}, 10_000)
            outcomes["taken"] += 1
        except Rejected:
            outcomes["rejected"] += 1

    assert min(outcomes.values()) > MUTATIONS / 50


def test_a_body_that_is_still_compressed_is_rejected() -> None:
    with pytest.raises(Rejected):
        parse_envelope(gzip.compress(Path(__file__).read_bytes()))
