"""Analytics against plain Python over the same rows; rollup and base must be one."""

import math
import random
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import TestClient
from msgspec import structs

from clickhouse.client import Warehouse
from clickhouse.failures import QueryTooExpensive
from clickhouse.llm import group_measures
from clickhouse.llm.filters import TraceFilter
from clickhouse.llm.groups import Grouping
from clickhouse.queries.quantiles import MOST_EXACT
from schemas.llm.answers import AnalyticsAnswer, Group, Spread
from schemas.projects import ProjectContext
from tests.integration.queries.conftest import analyse, store_traces
from tests.integration.queries.rows import (
    DAY_US,
    START_US,
    TraceRow,
    make_trace,
    quantile,
    random_traces,
)

ALL = TraceFilter(from_us=START_US - DAY_US, to_us=START_US + 40 * DAY_US)
SIZES = (1, 2, 3, 10, 99, 101, MOST_EXACT, MOST_EXACT + 1, 600)
VALUES: dict[str, Callable[[TraceRow], str | None]] = {
    "model": lambda row: row.model_requested,
    "provider": lambda row: row.provider,
    "status": lambda row: row.status,
    "session_id": lambda row: row.session_id or None,
    "user": lambda row: row.user_id or None,
    "environment": lambda row: row.environment or None,
    "api_key": lambda row: row.api_key or None,
    "metadata.team": lambda row: row.tags.get("team"),
    "day": lambda row: _day(row.timestamp_us),
    "hour": lambda row: _moment(row.timestamp_us).strftime("%Y-%m-%d %H:00:00"),
}


@pytest.mark.parametrize("preference", ["reported", "computed"])
async def test_totals_are_what_plain_python_counts(
    warehouse: Warehouse, project: ProjectContext, preference: str
) -> None:
    rows = random_traces(project.project_id, 1, 700)
    store_traces(warehouse, rows)
    project = structs.replace(project, cost_preference=preference)

    found = await analyse(warehouse, project, ALL, period="day")

    costs = [_cost(row, preference) for row in rows]
    sessions = {row.session_id for row in rows} - {""}
    tokens_in = sum(row.input_tokens or 0 for row in rows)
    tokens_out = sum(row.output_tokens or 0 for row in rows)
    assert found.total_requests == 700
    assert found.total_cost == sum(costs) / 10**10
    assert found.total_sessions == len(sessions)
    assert found.total_tokens.input == tokens_in
    assert found.total_tokens.output == tokens_out
    assert found.total_tokens.total == tokens_in + tokens_out
    assert found.avg_latency == sum(_ns(row) for row in rows) / (700 * 10**6)
    assert found.error_rate == sum(row.status == "error" for row in rows) * 100 / 700
    assert found.computed.cost_per_request == sum(costs) / (700 * 10**10)
    assert found.computed.traces_per_session == 700 / len(sessions)
    assert found.computed.cost_per1k_tokens == float(
        Fraction(sum(costs) * 1000, 10**10 * (tokens_in + tokens_out))
    )
    assert found.costs.reported_cents == sum(r.reported_cost_pico or 0 for r in rows) / 10**10
    assert found.costs.computed_cents == sum(r.computed_cost_pico or 0 for r in rows) / 10**10


async def test_the_lists_of_the_contract_are_what_plain_python_makes(
    warehouse: Warehouse, project: ProjectContext
) -> None:
    rows = random_traces(project.project_id, 2, 600)
    store_traces(warehouse, rows)

    found = await analyse(warehouse, project, ALL, period="day")

    by_period: dict[tuple[str, str], int] = defaultdict(int)
    by_provider: dict[str, list[int]] = defaultdict(list)
    by_model: dict[tuple[str, str], list[TraceRow]] = defaultdict(list)
    for row in rows:
        by_period[_day(row.timestamp_us), row.provider] += _cost(row)
        by_provider[row.provider].append(_cost(row))
        by_model[row.provider, row.model_requested].append(row)
    assert [(item.period, item.provider, item.cost_cents) for item in found.cost_over_time] == [
        (*key, cost / 10**10) for key, cost in sorted(by_period.items())
    ]
    ranked = sorted(by_provider.items(), key=lambda item: -sum(item[1]))
    assert [(item.provider, item.cost_cents, item.requests) for item in found.cost_by_provider] == [
        (name, sum(costs) / 10**10, len(costs)) for name, costs in ranked
    ]
    top = found.top_models[0]
    mine = by_model[top.provider, top.model]
    assert len(mine) == top.requests == max(map(len, by_model.values()))
    assert top.total_tokens == sum((r.input_tokens or 0) + (r.output_tokens or 0) for r in mine)
    assert top.error_rate == sum(r.status == "error" for r in mine) * 100 / len(mine)
    assert {(item.provider, item.model, item.requests) for item in found.unpriced} == {
        (*key, unpriced)
        for key, group in by_model.items()
        if (unpriced := sum(_unpriced(row) for row in group))
    }


@pytest.mark.parametrize("name", VALUES)
async def test_groups_of_each_dimension_are_what_plain_python_makes(
    warehouse: Warehouse, project: ProjectContext, name: str
) -> None:
    rows = random_traces(project.project_id, 3, 400)
    store_traces(warehouse, rows)

    found = await analyse(
        warehouse, project, ALL, period="day", grouping=Grouping((name,), limit=1000)
    )

    assert found.groups is not None
    _assert_groups(found, rows, (name,))


@pytest.mark.parametrize(
    "names", [("model", "user"), ("metadata.team", "day"), ("session_id", "status", "hour")]
)
async def test_groups_of_several_dimensions_add_up_to_the_totals(
    warehouse: Warehouse, project: ProjectContext, names: tuple[str, ...]
) -> None:
    rows = random_traces(project.project_id, 4, 400)
    store_traces(warehouse, rows)

    found = await analyse(
        warehouse, project, ALL, period="day", grouping=Grouping(names, limit=1000)
    )

    assert found.groups is not None
    _assert_groups(found, rows, names)
    assert sum(group.requests for group in found.groups) == found.total_requests
    assert sum(group.tokens.total for group in found.groups) == found.total_tokens.total
    assert math.isclose(sum(g.cost_cents for g in found.groups), found.total_cost, rel_tol=1e-12)


@pytest.mark.parametrize("seed", range(12))
async def test_rollup_and_base_give_the_same_answer_for_any_range(
    warehouse: Warehouse, project: ProjectContext, seed: int
) -> None:
    chance = random.Random(seed)
    rows = random_traces(project.project_id, seed, 600)
    # So many alike in a block that session_sums separates them by the minute of their arrival.
    alike = {"session_id": chance.choice(("", "everything")), "user_id": "u1", "environment": ""}
    alike |= {"provider": "openai", "model_requested": "gpt-4o", "status": "success"}
    rows[::3] = [structs.replace(row, **alike) for row in rows[::3]]
    for start in range(0, 600, 200):
        store_traces(warehouse, rows[start : start + 200])
    first = START_US + chance.randrange(3 * DAY_US)
    last = first + chance.choice((1, 10**6, 3 * 10**9, 10**10, DAY_US, 4 * DAY_US))
    wanted = TraceFilter(
        from_us=first,
        to_us=last,
        provider=chance.choice((None, None, "openai")),
        user=chance.choice((None, None, "u1")),
        status=chance.choice((None, "success")),
    )
    names = tuple(chance.sample(sorted(VALUES), chance.randrange(1, 3)))
    grouping = Grouping(
        names,
        order=chance.choice(("cost", "requests", "latency", "key")),
        limit=chance.choice((5, 1000)),
        interval=chance.choice((None, "minute", "hour", "day", "week", "month")),
    )

    mixed = await analyse(warehouse, project, wanted, period="hour", grouping=grouping)
    plain = await analyse(
        warehouse, project, wanted, period="hour", grouping=grouping, base_only=True
    )

    assert mixed == plain
    matching = [row for row in rows if _matches(row, wanted)]
    assert mixed.total_requests == len(matching)
    assert mixed.total_cost == sum(map(_cost, matching)) / 10**10


async def test_both_ends_of_a_range_are_inclusive(
    warehouse: Warehouse, project: ProjectContext
) -> None:
    moments = [START_US - 1, START_US, START_US + 2 * DAY_US, START_US + 2 * DAY_US + 1]
    store_traces(
        warehouse,
        [make_trace(project.project_id, f"t{us}", timestamp_us=us) for us in moments],
    )
    wanted = TraceFilter(from_us=START_US, to_us=START_US + 2 * DAY_US)

    found = await analyse(warehouse, project, wanted, period="day")

    assert found.total_requests == 2


async def test_percentiles_are_within_one_per_cent(
    warehouse: Warehouse, project: ProjectContext
) -> None:
    # The values around a rank lie far from each other: the rank must be right.
    count = len(SIZES)
    rows = [
        make_trace(project.project_id, f"t{n}-{v}", user_id=f"{n}", latency_ms=1.03**v)
        for n in SIZES
        for v in range(n)
    ]
    store_traces(warehouse, rows)

    for base_only in (False, True):
        for name in ("user", "provider"):
            grouping = Grouping((name,), limit=count)
            found = await analyse(
                warehouse, project, ALL, period="day", grouping=grouping, base_only=base_only
            )
            for group in found.groups or []:
                mine = [r for r in rows if name == "provider" or r.user_id == group.key["user"]]
                _assert_percentiles(group, mine)
        _assert_percentiles(found.latency, rows)


@pytest.mark.parametrize("base_only", [False, True])
async def test_percentiles_of_few_are_exact_where_others_of_the_answer_are_many(
    warehouse: Warehouse, project: ProjectContext, base_only: bool
) -> None:
    rows = [
        make_trace(project.project_id, f"{n}-{v}", model_requested=f"m{n}", latency_ms=1.03**v)
        for n in SIZES
        for v in range(n)
    ]
    store_traces(warehouse, rows)
    grouping = Grouping(("model", "hour"), limit=100)

    found = await analyse(
        warehouse, project, ALL, period="day", grouping=grouping, base_only=base_only
    )

    assert len(found.groups or []) == len(SIZES)
    for group in found.groups or []:
        _assert_percentiles(group, [r for r in rows if r.model_requested == group.key["model"]])


async def test_the_same_block_sent_again_changes_no_number(
    warehouse: Warehouse, project: ProjectContext
) -> None:
    rows = random_traces(project.project_id, 5, 200)
    grouping = Grouping(("user",), interval="day")
    store_traces(warehouse, rows, f"{project.project_id}-block")
    before = await analyse(warehouse, project, ALL, period="day", grouping=grouping)

    store_traces(warehouse, rows, f"{project.project_id}-block")

    after = await analyse(warehouse, project, ALL, period="day", grouping=grouping)
    assert after == before
    assert after.total_requests == 200


async def test_another_project_is_never_counted(
    warehouse: Warehouse, project: ProjectContext
) -> None:
    store_traces(warehouse, random_traces(project.project_id + "-other", 6, 50))

    found = await analyse(
        warehouse, project, ALL, period="day", grouping=Grouping(("metadata.team",))
    )

    assert found.total_requests == 0
    assert found.groups == []


async def test_an_empty_range_is_all_zeros_and_empty_lists(
    warehouse: Warehouse, project: ProjectContext
) -> None:
    found = await analyse(warehouse, project, ALL, period="day")

    assert structs.asdict(found.computed) == dict.fromkeys(structs.asdict(found.computed), 0)
    assert structs.astuple(found.latency) == (0, 0, 0, 0, 0)
    assert (found.total_cost, found.error_rate, found.avg_latency) == (0, 0, 0)
    assert found.cost_over_time == found.cost_by_provider == found.top_models == []


async def test_groups_come_in_the_order_asked_for(
    warehouse: Warehouse, project: ProjectContext
) -> None:
    rows = random_traces(project.project_id, 7, 300)
    store_traces(warehouse, rows)

    async def ask(order: str, *, ascending: bool) -> list[Any]:
        grouping = Grouping(("session_id",), order=order, ascending=ascending, limit=4)
        found = await analyse(warehouse, project, ALL, period="day", grouping=grouping)
        return found.groups or []

    most = [group.requests for group in await ask("requests", ascending=False)]
    least = [group.requests for group in await ask("requests", ascending=True)]
    slow = [group.avg_latency for group in await ask("latency", ascending=False)]
    assert most == sorted(most, reverse=True)
    assert least == sorted(least)
    assert max(least) < min(most)
    assert slow == sorted(slow, reverse=True)
    assert len(slow) == 4


async def test_buckets_of_a_group_add_up_to_it(
    warehouse: Warehouse, project: ProjectContext
) -> None:
    rows = random_traces(project.project_id, 8, 300, days=20)
    store_traces(warehouse, rows)

    for interval, length in (("hour", 19), ("day", 10), ("week", 10), ("month", 10)):
        grouping = Grouping(("provider",), interval=interval)
        found = await analyse(warehouse, project, ALL, period="day", grouping=grouping)
        for group in found.groups or []:
            assert group.buckets is not None
            assert sum(bucket.requests for bucket in group.buckets) == group.requests
            assert sum(bucket.tokens.input for bucket in group.buckets) == group.tokens.input
            assert {len(bucket.period) for bucket in group.buckets} == {length}
    assert {bucket.period for bucket in (found.groups or [])[0].buckets or []} == {"2025-06-01"}


@pytest.mark.parametrize(("interval", "read_us"), [("hour", DAY_US // 24), ("day", DAY_US)])
async def test_more_buckets_than_the_bound_are_refused_and_never_cut(
    warehouse: Warehouse,
    project: ProjectContext,
    monkeypatch: pytest.MonkeyPatch,
    interval: str,
    read_us: int,
) -> None:
    store_traces(warehouse, random_traces(project.project_id, 8, 300, days=20))
    monkeypatch.setattr(group_measures, "MOST_ROWS", 10)
    grouping = Grouping(("provider",), limit=1, interval=interval)
    short = TraceFilter(from_us=START_US, to_us=START_US + 9 * read_us)
    long = TraceFilter(from_us=START_US, to_us=START_US + 20 * DAY_US)

    found = await analyse(warehouse, project, short, period="day", grouping=grouping)

    assert found.groups is not None
    assert sum(bucket.requests for bucket in found.groups[0].buckets or []) > 0
    with pytest.raises(QueryTooExpensive):
        await analyse(warehouse, project, long, period="day", grouping=grouping)


@pytest.mark.parametrize(("limit", "status"), [(549, 200), (550, 400)])
def test_buckets_are_bounded_by_groups_times_periods(
    client: TestClient[Litestar], limit: int, status: int
) -> None:
    year = "date_from=2025-01-01T00:00:00Z&date_to=2025-12-31T00:00:00Z"

    answer = client.get(f"/analytics?{year}&group_by=model&interval=day&limit={limit}")

    assert answer.status_code == status, answer.text


def _assert_groups(
    found: AnalyticsAnswer, rows: Sequence[TraceRow], names: tuple[str, ...]
) -> None:
    expected: dict[tuple[str | None, ...], list[TraceRow]] = defaultdict(list)
    for row in rows:
        expected[tuple(VALUES[name](row) for name in names)].append(row)
    groups = found.groups or []
    assert {tuple(group.key.values()) for group in groups} == set(expected)
    for group in groups:
        mine = expected[tuple(group.key.values())]
        assert group.requests == len(mine)
        assert group.errors == sum(row.status == "error" for row in mine)
        assert group.sessions == len({row.session_id for row in mine} - {""})
        assert group.tokens.input == sum(row.input_tokens or 0 for row in mine)
        assert group.tokens.reasoning == sum(row.reasoning_tokens or 0 for row in mine)
        assert group.cost_cents == sum(map(_cost, mine)) / 10**10
        assert group.unpriced_requests == sum(map(_unpriced, mine))
        assert group.avg_latency == sum(map(_ns, mine)) / (len(mine) * 10**6)
        _assert_percentiles(group, mine)


def _assert_percentiles(found: Group | Spread, rows: Sequence[TraceRow]) -> None:
    latencies = [row.latency_ms for row in rows]
    bound = 1e-6 if len(rows) <= MOST_EXACT else 0.0101
    for name, share in (("p50", 0.5), ("p90", 0.9), ("p95", 0.95), ("p99", 0.99)):
        exact = quantile(latencies, share)
        assert getattr(found, name) == pytest.approx(exact, rel=bound, abs=1e-6)


def _matches(row: TraceRow, wanted: TraceFilter) -> bool:
    assert wanted.from_us is not None
    assert wanted.to_us is not None
    return (
        wanted.from_us <= row.timestamp_us <= wanted.to_us
        and wanted.provider in (None, row.provider)
        and wanted.user in (None, row.user_id)
        and wanted.status in (None, row.status)
    )


def _cost(row: TraceRow, preference: str = "reported") -> int:
    both = [row.reported_cost_pico, row.computed_cost_pico]
    if preference == "computed":
        both.reverse()
    return next((cost for cost in both if cost is not None), 0)


def _unpriced(row: TraceRow) -> bool:
    return row.reported_cost_pico is None and row.computed_cost_pico is None


def _ns(row: TraceRow) -> int:
    return round(row.latency_ms * 10**6)


def _moment(moment_us: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=moment_us)


def _day(moment_us: int) -> str:
    return _moment(moment_us).strftime("%Y-%m-%d")


HOSTILE = (
    "it's",
    'say "x"',
    "back\\slash",
    "a\tb\nc",
    "{k:String}",
    "'; DROP TABLE traces",
    "é\U0001f989\\N",
    "%41+ &?",
)


@pytest.mark.parametrize("names", [("user",), ("user", "model"), ("session_id", "day")])
async def test_groups_of_any_name_are_found_by_it(
    warehouse: Warehouse, project: ProjectContext, names: tuple[str, ...]
) -> None:
    rows = [
        make_trace(project.project_id, f"t{n}", user_id=name, session_id=name, model_requested=name)
        for n, name in enumerate([*HOSTILE, *HOSTILE])
    ]
    store_traces(warehouse, [*rows, make_trace(project.project_id, "none")])
    wanted = TraceFilter(from_us=START_US - DAY_US, to_us=START_US + DAY_US)
    # Fewer than there are, so that they are asked for by name.
    grouping = Grouping(names, order="requests", limit=len(HOSTILE))

    found = await analyse(warehouse, project, wanted, period="day", grouping=grouping)

    assert {group.key[names[0]] for group in found.groups or ()} == set(HOSTILE)
    assert [group.requests for group in found.groups or ()] == [2] * len(HOSTILE)
