"""Periods on the clock of a zone against plain Python's own `zoneinfo`; rollup and base are one."""

import random
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from litestar import Litestar
from litestar.testing import TestClient
from msgspec import structs

from clickhouse.client import Warehouse
from clickhouse.failures import QueryTooExpensive
from clickhouse.llm import analytics
from clickhouse.llm.filters import SpanFilter, TraceFilter
from clickhouse.llm.groups import Grouping
from clickhouse.llm.span_analytics import analyse_spans
from clickhouse.queries import hours as rollup_hours
from clickhouse.queries import periods
from schemas.projects import ProjectContext
from schemas.zones import DAY_US, clock_of
from tests.integration.queries.conftest import analyse, store_outcomes, store_spans, store_traces
from tests.integration.queries.rows import (
    HOUR_US,
    TraceRow,
    make_outcome,
    make_span,
    make_trace,
    random_traces,
)

MINUTE_US = HOUR_US // 60
# A zone, and a day of UTC around which its clock does something odd, or nothing.
CASES = (
    ("UTC", "2026-03-01"),
    ("America/Los_Angeles", "2026-03-08"),
    ("America/Los_Angeles", "2026-11-01"),
    ("Asia/Kolkata", "2026-01-01"),
    ("Asia/Kolkata", "1969-12-31"),
    ("Asia/Kathmandu", "2026-06-30"),
    ("Australia/Lord_Howe", "2026-04-04"),
    ("Australia/Lord_Howe", "2026-10-03"),
    ("America/Havana", "2025-11-02"),
    ("America/Sao_Paulo", "2018-11-04"),
    ("Pacific/Apia", "2011-12-30"),
)
LOCAL: dict[str, Callable[[datetime], str]] = {
    "hour": lambda at: f"{at:%Y-%m-%d %H} {at:%z}",
    "day": lambda at: f"{at:%Y-%m-%d}",
    "week": lambda at: f"{at - timedelta(days=at.weekday()):%Y-%m-%d}",
    "month": lambda at: f"{at:%Y-%m-01}",
}


@pytest.mark.parametrize(("zone", "day"), CASES)
async def test_periods_of_a_zone_are_those_of_its_clock(
    warehouse: Warehouse, project: ProjectContext, zone: str, day: str
) -> None:
    rows = _rows_around(project.project_id, day)
    store_traces(warehouse, rows)
    project = structs.replace(project, time_zone=zone)
    wanted = _range(rows)

    for period, local in LOCAL.items():
        grouping = Grouping((period,), limit=1000)
        mixed = await analyse(warehouse, project, wanted, period=period, grouping=grouping)
        plain = await analyse(
            warehouse, project, wanted, period=period, grouping=grouping, base_only=True
        )

        assert mixed == plain
        counted = Counter(local(_at(row.timestamp_us, zone)) for row in rows)
        groups = mixed.groups or []
        assert sorted(group.requests for group in groups) == sorted(counted.values())
        starts = [datetime.fromisoformat(group.start or "") for group in groups]
        assert len(set(starts)) == len(groups)
        for group, start in zip(groups, starts, strict=True):
            assert group.key[period][:10] == local(start)[:10]  # type: ignore[index]
            assert start.utcoffset() == start.astimezone(ZoneInfo(zone)).utcoffset()
            if period != "hour":
                assert group.requests == counted[group.key[period]]  # type: ignore[index]


@pytest.mark.parametrize(("zone", "day"), CASES)
async def test_filled_periods_follow_each_other_without_a_gap(
    warehouse: Warehouse, project: ProjectContext, zone: str, day: str
) -> None:
    rows = _rows_around(project.project_id, day)
    store_traces(warehouse, [rows[0], rows[-1]])
    project = structs.replace(project, time_zone=zone)
    wanted = _range([rows[0], rows[-1]])

    for period, local in LOCAL.items():
        grouping = Grouping(("provider",), limit=1, interval=period, fill=True)
        found = await analyse(warehouse, project, wanted, period="day", grouping=grouping)

        assert found.groups
        buckets = found.groups[0].buckets or []
        starts = [datetime.fromisoformat(bucket.start).astimezone(UTC) for bucket in buckets]
        assert starts == sorted(set(starts))
        names = [local(start.astimezone(ZoneInfo(zone))) for start in starts]
        span = (wanted.from_us or 0, wanted.to_us or 0)
        minutes = [*range(*span, 15 * MINUTE_US), span[1]]
        assert set(names) == {local(_at(minute, zone)) for minute in minutes}


async def test_days_of_23_and_25_hours_have_as_many_hours(
    warehouse: Warehouse, project: ProjectContext
) -> None:
    project = structs.replace(project, time_zone="Europe/Berlin")
    for day, hours in (
        (datetime(2026, 3, 28, 23, tzinfo=UTC), 23),
        (datetime(2026, 10, 24, 22, tzinfo=UTC), 25),
    ):
        first = int(day.timestamp()) * 1_000_000
        rows = [
            make_trace(project.project_id, f"{hours}-{n}", timestamp_us=first + n * HOUR_US)
            for n in range(hours)
        ]
        store_traces(warehouse, rows)
        wanted = TraceFilter(from_us=first, to_us=first + hours * HOUR_US - 1)

        by_day = await analyse(
            warehouse, project, wanted, period="day", grouping=Grouping(("day",))
        )
        by_hour = await analyse(
            warehouse, project, wanted, period="day", grouping=Grouping(("hour",), limit=50)
        )

        assert [group.requests for group in by_day.groups or []] == [hours]
        assert [group.requests for group in by_hour.groups or []] == [1] * hours


async def test_spans_are_counted_by_the_clock_too(
    warehouse: Warehouse, project: ProjectContext
) -> None:
    traces = _rows_around(project.project_id, "2026-06-30")
    spans = [
        make_span(project.project_id, row.trace_id, timestamp_us=row.timestamp_us) for row in traces
    ]
    store_spans(warehouse, spans)
    project = structs.replace(project, time_zone="Asia/Kathmandu")
    wanted = SpanFilter(from_us=_range(traces).from_us, to_us=_range(traces).to_us)

    mixed = await analyse_spans(warehouse, project, wanted, period="day", fill=True)
    plain = await analyse_spans(warehouse, project, wanted, period="day", fill=True, base_only=True)

    assert mixed == plain
    counted = Counter(LOCAL["day"](_at(row.timestamp_us, project.time_zone)) for row in spans)
    assert {item.period: item.count for item in mixed.spans_over_time} == counted
    assert mixed.time_zone == "Asia/Kathmandu"


def test_outcomes_are_counted_by_the_clock_too(
    client: TestClient[Litestar], warehouse: Warehouse, project: ProjectContext
) -> None:
    at = int(datetime(2026, 1, 25, 4, 8, tzinfo=UTC).timestamp()) * 1_000_000
    store_outcomes(
        warehouse,
        [
            make_outcome(project.project_id, "accepted", 2, minute_us=at),
            make_outcome(project.project_id, "accepted", 3, minute_us=at + 4 * HOUR_US),
        ],
    )
    days = "date_from=2026-01-24&date_to=2026-01-25&tz=America/Los_Angeles&interval=day"

    answer = client.get(f"/outcomes?{days}").json()

    assert answer["timeZone"] == "America/Los_Angeles"
    assert [(item["start"], item["count"]) for item in answer["outcomes"]] == [
        ("2026-01-24T00:00:00-08:00", 2),
        ("2026-01-25T00:00:00-08:00", 3),
    ]


def test_the_evening_in_los_angeles_is_of_its_own_day(
    client: TestClient[Litestar], warehouse: Warehouse, project: ProjectContext
) -> None:
    at = int(datetime(2026, 1, 25, 4, 8, tzinfo=UTC).timestamp()) * 1_000_000
    store_traces(warehouse, [make_trace(project.project_id, "t", timestamp_us=at)])
    zone = "tz=America/Los_Angeles"

    found = client.get(f"/analytics?date_from=2026-01-24&date_to=2026-01-24&{zone}").json()
    listed = client.get(f"/traces?date_from=2026-01-24&date_to=2026-01-24&{zone}").json()

    assert found["timeZone"] == "America/Los_Angeles"
    assert [(item["period"], item["start"]) for item in found["costOverTime"]] == [
        ("2026-01-24", "2026-01-24T00:00:00-08:00")
    ]
    assert listed["total"] == 1


@pytest.mark.parametrize(
    ("path", "nearest"),
    [
        ("/analytics?tz=Europe/Berln", "Europe/Berlin"),
        ("/analytics/spans?tz=berlin", "Europe/Berlin"),
        ("/outcomes?tz=america/new_york", "America/New_York"),
        ("/traces?tz=Kathmandoo", "Asia/Kathmandu"),
        ("/spans?tz=../../etc/passwd", "IANA"),
    ],
)
def test_an_unknown_zone_is_an_error_that_names_the_nearest(
    client: TestClient[Litestar], path: str, nearest: str
) -> None:
    answer = client.get(f"{path}&date_from=2026-01-01T00:00:00Z&date_to=2026-01-02T00:00:00Z")

    assert answer.status_code == 400
    (detail,) = answer.json()["details"]
    assert detail["path"] == ["tz"]
    assert nearest in detail["message"]


def test_more_filled_periods_than_the_bound_are_an_error(client: TestClient[Litestar]) -> None:
    years = "date_from=2020-01-01T00:00:00Z&date_to=2026-01-01T00:00:00Z"

    answer = client.get(f"/analytics?{years}&group_by=hour&fill=true")

    assert answer.status_code == 400
    assert answer.json()["details"][0]["path"] == ["fill"]


async def test_filled_periods_of_many_providers_are_bounded_together(
    warehouse: Warehouse, project: ProjectContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = _rows_around(project.project_id, "2026-03-29")
    store_traces(warehouse, rows)
    monkeypatch.setattr(analytics, "MOST_FILLED", 50)

    with pytest.raises(QueryTooExpensive, match="fill: "):
        await analytics.analyse(warehouse, project, _range(rows), period="hour", fill=True)


def test_a_clock_that_changes_often_is_read_as_one_that_changes_seldom(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = int(datetime(2016, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000
    clock = clock_of("Europe/Berlin", first, first + 3650 * DAY_US)
    assert len(clock.starts) > periods.MOST_ADDED
    chance = random.Random(11)
    moments = [start + chance.choice((-1, 0, 1)) for start in clock.starts]
    moments += [chance.randrange(first, first + 3650 * DAY_US) for _ in range(200)]
    columns = [periods.period_sql(one, clock, "at") for one in periods.PERIODS]
    monkeypatch.setattr(periods, "MOST_ADDED", len(clock.starts))
    columns += [periods.period_sql(one, clock, "at") for one in periods.PERIODS]

    rows = warehouse.query_now(
        f"""SELECT {", ".join(columns)} FROM
            (SELECT fromUnixTimestamp64Micro(arrayJoin({{m:Array(Int64)}}), 'UTC') AS at)""",
        {"m": moments, **periods.period_values(clock)},
        {},
    ).rows

    half = len(periods.PERIODS)
    assert [row[:half] for row in rows] == [row[half:] for row in rows]
    assert len({row[half] for row in rows}) > 200


def test_days_of_centuries_are_not_looked_at_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    century = 100 * 366 * DAY_US
    clock = clock_of("Asia/Kolkata", 0, century)
    monkeypatch.setattr(rollup_hours, "split_hours", None)

    assert rollup_hours.hours_beside(clock, {"day"}, 0, century) is None


def _rows_around(project_id: str, day: str) -> list[TraceRow]:
    """Returns a trace every few minutes of the days around one."""
    start = int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp()) * 1_000_000
    chance = random.Random(day)
    rows = random_traces(project_id, 9, 400)
    for row in rows:
        row.timestamp_us = start + chance.randrange(-36 * 60, 60 * 60) * MINUTE_US
    return sorted(rows, key=lambda row: row.timestamp_us)


def _range(rows: list[TraceRow]) -> TraceFilter:
    return TraceFilter(from_us=rows[0].timestamp_us, to_us=rows[-1].timestamp_us)


def _at(moment_us: int, zone: str) -> datetime:
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=moment_us)
    return moment.astimezone(ZoneInfo(zone))
