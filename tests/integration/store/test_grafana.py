"""The dashboards of grafana/: every statement runs on the store as migrations make it.

And the server's own settings in deploy/clickhouse, which the engine must know.
"""

import asyncio
import json
import random
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from xml.etree import ElementTree
from zoneinfo import ZoneInfo

import pytest

from clickhouse.client import Warehouse
from clickhouse.deployments import DeploymentCopy, write_deployments
from clickhouse.failures import StatementRefused
from clickhouse.projects import ListedProject, write_projects
from clickhouse.uptime_days import UptimeDay, write_uptime_days
from grafana.boards import ROOT, Query, queries, query_of
from grafana.plugin import Value, View, expand
from schemas.projects import ProjectContext, ProjectId
from schemas.rows import OutcomeRow
from tests.integration.queries.conftest import store_outcomes, store_spans, store_traces
from tests.integration.queries.rows import HOUR_US, START_US, TraceRow, make_span, make_trace
from tests.integration.queries.score_rows import make_score, store_scores
from tests.integration.queries.test_beside_errors import store as store_envelope
from tests.integration.store.failures import store_failures
from tests.integration.uptime.stored import store_checks

SERVER = ROOT / "deploy" / "clickhouse"
START_MS = START_US // 1000
MINUTE_MS, HOUR_MS, DAY_MS = 60_000, 3_600_000, 86_400_000
HOSTILE = (
    "it's",
    "back\\",
    "\\' OR 1=1 --",
    "${__from} $__fromTime $__conditionalAll(1, $user)",
    'a "b" `c`',
    "Doe, John",
    "{a,b}",
    "100%+ (x)",
    "日本",
    "$$",
)


class Demo(NamedTuple):
    """Two projects: in one the reported cost counts, in the other the computed one."""

    reported: str
    computed: str
    calls: list[TraceRow]

    def view(self, from_ms: int, to_ms: int, zone: str = "utc", **chosen: Value) -> View:
        return View(from_ms, to_ms, zone, {"project": [self.reported, self.computed]} | chosen)

    def within(self, view: View) -> list[TraceRow]:
        return [
            call for call in self.calls if view.from_ms <= call.timestamp_us / 1000 <= view.to_ms
        ]


async def make_demo(warehouse: Warehouse) -> Demo:
    demo = Demo(uuid.uuid4().hex, uuid.uuid4().hex, [])
    names = ("Shop", "cost", "UTC"), ("Search", "cost", "UTC")
    await write_projects(
        warehouse,
        [
            ListedProject(ProjectId(demo.reported), names[0][0], "reported", "UTC"),
            ListedProject(ProjectId(demo.computed), names[1][0], "computed", "UTC"),
        ],
    )
    chance = random.Random(4711)
    # Some in each hour of three days, at the edges of hours too.
    for number in range(400):
        at = START_US + chance.randrange(72) * HOUR_US
        at += chance.choice((0, 1, HOUR_US - 1, chance.randrange(HOUR_US)))
        project = chance.choice((demo.reported, demo.computed))
        demo.calls.append(make_call(project, number, at // 1000 * 1000))
    store_traces(warehouse, demo.calls)
    store_agents(warehouse, demo.reported)
    store_failures(warehouse, demo.reported)
    store_session(warehouse, demo.reported)
    given = {"data_type": "boolean", "name": "thumbs", "value": 1.0, "text": "true"}
    store_scores(warehouse, demo.reported, [make_score("one"), make_score("two", **given)])
    store_quality(warehouse, demo)
    await store_monitor(warehouse, demo.reported)
    return demo


def store_quality(warehouse: Warehouse, demo: Demo) -> None:
    """What judges say of calls that used a prompt, and of those of a run."""
    mine = [call for call in demo.calls if call.project_id == demo.reported]
    tried = [call for call in mine if call.tags][:20]
    rows = [
        make_score(f"judge-{number}", name="kind", trace_id=call.trace_id, value=0.25)
        for number, call in enumerate([*tried, *mine[:20]])
    ]
    store_scores(warehouse, demo.reported, rows)


def make_call(project: str, number: int, at_us: int) -> TraceRow:
    return make_trace(
        project,
        f"t{number}",
        session_id=f"s{number % 7}",
        timestamp_us=at_us,
        status="error" if number % 5 == 0 else "success",
        error="boom" if number % 5 == 0 else "",
        computed_cost_pico=1_500_000_000_000,
        reported_cost_pico=2_000_000_000_000,
        price_id="old" if at_us < START_US + 30 * HOUR_US else "new",
        environment="sluice-judge" if number % 13 == 0 else ("production", "staging")[number % 2],
        api_key="one's",
        prompt=("auto:abc", "it's-a-prompt\\")[number % 2],
        prompt_version=str(number % 3),
        tags=tags_of(number),
        user_id=HOSTILE[number % len(HOSTILE)],
        model_requested=("gpt-4o", "it's-a-model\\")[number % 3 == 0],
    )


def tags_of(number: int) -> dict[str, str]:
    """Of some calls: a question of a judge, or a try of an item."""
    if number % 13 == 0:
        return {"judge.name": "it's"}
    if number % 4:
        return {}
    run = f"run-{number % 3}"
    return {f"experiment.{key}": one for key, one in
            (("dataset", "questions"), ("run", run), ("item", f"item-{number % 7}"))}  # fmt: skip


def store_agents(warehouse: Warehouse, project: str) -> None:
    tool = {"pair_key": "use1", "tool_name": "Bash"}
    later = {"timestamp_us": START_US + 250_000}
    spans = [
        make_span(project, "s1", pair_role="start", **tool),
        make_span(project, "s2", pair_role="end", **tool, **later),
    ]
    store_spans(warehouse, spans)
    now_us = int(datetime.now(UTC).timestamp()) * 1_000_000
    counts = (("received", 3), ("accepted", 2), ("dead", 1))
    rows = [make_outcome(project, "trace", outcome, START_US, count) for outcome, count in counts]
    waiting = make_outcome(project, "span", "received", now_us - 600_000_000, 1)
    store_outcomes(warehouse, [*rows, waiting])
    fresh = {"timestamp_us": now_us, "received_at_us": now_us}
    store_traces(warehouse, [make_trace(project, "fresh", **fresh)])


def store_session(warehouse: Warehouse, project: str) -> None:
    update = {
        "sid": str(uuid.uuid4()),
        "seq": 1,
        "started": START_US / 1e6,
        "status": "exited",
        "attrs": {"release": "shop@1.0.0", "environment": "production"},
    }
    session = {"type": "session"}, json.dumps(update).encode()
    context = ProjectContext(ProjectId(project))
    store_envelope(warehouse, context, session, at_us=START_US + 250_000)


async def store_monitor(warehouse: Warehouse, project: str) -> None:
    """One that was down once on each of three days, and is there today."""
    first, hour_us = datetime.fromtimestamp(START_MS / 1000, UTC).date(), 3_600_000_000
    numbers = (22 * hour_us, 0, hour_us, hour_us, 0, 0, 0, 0, 1)
    days = [*(first + timedelta(days=number) for number in range(3)), datetime.now(UTC).date()]
    await write_uptime_days(
        warehouse,
        [
            UptimeDay(project, "mon_aaaaaaaa", day, "it's", "down", 999_000, *numbers)
            for day in days
        ],
    )
    own = (project, str(uuid.uuid4()), "production", "deploy", "webhook")
    begun_us = START_US + 600_000_000
    moments = (START_US + 540_000_000, begun_us, begun_us + 42_000_000, None)
    await write_deployments(warehouse, [DeploymentCopy(*own, "running", "", "c" * 40, *moments)])
    await store_checks(
        warehouse,
        project,
        "mon_aaaaaaaa",
        first_us=START_US,
        step_us=600_000_000,
        count=144,
        outcomes=["ok", "degraded", "fail"],
    )


def make_outcome(project: str, kind: str, outcome: str, minute_us: int, count: int) -> OutcomeRow:
    return OutcomeRow(
        project_id=ProjectId(project),
        kind=kind,
        outcome=outcome,
        reason="",
        minute_us=minute_us,
        count=count,
    )


@pytest.fixture(scope="module")
def demo(warehouse: Warehouse) -> Demo:
    return asyncio.run(make_demo(warehouse))


WHOLE = (START_MS, START_MS + 3 * DAY_MS)
RAGGED = (START_MS + 17 * MINUTE_MS + 123, START_MS + 40 * HOUR_MS + 1_234_567)
SHORT = (START_MS + 50 * MINUTE_MS, START_MS + 3 * HOUR_MS + 1)
MINUTES = (START_MS, START_MS + HOUR_MS)
MONTH = (START_MS - 20 * DAY_MS + 1, START_MS + 2 * DAY_MS + 5)
RANGES = (WHOLE, RAGGED, SHORT, MINUTES, MONTH)


def ask(warehouse: Warehouse, name: str, view: View) -> Sequence[Sequence[Any]]:
    return warehouse.query_now(expand(query_of(name).sql, view), None, {}).rows


def value(warehouse: Warehouse, name: str, view: View) -> Any:
    [row] = ask(warehouse, name, view)
    return row[0]


@pytest.mark.parametrize("query", queries(), ids=lambda query: query.name)
def test_every_statement_finds_what_the_chosen_projects_have(
    warehouse: Warehouse, demo: Demo, query: Query
) -> None:
    answer = warehouse.query_now(expand(query.sql, demo.view(*WHOLE)), None, {})

    assert answer.rows
    if query.kind == "timeseries":
        times = [row[0] for row in answer.rows]
        assert answer.columns[0] == "time"
        assert times == sorted(times)


@pytest.mark.slow
@pytest.mark.parametrize("query", queries(), ids=lambda query: query.name)
def test_every_statement_runs_with_values_chosen_and_with_all(
    warehouse: Warehouse, demo: Demo, query: Query
) -> None:
    one = {"model": "gpt-4o", "environment": ["staging"], "user": [*HOSTILE], "source": ["x"]}
    one |= {"release": "it%27s"}
    nothing = dict.fromkeys(one, "")

    for view in (
        View(*SHORT, "utc", {**one, "project": demo.reported}),
        View(*MONTH, "Asia/Kolkata", {**one, "project": "$__all", "cost": "computed"}),
        View(*MONTH, "Europe/Berlin", {**nothing, "project": []}),
    ):
        warehouse.query_now(expand(query.sql, view), None, {})


@pytest.mark.parametrize("query", queries(), ids=lambda query: query.name)
def test_every_statement_is_bounded_in_rows(query: Query) -> None:
    assert "LIMIT " in query.sql or query.kind == "stat"


@pytest.mark.parametrize(("first", "last"), RANGES)
@pytest.mark.parametrize("user", ["$__all", ["it%27s", "Doe%2C%20John"]])
def test_sums_are_of_the_calls_in_the_range_and_of_no_other(
    warehouse: Warehouse, demo: Demo, first: int, last: int, user: Value
) -> None:
    view = demo.view(first, last, user=user)
    calls = [
        call
        for call in demo.within(view)
        if user == "$__all" or call.user_id in ("it's", "Doe, John")
    ]

    assert value(warehouse, "traces: Calls", view) == len(calls)
    assert value(warehouse, "traces: Sessions", view) == len({call.session_id for call in calls})
    by_status = ask(warehouse, "traces: Calls by status", view)
    assert sum(row[2] for row in by_status) == len(calls)
    costs = {demo.reported: 2.0, demo.computed: 1.5}
    cost = sum(costs[call.project_id] for call in calls)
    assert value(warehouse, "traces: Cost", view) == pytest.approx(cost)
    users = ask(warehouse, "traces: Users", view)
    assert sum(row[1] for row in users) == len(calls)
    models = ask(warehouse, "traces: Models", view)
    assert sum(row[2] for row in models) == len(calls)
    assert sum(row[7] for row in models) == pytest.approx(cost)
    assert [row[4] for row in models] == pytest.approx([1.2] * len(models), rel=0.01)


@pytest.mark.parametrize(("cost", "one"), [("reported", 2.0), ("computed", 1.5)])
def test_a_reader_may_choose_the_cost_that_counts_in_all_projects(
    warehouse: Warehouse, demo: Demo, cost: str, one: float
) -> None:
    view = demo.view(*RAGGED, cost=cost)

    assert value(warehouse, "traces: Cost", view) == pytest.approx(one * len(demo.within(view)))


@pytest.mark.parametrize("zone", ["utc", "Europe/Berlin", "Asia/Kolkata", "America/St_Johns"])
def test_days_are_those_of_the_readers_time_zone(
    warehouse: Warehouse, demo: Demo, zone: str
) -> None:
    view = demo.view(*MONTH, zone)
    local = ZoneInfo("UTC" if zone == "utc" else zone)
    days: dict[datetime, int] = {}
    for call in demo.within(view):
        at = datetime.fromtimestamp(call.timestamp_us / 1e6, local)
        day = at.replace(hour=0, minute=0, second=0, microsecond=0)
        days[day] = days.get(day, 0) + 1

    counted: dict[datetime, int] = {}
    for time, _, calls in ask(warehouse, "traces: Calls by status", view):
        counted[time] = counted.get(time, 0) + calls

    assert counted == days


@pytest.mark.parametrize("user", HOSTILE)
def test_a_chosen_value_is_that_value_whatever_is_in_it(
    warehouse: Warehouse, demo: Demo, user: str
) -> None:
    view = demo.view(*WHOLE)
    [chosen] = [row[0] for row in ask(warehouse, "traces: $user", view) if row[1] == user]
    mine = [call for call in demo.within(view) if call.user_id == user]

    for picked in (chosen, [chosen, "nobody"]):
        picked_view = demo.view(*WHOLE, user=picked)
        assert value(warehouse, "traces: Calls", picked_view) == len(mine)


@pytest.mark.parametrize("written", ["') OR 1=1 --", "\\", "\\') OR 1=1 --", "${__from}", "{,}"])
@pytest.mark.parametrize("name", ["project", "model", "environment", "user"])
def test_what_is_written_into_the_address_finds_nothing_more(
    warehouse: Warehouse, demo: Demo, name: str, written: str
) -> None:
    view = demo.view(*WHOLE, **{name: written})

    assert value(warehouse, "traces: Calls", view) == 0


@pytest.mark.parametrize("written", ["' OR 1=1 --", "\\", "UTC'"])
def test_a_time_zone_or_cost_that_is_none_changes_no_statement(
    warehouse: Warehouse, demo: Demo, written: str
) -> None:
    query = expand(query_of("traces: Calls by status").sql, demo.view(*WHOLE, written))

    with pytest.raises(StatementRefused, match="time ?zone"):
        warehouse.query_now(query, None, {})
    view = demo.view(*WHOLE)
    odd = demo.view(*WHOLE, cost=written)
    assert value(warehouse, "traces: Cost", odd) == value(warehouse, "traces: Cost", view)


def test_projects_are_chosen_by_name(warehouse: Warehouse, demo: Demo) -> None:
    listed = dict(ask(warehouse, "traces: $project", demo.view(*WHOLE)))  # type: ignore[arg-type]

    # Other tests may have projects of these names: then a part of the id tells them from ours.
    assert listed[demo.reported] in ("Shop", f"Shop ({demo.reported[:8]})")
    assert listed[demo.computed] in ("Search", f"Search ({demo.computed[:8]})")
    names = [row[0] for row in ask(warehouse, "traces: Latest errors", demo.view(*WHOLE))]
    assert names


def test_times_are_shown_in_seconds(warehouse: Warehouse, demo: Demo) -> None:
    view = demo.view(*WHOLE)
    latency = ask(warehouse, "traces: Latency", view)
    [(tool, calls, errors, p50, p95)] = ask(warehouse, "spans: Tools", view)

    assert [share for row in latency for share in row[1:]] == pytest.approx(
        [1.2] * 3 * len(latency), rel=0.01
    )
    assert (tool, calls, errors) == ("Bash", 1, 0)
    assert (p50, p95) == pytest.approx((0.25, 0.25))


def test_a_pair_that_begins_again_is_another_call_and_a_pair_of_another_project_is_its_own(
    warehouse: Warehouse,
) -> None:
    mine, others = uuid.uuid4().hex, uuid.uuid4().hex
    pair = {"pair_key": "toolu_0", "tool_name": "Bash", "session_id": "one"}
    moments = (("start", 0.0), ("end", 0.25), ("start", 1.0), ("end", 2.0), ("start", 5.0))
    spans = [
        make_span(
            project, f"s{n}", pair_role=role, timestamp_us=START_US + int((at + late) * 1e6), **pair
        )
        for project, late in ((mine, 0.0), (others, 0.1))
        for n, (role, at) in enumerate(moments)
    ]
    store_spans(warehouse, spans)

    for projects, calls in (([mine], 3), ([mine, others], 6)):
        view = View(*WHOLE, "utc", {"project": projects})
        [(tool, counted, errors, p50, p95)] = ask(warehouse, "spans: Tools", view)
        assert (tool, counted, errors) == ("Bash", calls, 0)
        expected = (0.625, 0.9625) if calls == 3 else (0.625, 1.0)
        assert (p50, p95) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("spans: Events", 2),
        ("spans: Sessions", 1),
        ("operations: Received", 3),
        ("operations: Without outcome", 0),
        ("operations: Dead letters", 1),
        ("operations: Rejected", 0),
    ],
)
def test_a_number_is_what_is_stored(
    warehouse: Warehouse, demo: Demo, name: str, shown: float
) -> None:
    assert value(warehouse, name, demo.view(*WHOLE)) == shown


def test_lag_is_the_age_of_the_oldest_item_without_outcome(
    warehouse: Warehouse, demo: Demo
) -> None:
    late = value(warehouse, "operations: Lag", demo.view(*WHOLE))
    none = value(warehouse, "operations: Lag", demo.view(*WHOLE, project=demo.computed))

    assert 500 < late < 900
    assert none == 0


def test_a_change_of_prices_is_marked_where_it_happened(warehouse: Warehouse, demo: Demo) -> None:
    marks = ask(warehouse, "traces: marks of Price changes", demo.view(*WHOLE))
    changed = datetime.fromtimestamp((START_US + 30 * HOUR_US) / 1e6, UTC)

    assert len(marks) == 2  # one a model
    for time, title, text in marks:
        assert changed <= time
        assert title == "Price"
        assert "is priced by new from here on" in text


@pytest.mark.parametrize(
    ("file", "path", "known"),
    [
        ("config.xml", ".", "system.server_settings"),
        ("config.xml", "merge_tree", "system.merge_tree_settings"),
        ("users.xml", "profiles/dashboards", "system.settings"),
    ],
)
def test_every_setting_of_the_server_is_one_that_the_engine_knows(
    warehouse: Warehouse, file: str, path: str, known: str
) -> None:
    section = ElementTree.parse(SERVER / file).find(path)
    assert section is not None
    # What has parts of its own is a section: of logs, of bounds, of users.
    named = {one.tag for one in section if not len(one) and "remove" not in one.attrib}

    rows = warehouse.query_now(f"SELECT name FROM {known}", None, {}).rows

    assert named
    assert named - {row[0] for row in rows} == set()
