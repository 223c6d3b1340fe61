"""Spans: rows, durations of pairs, analytics against plain Python."""

import random
from collections import Counter, defaultdict
from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from clickhouse.client import Warehouse
from clickhouse.failures import QueryTooExpensive
from clickhouse.llm import span_analytics
from clickhouse.llm.filters import SpanFilter
from clickhouse.llm.span_analytics import analyse_spans
from clickhouse.migrate import read_migrations, statements
from schemas.projects import ProjectContext
from tests.integration.queries.conftest import store_spans
from tests.integration.queries.rows import (
    DAY_US,
    START_US,
    SpanRow,
    make_span,
    quantile,
    random_spans,
)

Client = TestClient[Litestar]
KEYS = (
    "spanId projectId sessionId parentSpanId timestamp durationMs source kind eventType status"
    " toolUseId toolName toolInput toolResponse error isInterrupt cwd model agentName metadata"
    " provider inputTokens outputTokens cacheReadTokens cacheWriteTokens reasoningTokens costCents"
    " computedCostCents reportedCostCents costSource priceSnapshot receivedAt"
    " traceId service convention apiKey"
)


@pytest.mark.parametrize("query", ["kind=thought", "status=ok", "limit=0"])
def test_a_bad_parameter_is_refused(client: Client, query: str) -> None:
    answer = client.get(f"/spans?{query}")

    assert answer.status_code == 400
    assert answer.json()["details"][0]["path"] == [query.partition("=")[0]]


def test_what_is_not_there_is_not_found(client: Client) -> None:
    assert client.get("/spans/none").json() == {"error": "Span not found"}
    answer = client.get("/sessions/none/spans")
    assert (answer.status_code, answer.json()) == (404, {"error": "Session not found"})


def test_a_span_has_every_key_and_its_json_as_json(
    client: Client, warehouse: Warehouse, project: ProjectContext
) -> None:
    fields = {"tool_input": '{"command":"ls"}', "tool_response": '"ok"', "is_interrupt": False}
    store_spans(warehouse, [make_span(project.project_id, "one", **fields)])

    row = client.get("/spans/one").json()

    assert set(row) == set(KEYS.split())
    assert (row["toolInput"], row["toolResponse"]) == ({"command": "ls"}, "ok")
    assert row["isInterrupt"] is False
    assert row["durationMs"] is None


@pytest.mark.parametrize("first", ["start", "end"])
def test_an_end_event_lasts_from_its_start_whichever_came_first(
    client: Client, warehouse: Warehouse, project: ProjectContext, first: str
) -> None:
    pair = {"pair_key": "use1"}
    start = make_span(project.project_id, "start", pair_role="start", **pair)
    end = make_span(
        project.project_id, "end", pair_role="end", timestamp_us=START_US + 1_234_567, **pair
    )
    for row in (start, end) if first == "start" else (end, start):
        store_spans(warehouse, [row])

    listed = client.get("/spans").json()["spans"]
    single = client.get("/spans/end").json()
    session = client.get("/sessions/s1/spans").json()["spans"]

    assert [row["durationMs"] for row in listed] == [1234.567, None]
    assert single["durationMs"] == 1234.567
    assert [row["durationMs"] for row in session] == [None, 1234.567]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"timestamp_us": START_US - 5_000_000}, None),
        ({}, 0),
        ({"timestamp_us": START_US + 5_000_000, "duration_ms": 7.5}, 7.5),
        ({"timestamp_us": START_US + 5_000_000, "session_id": "s2"}, None),
        ({"timestamp_us": START_US + 5_000_000, "pair_key": "use2"}, None),
        ({"timestamp_us": START_US + 5_000_000, "pair_role": ""}, None),
    ],
    ids=["before its start", "at once", "own duration", "other session", "other pair", "no end"],
)
def test_durations_of_odd_pairs(
    client: Client,
    warehouse: Warehouse,
    project: ProjectContext,
    changes: dict[str, Any],
    expected: float | None,
) -> None:
    pair = {"pair_key": "use1"}
    store_spans(warehouse, [make_span(project.project_id, "a", pair_role="start", **pair)])
    end = {"pair_role": "end", **pair, **changes}
    store_spans(warehouse, [make_span(project.project_id, "b", **end)])

    assert client.get("/spans/b").json()["durationMs"] == expected


@pytest.mark.parametrize("order", [(0, 1, 2, 3, 4, 5), (5, 3, 1, 4, 2, 0), (3, 2, 5, 4, 1, 0)])
def test_an_end_lasts_from_the_first_start_after_the_end_before(
    client: Client, warehouse: Warehouse, project: ProjectContext, order: tuple[int, ...]
) -> None:
    marks = ((0, "start"), (2, "end"), (10, "start"), (11, "start"), (15, "end"), (20, "end"))
    rows = [
        make_span(
            project.project_id,
            f"m{second:02d}",
            kind="session",
            pair_key="session",
            pair_role=role,
            timestamp_us=START_US + second * 1_000_000,
        )
        for second, role in marks
    ]
    for place in order:
        store_spans(warehouse, [rows[place]])

    session = client.get("/sessions/s1/spans").json()["spans"]
    day = "date_from=2025-06-01T00:00:00Z&date_to=2025-06-02T00:00:00Z"
    found = client.get(f"/analytics/spans?{day}").json()

    assert [row["durationMs"] for row in session] == [None, 2000, None, None, 5000, None]
    assert found["avgSessionDurationMs"] == 3500


@pytest.mark.parametrize("seed", range(2))
async def test_durations_are_what_plain_python_finds_for_marks_of_equal_moments_around_1970(
    client: Client, warehouse: Warehouse, project: ProjectContext, seed: int
) -> None:
    chance = random.Random(seed)
    rows = [
        make_span(
            project.project_id,
            f"m{number:03d}",
            pair_key=f"use{chance.randrange(12)}",
            pair_role=chance.choice(("start", "end")),
            tool_name="Bash",
            timestamp_us=chance.randrange(-30, 31) * 1000,
        )
        for number in range(250)
    ]
    store_spans(warehouse, rows[:100])
    store_spans(warehouse, rows[100:])
    wanted = SpanFilter(from_us=-(10**6), to_us=10**6)

    listed = client.get("/spans?limit=1000").json()["spans"]
    found = await analyse_spans(warehouse, project, wanted, period="hour")

    durations, calls = _durations(rows), _calls(rows, rows)
    lengths = [round(value * 10**6) for value in durations.values() if value is not None]
    assert len(lengths) > 20
    assert {row["spanId"]: row["durationMs"] for row in listed} == durations
    assert found.avg_duration_ms == _mean_ms(lengths)
    assert found.calls == len(calls)


def test_the_migration_marks_what_was_stored_before_it(
    client: Client, warehouse: Warehouse, project: ProjectContext
) -> None:
    pair = {"pair_key": "session", "kind": "session"}
    rows = [
        make_span(project.project_id, "a", pair_role="start", **pair),
        make_span(project.project_id, "b", pair_role="end", timestamp_us=START_US + 10**6, **pair),
        make_span(
            project.project_id,
            "c",
            pair_role="start",
            event_type="session_start",
            tags={"source": "compact"},
            timestamp_us=START_US + 2 * 10**6,
            **pair,
        ),
        make_span(
            project.project_id, "d", pair_role="end", timestamp_us=START_US + 3 * 10**6, **pair
        ),
    ]
    store_spans(warehouse, rows)
    values = {"project_id": project.project_id}
    forget = "DELETE FROM span_marks WHERE project_id = {project_id:String}"
    warehouse.command_now(forget, values, {})
    (file,) = (file for file in read_migrations() if file.name.endswith("_span_marks.sql"))
    (fill,) = (text for text in statements(file.text) if text.startswith("INSERT"))

    for _ in range(2):
        warehouse.command_now(fill, None, {})

    session = client.get("/sessions/s1/spans").json()["spans"]
    assert [row["durationMs"] for row in session] == [None, 1000, None, None]


def test_a_call_is_counted_once_and_where_it_ended(
    client: Client, warehouse: Warehouse, project: ProjectContext
) -> None:
    marks = (
        ("a", 0, "start", "success"),
        ("a", 7200, "end", "error"),
        ("b", 0, "start", "success"),
    )
    rows = [
        make_span(
            project.project_id,
            f"{key}{role}",
            pair_key=key,
            pair_role=role,
            status=status,
            tool_name="Bash",
            timestamp_us=START_US + second * 1_000_000,
        )
        for key, second, role, status in marks
    ]
    store_spans(warehouse, [*rows, make_span(project.project_id, "alone", tool_name="Bash")])

    def calls(first: int, last: int) -> tuple[float, ...]:
        hours = f"date_from=2025-06-01T{first:02d}:00:00Z&date_to=2025-06-01T{last:02d}:00:00Z"
        found = client.get(f"/analytics/spans?{hours}").json()
        (tool,) = found["topTools"]
        assert (tool["calls"], tool["errorRate"]) == (found["calls"], found["callErrorRate"])
        return found["toolCalls"], found["calls"], found["callErrorRate"]

    assert calls(0, 3) == (4, 3, pytest.approx(100 / 3))
    assert calls(0, 1) == (3, 2, 0)
    assert calls(1, 3) == (1, 1, 100)


def test_a_pair_of_another_project_measures_nothing(
    client: Client, warehouse: Warehouse, project: ProjectContext
) -> None:
    other = project.project_id + "-other"
    store_spans(warehouse, [make_span(other, "a", pair_key="k", pair_role="start")])
    store_spans(warehouse, [make_span(project.project_id, "b", pair_key="k", pair_role="end")])

    assert client.get("/spans/b").json()["durationMs"] is None


@pytest.mark.parametrize(
    ("query", "matches"),
    [
        ("kind=tool_use", lambda r: r.kind == "tool_use"),
        ("source=codex&status=error", lambda r: r.source == "codex" and r.status == "error"),
        ("tool_name=Bash", lambda r: r.tool_name == "Bash"),
        ("session_id=s4", lambda r: r.session_id == "s4"),
        ("date_to=2025-06-01", lambda r: r.timestamp_us < START_US + DAY_US),
    ],
)
def test_each_filter_gives_its_rows_and_their_count(
    client: Client, warehouse: Warehouse, project: ProjectContext, query: str, matches: Any
) -> None:
    rows = random_spans(project.project_id, 1, 200)
    store_spans(warehouse, rows)

    found = client.get(f"/spans?limit=1000&{query}").json()

    expected = sorted(((r.timestamp_us, r.span_id) for r in rows if matches(r)), reverse=True)
    assert [row["spanId"] for row in found["spans"]] == [span_id for _, span_id in expected]
    assert found["total"] == len(expected)
    durations = _durations(rows)
    assert [row["durationMs"] for row in found["spans"]] == [durations[i] for _, i in expected]


@pytest.mark.parametrize("seed", range(6))
async def test_span_analytics_are_what_plain_python_counts(
    warehouse: Warehouse, project: ProjectContext, seed: int
) -> None:
    chance = random.Random(seed)
    rows = random_spans(project.project_id, seed, 400)
    for start in range(0, len(rows), 100):
        store_spans(warehouse, rows[start : start + 100], f"{project.project_id}-{start}")
    store_spans(warehouse, rows[:100], f"{project.project_id}-0")
    first = START_US + chance.randrange(DAY_US)
    last = first + chance.choice((0, 10**9, DAY_US, 5 * DAY_US))
    wanted = SpanFilter(from_us=first, to_us=last)

    found = await analyse_spans(warehouse, project, wanted, period="hour")

    mine = [row for row in rows if first <= row.timestamp_us <= last]
    durations = {k: round(v * 10**6) for k, v in _durations(rows).items() if v is not None}
    lengths = [durations[row.span_id] for row in mine if row.span_id in durations]
    sessions = [
        durations[r.span_id] for r in mine if r.kind == "session" and r.span_id in durations
    ]
    model = [row for row in mine if row.kind == "llm_response"]
    tools = Counter(row.tool_name for row in mine if row.tool_name)
    assert found == await analyse_spans(warehouse, project, wanted, period="hour", base_only=True)
    assert found.total_spans == len(mine)
    assert found.agent_runs == sum(row.kind == "agent_run" for row in mine)
    assert found.avg_duration_ms == _mean_ms(lengths)
    assert found.avg_session_duration_ms == _mean_ms(sessions)
    assert {(item.kind, item.count) for item in found.spans_by_kind} == set(
        Counter(row.kind for row in mine).items()
    )
    assert {(item.source, item.count) for item in found.spans_by_source} == set(
        Counter(row.source for row in mine).items()
    )
    assert {(item.name, item.count) for item in found.top_tools} == set(tools.items())
    assert sum(item.count for item in found.spans_over_time) == len(mine)
    assert found.tokens.total == sum((r.input_tokens or 0) + (r.output_tokens or 0) for r in model)
    assert found.costs.computed_cents == sum(r.computed_cost_pico or 0 for r in model) / 10**10
    assert found.costs.reported_cents == sum(r.reported_cost_pico or 0 for r in model) / 10**10
    costs = [
        r.computed_cost_pico if r.reported_cost_pico is None else r.reported_cost_pico
        for r in model
    ]
    assert found.cost_cents == sum(cost or 0 for cost in costs) / 10**10
    assert found.unpriced_requests == costs.count(None)
    assert found.success_rate == (
        sum(row.status != "error" for row in mine) * 100 / len(mine) if mine else 0
    )
    if lengths:
        for name, share in (("p50", 0.5), ("p90", 0.9), ("p99", 0.99)):
            exact = quantile(lengths, share) / 10**6
            assert getattr(found.durations, name) == pytest.approx(exact, rel=1e-6, abs=1e-6)
    calls = _calls(mine, rows)
    assert found.calls == len(calls)
    assert found.call_error_rate == pytest.approx(sum(calls) * 100 / len(calls) if calls else 0)


async def test_more_periods_than_the_bound_are_refused_and_never_cut(
    warehouse: Warehouse, project: ProjectContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    store_spans(warehouse, random_spans(project.project_id, 1, 200))
    wanted = SpanFilter(from_us=START_US, to_us=START_US + 3 * DAY_US)
    monkeypatch.setattr(span_analytics, "MOST_ROWS", 30)

    found = await analyse_spans(warehouse, project, wanted, period="day")

    assert len(found.spans_over_time) == 3
    with pytest.raises(QueryTooExpensive):
        await analyse_spans(warehouse, project, wanted, period="hour")


def test_span_analytics_need_a_range_and_know_two_periods(client: Client) -> None:
    missing = client.get("/analytics/spans?date_from=2025-06-01T00:00:00Z")
    unknown = client.get(
        "/analytics/spans?date_from=2025-06-01T00:00:00Z&date_to=2025-06-02T00:00:00Z&group_by=model"
    )

    assert (missing.status_code, unknown.status_code) == (400, 400)
    assert unknown.json()["details"][0]["path"] == ["group_by"]


def _durations(rows: list[SpanRow]) -> dict[str, float | None]:
    found: dict[str, float | None] = {row.span_id: row.duration_ms for row in rows}
    for pair in _pairs(rows):
        started: int | None = None
        ended: int | None = None
        for row in pair:
            if row.pair_role == "start":
                if started is None or (ended is not None and started <= ended):
                    started = row.timestamp_us
                    ended = None
            else:
                if ended not in (None, row.timestamp_us):
                    started = None
                ended = row.timestamp_us
                if row.duration_ms is None and started is not None:
                    found[row.span_id] = (ended - started) / 1000
    return found


def _calls(mine: list[SpanRow], rows: list[SpanRow]) -> list[bool]:
    """Returns a call each, whether it failed: where it ended, or last began without an end."""
    tools = [row for row in mine if row.kind == "tool_use"]
    calls = [row.status == "error" for row in tools if row.pair_role != "start"]
    last = {id(pair[-1]) for pair in _pairs(rows) if pair[-1].pair_role == "start"}
    return calls + [False for row in tools if id(row) in last]


def _pairs(rows: list[SpanRow]) -> list[list[SpanRow]]:
    """Returns the spans of each pair, in the order of time, a start before an end."""
    pairs: dict[tuple[str, str], list[SpanRow]] = defaultdict(list)
    for row in rows:
        if row.pair_role:
            pairs[row.session_id, row.pair_key].append(row)
    return [
        sorted(pair, key=lambda row: (row.timestamp_us, row.pair_role == "end"))
        for pair in pairs.values()
    ]


def _mean_ms(lengths_ns: list[int]) -> float:
    return sum(lengths_ns) / (len(lengths_ns) * 10**6) if lengths_ns else 0
