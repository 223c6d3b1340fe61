"""Sessions in envelopes: what goes into the log, under which id, and what is counted instead."""

from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

from ingest.errors.sentry import split_envelope
from ingest.errors.sessions import MAX_GROUPS, check_session
from ingest.forms import Counted, Split
from schemas.errors.sent import sent_decoder
from tests.unit.ingest.errors.server import envelope

SID = "7c7b6585-f901-4351-bf8d-02711b721929"
STARTED = "2026-11-07T14:16:00Z"
ATTRS = {"release": "shop@1.0.0", "environment": "production"}
UPDATE = {"sid": SID, "seq": 3, "started": STARTED, "status": "ok", "attrs": ATTRS}


def split(*items: tuple[str, Any], told: Mapping[str, str] | None = None) -> Split:
    bodies = [
        ({"type": kind}, item if isinstance(item, bytes) else msgspec.json.encode(item))
        for kind, item in items
    ]
    return split_envelope(envelope(*bodies), told or {}, 1 << 20)


def ids(*updates: Mapping[str, Any]) -> list[str]:
    made = split(*[("session", one) for one in updates])
    return [one for items in made.items for one in items.ids]


def logged(made: Split) -> list[Any]:
    bodies = [body for items in made.items for body in items.bodies]
    return [msgspec.json.decode(sent_decoder.decode(body).item) for body in bodies]


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in UPDATE.items() if key != name}


class TestUpdates:
    def test_one_goes_into_the_log_as_it_came(self) -> None:
        made = split(("session", UPDATE))

        assert logged(made) == [UPDATE]
        assert [items.kind.name for items in made.items] == ["session"]
        assert made.counted == []

    @pytest.mark.parametrize(
        "again",
        [
            UPDATE,
            UPDATE | {"sid": SID.upper()},
            UPDATE | {"sid": SID.replace("-", "")},
            UPDATE | {"timestamp": "2026-11-07T15:00:00Z"},
        ],
    )
    def test_the_same_sequence_number_of_a_session_is_the_same_update(self, again: Any) -> None:
        first, second = ids(UPDATE, again)

        assert first == second

    @pytest.mark.parametrize("other", [UPDATE | {"seq": 4}, UPDATE | {"sid": "another"}])
    def test_another_number_or_session_is_another_update(self, other: Any) -> None:
        first, second = ids(UPDATE, other)

        assert first != second

    @pytest.mark.parametrize(
        "later",
        [{"timestamp": "2026-11-07T14:16:02Z"}, {"status": "crashed"}, {"errors": 1}],
    )
    def test_without_a_number_the_moment_and_what_is_said_tell_updates(self, later: Any) -> None:
        first = without("seq") | {"timestamp": "2026-11-07T14:16:01Z", "init": True}

        same, again, other = ids(first, first, first | later)

        assert same == again != other

    @pytest.mark.parametrize("lacks", ["sid", "both"])
    def test_what_nothing_tells_from_others_gets_a_new_id(self, lacks: str) -> None:
        update = without("sid") if lacks == "sid" else without("seq")

        first, second = ids(update, update)

        assert first != second

    @pytest.mark.parametrize(
        ("attrs", "reason"),
        [
            ({}, "without_release"),
            ({"release": None}, "without_release"),
            ({"release": " "}, "without_release"),
            ({"release": "a/b"}, "without_release"),
            ({"release": "latest"}, "without_release"),
            ({"release": "v" * 251}, "without_release"),
            (None, "bad_items"),
            ("x", "bad_items"),
        ],
    )
    def test_one_without_a_release_is_counted_and_not_kept(self, attrs: Any, reason: str) -> None:
        made = split(("session", UPDATE | {"attrs": attrs}))

        assert (made.items, made.counted) == ([], [Counted("session", "invalid", reason, 1)])

    @pytest.mark.parametrize("body", [b"{}", b"[]", b"nothing", b"\xff", b"[" * 5_000])
    def test_a_broken_one_is_counted_and_its_neighbours_are_taken(self, body: bytes) -> None:
        made = split(("session", body), ("event", {"message": "hi"}), ("session", UPDATE))

        assert [items.kind.name for items in made.items] == ["error", "session"]
        assert made.counted == [Counted("session", "invalid", "bad_items", 1)]


class TestSums:
    def test_each_group_becomes_an_item_with_an_id_of_ours(self) -> None:
        groups = [
            {"started": STARTED, "exited": 123},
            {"started": STARTED, "did": "ann", "exited": 12, "errored": 3, "unhandled": 1},
        ]

        made = split(("sessions", {"aggregates": groups, "attrs": ATTRS}))

        assert logged(made) == [{"aggregates": [one], "attrs": ATTRS} for one in groups]
        assert len(set(made.items[0].ids)) == 2

    def test_groups_that_count_nothing_or_wrongly_are_counted_as_invalid(self) -> None:
        counts = [{"exited": 0}, {"exited": -1}, {"crashed": "2"}, {"exited": True}, {"exited": 1}]
        groups = [{"started": STARTED, **one} for one in counts]

        made = split(("sessions", {"aggregates": [*groups, 7], "attrs": ATTRS}))

        assert len(logged(made)) == 1
        assert made.counted == [Counted("session", "invalid", "bad_items", 5)]

    def test_more_groups_than_an_item_may_have_are_counted(self) -> None:
        groups = [{"started": STARTED, "exited": 1}] * (MAX_GROUPS + 2)

        made = split(("sessions", {"aggregates": groups, "attrs": ATTRS}))

        assert len(logged(made)) == MAX_GROUPS
        assert made.counted == [Counted("session", "invalid", "too_many_groups", 2)]

    def test_without_a_release_all_groups_are_invalid(self) -> None:
        groups = [{"started": STARTED, "exited": 1}] * 2

        made = split(("sessions", {"aggregates": groups, "attrs": {}}))

        assert (made.items, made.counted) == (
            [],
            [Counted("session", "invalid", "without_release", 2)],
        )


class TestOneItem:
    def test_what_the_log_holds_is_checked_as_it_was_taken(self) -> None:
        check_session(msgspec.json.encode(UPDATE))
        group = {"started": STARTED, "exited": 1}
        check_session(msgspec.json.encode({"aggregates": [group], "attrs": ATTRS}))

    @pytest.mark.parametrize("item", [b"{}", b"[", b'{"attrs":{"release":"a"}}'])
    def test_another_is_no_session(self, item: bytes) -> None:
        with pytest.raises(ValueError, match="Expected an update"):
            check_session(item)
