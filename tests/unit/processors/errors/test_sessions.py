"""Sessions to rows: what an update says, whose it was, and when."""

from typing import Any

import msgspec
import pytest
from msgspec import Raw

from processors.columns import Unfit
from processors.errors.sessions import person_of, session_row
from schemas.errors.sent import Head, SentItem
from schemas.errors.session import SessionRow
from schemas.projects import ProjectId
from tests.unit.processors.errors.reading import NOW_US

NOW_S = NOW_US // 1_000_000
SID = "7c7b6585f9014351bf8d02711b721929"
ITEM_ID = "1" * 32
UPDATE = {"sid": SID, "started": NOW_S - 60, "attrs": {"release": "shop@1.0"}}


def row(*, sent_at: str = "", **fields: Any) -> SessionRow:
    item = Raw(msgspec.json.encode(UPDATE | fields))
    sent = SentItem("sentry", Head(sent_at=sent_at, environment="of the key"), item)
    return session_row(sent, ITEM_ID, project_id=ProjectId("shop"), received_at_us=NOW_US)


@pytest.mark.parametrize(
    ("said", "status", "has_errors"),
    [
        ({}, "ok", False),
        ({"status": "exited"}, "exited", False),
        ({"status": "exited", "errors": 2}, "exited", True),
        ({"status": "crashed"}, "crashed", True),
        ({"status": "abnormal"}, "abnormal", True),
        ({"status": "unhandled"}, "unhandled", True),
        ({"status": "errored"}, "errored", True),
        ({"status": "of a newer SDK"}, "errored", True),
        ({"errors": "many"}, "ok", False),
    ],
)
def test_a_status_is_one_that_we_know(said: Any, status: str, has_errors: bool) -> None:
    found = row(**said)

    assert (found.status, found.has_errors) == (status, has_errors)


@pytest.mark.parametrize(
    ("said", "seq"),
    [
        ({"seq": 7}, 7),
        ({"seq": 7, "init": True}, 0),
        ({"init": True}, 0),
        ({"timestamp": NOW_S - 1}, (NOW_S - 1) * 1000),
        ({"seq": -1}, NOW_US // 1000),
        ({"seq": True}, NOW_US // 1000),
        ({}, NOW_US // 1000),
    ],
)
def test_updates_are_in_the_order_of_their_numbers_or_moments(said: Any, seq: int) -> None:
    assert row(**said).seq == seq


@pytest.mark.parametrize("sid", [SID.upper(), "7c7b6585-f901-4351-bf8d-02711b721929"])
def test_a_session_is_the_same_however_its_id_is_written(sid: str) -> None:
    assert row(sid=sid).session_id == SID


@pytest.mark.parametrize("sid", [None, "", "0" * 32])
def test_one_without_an_id_is_a_session_of_its_own(sid: Any) -> None:
    assert row(sid=sid).session_id == ITEM_ID


def test_an_id_that_is_no_uuid_is_kept_as_a_hash() -> None:
    first, second = row(sid="run 1").session_id, row(sid="run 2").session_id

    assert first != second
    assert all(len(bytes.fromhex(one)) == 16 for one in (first, second))


class TestPeople:
    @pytest.mark.parametrize("did", [None, "", " ", "00000000-0000-0000-0000-000000000000", [1]])
    def test_nobody_is_0(self, did: Any) -> None:
        assert row(did=did).person == 0

    def test_one_is_counted_by_a_hash_that_no_other_project_has(self) -> None:
        own, other = (person_of(ProjectId(name), "ann@example.com") for name in ("shop", "bank"))

        assert row(did="ann@example.com").person == own not in (0, other)

    def test_nothing_of_a_person_is_in_the_row(self) -> None:
        attrs = {"release": "1.0", "ip_address": "192.0.2.7", "user_agent": "Secret/1"}

        found = msgspec.json.encode(row(did="ann@example.com", attrs=attrs))

        assert not any(word in found for word in (b"ann@", b"192.0.2.7", b"Secret"))


class TestMoments:
    def test_a_session_began_when_it_says(self) -> None:
        assert row(started="2026-11-01T00:00:00Z").started_us == 1_793_491_200_000_000

    @pytest.mark.parametrize("started", [None, "soon", NOW_S - 31 * 86_400, NOW_S + 7_200])
    def test_one_that_began_at_no_such_time_is_no_row(self, started: Any) -> None:
        with pytest.raises(Unfit, match="started"):
            row(started=started)

    def test_a_clock_that_is_wrong_is_corrected(self) -> None:
        found = row(started=NOW_S - 9_060, timestamp=NOW_S - 9_000, sent_at=str(NOW_S - 9_000))

        assert (found.started_us, found.timestamp_us) == (NOW_US - 60_000_000, NOW_US)


def test_a_sum_is_a_row_with_its_counts_and_without_a_session() -> None:
    group = {"started": NOW_S - 60, "did": "ann", "exited": 5, "crashed": 2, "unhandled": 1}

    found = row(aggregates=[group], sid=None, started=None)

    assert (found.session_id, found.started_us) == ("", NOW_US - 60_000_000)
    assert (found.exited, found.errored, found.unhandled) == (5, 0, 1)
    assert (found.abnormal, found.crashed, found.person != 0) == (0, 2, True)


def test_the_environment_is_the_session_s_or_that_of_the_key() -> None:
    own = {"release": "1.0", "environment": "staging"}

    assert row(attrs=own).environment == "staging"
    assert row().environment == "of the key"


@pytest.mark.parametrize("item", [b"[]", b'{"attrs":{}}', b'{"attrs":{"release":7}}', b"{"])
def test_what_is_no_session_is_unfit(item: bytes) -> None:
    with pytest.raises(Unfit, match="not a session"):
        session_row(
            SentItem("sentry", Head(), Raw(item)),
            ITEM_ID,
            project_id=ProjectId("shop"),
            received_at_us=NOW_US,
        )
