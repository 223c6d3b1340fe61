"""The demo's errors and transactions: read whole, alike for a seed, never in the future."""

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from msgspec import Raw

from ingest.errors.demo import Failures
from ingest.errors.demo_around import LAST_HOURS
from ingest.errors.demo_calls import linked_call, with_link
from ingest.errors.demo_sessions import Sessions
from ingest.errors.demo_troubles import REGRESSED, TROUBLES
from ingest.errors.demo_visits import PARCELS, REPEATS, ROUTES, SLOWED, Visits
from ingest.llm.demo import Traffic
from ingest.llm.demo_chats import CHANGED_HOURS_AGO
from processors.errors.events import read_error, read_transaction
from processors.errors.grouping.groups import group_of
from processors.errors.sessions import session_row
from schemas.errors.event import ErrorEvent
from schemas.errors.grouping import DEFAULT_CONFIG
from schemas.errors.sent import Head, SentItem
from schemas.errors.transaction import TransactionEvent
from schemas.projects import ProjectId

SEED = 20261121
UNTIL = datetime(2026, 11, 21, 12, tzinfo=UTC)
UNTIL_US = int(UNTIL.timestamp() * 1e6)
MOMENTS = [UNTIL + timedelta(hours=hours) for hours in (0, 6.03, 17, 130)]
ALL = len(TROUBLES) + 6


def failures(count: int = ALL, until: datetime = UNTIL, days: int = 7) -> list[dict[str, Any]]:
    made = Failures(SEED, until, days)
    return [*made.events(count), *made.comes_back()]


def visits(count: int = 300, until: datetime = UNTIL, days: int = 7) -> list[dict[str, Any]]:
    return list(Visits(SEED, until, days).events(count))


def sent(event: dict[str, Any]) -> SentItem:
    return SentItem("sentry", Head(), Raw(json.dumps(event).encode()))


def error_of(event: dict[str, Any]) -> ErrorEvent:
    return read_error(sent(event), event["event_id"], UNTIL_US)


def transaction_of(event: dict[str, Any]) -> TransactionEvent:
    return read_transaction(sent(event), event["event_id"], UNTIL_US)


def transactions(count: int = 300) -> list[TransactionEvent]:
    return [transaction_of(one) for one in visits(count) if one.get("type") == "transaction"]


@pytest.mark.parametrize("days", [1, 7, 365])
def test_every_event_is_read_without_a_problem_and_none_gets_another_time(days: int) -> None:
    for event in failures(days=days):
        read = error_of(event)
        assert read.problems == ()
        assert read.timestamp_us == pytest.approx(event["timestamp"] * 1e6, abs=2)
    for event in visits(days=days):
        assert (transaction_of if "type" in event else error_of)(event).problems == ()


def test_each_trouble_is_an_issue_of_its_own() -> None:
    groups = Counter(
        group_of(error_of(event), DEFAULT_CONFIG).fingerprint for event in failures(ALL + 400)
    )

    assert len(groups) == len(TROUBLES) + 1


@pytest.mark.parametrize("until", MOMENTS)
def test_a_seed_makes_the_same_ids_at_any_time_of_day_and_nothing_in_the_future(
    until: datetime,
) -> None:
    for make in (failures, visits):
        here, there = make(), make(until=until)
        assert [one["event_id"] for one in here] == [one["event_id"] for one in there]
        assert max(one["timestamp"] for one in there) <= until.timestamp() + 60
        assert min(one["timestamp"] for one in there) >= (until - timedelta(days=7)).timestamp()
        assert len({one["event_id"] for one in here}) == len(here)


def test_what_comes_back_is_met_in_the_last_release_alone_after_it_was_resolved() -> None:
    made = Failures(SEED, UNTIL, 7)
    before = [one for one in made.events(ALL) if REGRESSED.type in json.dumps(one)]
    after = list(made.comes_back())

    assert {one["release"] for one in after} == {"shop@4.2.0"}
    assert "shop@4.2.0" not in {one["release"] for one in before}
    assert max(one["timestamp"] for one in before) < min(one["timestamp"] for one in after)


def test_the_last_release_is_that_of_the_llm_calls() -> None:
    assert LAST_HOURS == CHANGED_HOURS_AGO


def test_each_name_comes_and_one_has_a_query_that_repeats() -> None:
    made = transactions()

    assert {route.name for route in ROUTES} <= {one.name for one in made}
    repeats = [one for one in made if one.name == REPEATS]
    asked = [sum("parcels" in span.description for span in one.spans) for one in repeats]
    assert min(asked) >= PARCELS[0]


def test_spans_lie_within_their_transaction() -> None:
    for one in transactions():
        end = one.started_us + one.duration_ns / 1000
        for span in one.spans:
            assert one.started_us <= span.started_us
            assert span.started_us + span.duration_ns / 1000 <= end + 2


def test_since_the_last_release_one_name_is_slower() -> None:
    took: dict[bool, list[int]] = {True: [], False: []}
    for one in transactions(800):
        if one.name == SLOWED:
            took[one.release == "shop@4.2.0"].append(one.duration_ns)

    means = {is_last: sum(some) / len(some) for is_last, some in took.items()}
    assert means[True] > 2 * means[False]


def test_a_failed_payment_has_its_error_in_the_same_trace() -> None:
    made = visits(2_000)
    failed = {
        one["contexts"]["trace"]["trace_id"]
        for one in made
        if one.get("transaction") == "POST /api/checkout"
        and one["contexts"]["trace"].get("status") == "internal_error"
    }
    errors = {one["contexts"]["trace"]["trace_id"] for one in made if "exception" in one}

    assert errors
    assert errors == failed


def test_some_llm_calls_name_the_request_that_they_were_made_in() -> None:
    calls = list(Traffic(SEED, UNTIL, 7).traces(500))
    links = [(call, link) for call in calls if (link := linked_call(call)) is not None]
    requests = [
        transaction_of(one) for one in Visits(SEED, UNTIL, 7).of_calls([link for _, link in links])
    ]

    assert 0 < len(links) < len(calls) / 2
    for (call, link), request in zip(links, requests, strict=True):
        named = with_link(call, link)["metadata"]
        assert request.trace_id == named["traceId"]
        assert named["spanId"] in {span.span_id for span in request.spans}
    assert msgspec.json.encode(requests)


@pytest.mark.parametrize("until", MOMENTS)
def test_sessions_are_alike_for_a_seed_and_never_in_the_future(until: datetime) -> None:
    made = list(Sessions(SEED, until, 7).events(200))

    again = list(Sessions(SEED, UNTIL, 7).events(200))
    assert [one["sid"] for one in made] == [one["sid"] for one in again]
    rows = [
        session_row(sent(one), "1" * 32, project_id=ProjectId("demo"), received_at_us=us_of(until))
        for one in made
    ]
    assert max(row.started_us for row in rows) < us_of(until)
    assert {row.seq for row in rows} == {0, 1}
    assert {row.status for row in rows} >= {"ok", "exited", "crashed"}


def us_of(moment: datetime) -> int:
    return int(moment.timestamp() * 1e6)
