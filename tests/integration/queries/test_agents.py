"""Sessions, events and tools of agents: by hand-worked values, in pages, for one project alone."""

from typing import Any

import pytest
from msgspec.structs import replace

from api.pages.llm.agents.session import figures_of
from api.pages.llm.agents.timeline import steps_of
from clickhouse.client import Warehouse
from clickhouse.llm.agent_events import list_events
from clickhouse.llm.agent_filters import AgentFilter, Named
from clickhouse.llm.agent_sessions import (
    ORDERS,
    AgentSession,
    Order,
    find_sessions,
    read_sessions,
    values_of,
)
from clickhouse.llm.agent_tools import ToolFigures, list_tools, list_uses, tools_beside
from clickhouse.llm.filters import TraceFilter
from clickhouse.llm.trace_lines import list_lines
from schemas.projects import ProjectContext, ProjectId
from tests.integration.queries.conftest import store_spans, store_traces
from tests.integration.queries.rows import (
    DAY_US,
    HOUR_US,
    START_US,
    SpanRow,
    make_span,
    make_trace,
)

SECOND_US = 1_000_000
RANGE = AgentFilter(from_us=START_US, to_us=START_US + DAY_US - 1)
PICO = 10**12


class Maker:
    """Makes the events of one session, with ids that say which."""

    def __init__(self, project: ProjectContext, session_id: str, **same: Any) -> None:
        self.project, self.session_id, self.same = project, session_id, same
        self.rows: list[SpanRow] = []

    def event(self, at_s: float, kind: str, **more: Any) -> "Maker":
        fields = {"session_id": self.session_id, "kind": kind, "event_type": kind, **self.same}
        at_us = START_US + round(at_s * SECOND_US)
        name = f"{self.session_id}-{len(self.rows)}"
        row = make_span(self.project.project_id, name, timestamp_us=at_us, **{**fields, **more})
        self.rows.append(row)
        return self

    def use(self, key: str, start_s: float, end_s: float | None, tool: str, **end: Any) -> "Maker":
        same = {"pair_key": f"tool:{key}", "tool_name": tool}
        self.event(start_s, "tool_use", pair_role="start", **same)
        if end_s is not None:
            self.event(end_s, "tool_use", pair_role="end", **same, **end)
        return self


@pytest.fixture
def busy(warehouse: Warehouse, project: ProjectContext) -> ProjectContext:
    """Two sessions whose numbers are worked out by hand, and a project with the same ids."""
    session = {"pair_key": "session"}
    agent = {"pair_key": "agent:x", "agent_name": "explorer"}
    busy = (
        Maker(project, "busy", source="claude_code", cwd="/home/ada/shop")
        .event(0, "session", pair_role="start", **session)
        .event(10, "user_prompt", metadata='{"prompt":"Fix the cart"}')
        .event(15, "llm_response", model="opus", input_tokens=100, output_tokens=20,
               computed_cost_pico=PICO // 2)
        .use("1", 20, 50, "Bash", status="error", error='{"message":"exit 1"}')
        .event(22, "notification", metadata='{"message":"May I?"}')
        .event(51, "agent_run", pair_role="start", **agent)
        .use("1", 52, 53, "Read")
        .event(60, "agent_run", pair_role="end", **agent)
        .event(100, "user_prompt", metadata='{"prompt":"Go on"}')
        .event(101, "llm_response", model="house", input_tokens=7)
        .use("2", 110, None, "Bash")
        .event(200, "session", pair_role="end", **session)
    )  # fmt: skip
    calm = Maker(project, "calm", source="codex").use("1", 300, 310, "Bash", duration_ms=500.0)
    other = ProjectContext(ProjectId(f"not-{project.project_id}"))
    others = Maker(other, "busy", source="codex").use("9", 5, 6, "Secret")
    store_spans(warehouse, [*busy.rows, *calm.rows, *others.rows])
    calls = {"session_id": "busy", "input_tokens": 5, "output_tokens": 2}
    store_traces(
        warehouse,
        [
            make_trace(project.project_id, "t1", **calls, computed_cost_pico=PICO // 4),
            make_trace(project.project_id, "t2", **calls, status="error"),
            make_trace(other.project_id, "t1", **calls, computed_cost_pico=9 * PICO),
            make_trace(project.project_id, "t3", session_id="no agent", computed_cost_pico=PICO),
        ],
    )
    return project


async def figures(
    warehouse: Warehouse, project: ProjectContext, wanted: AgentFilter = RANGE
) -> dict[str, AgentSession]:
    found = await find_sessions(warehouse, project, wanted, order="latest", limit=50)
    ids = [one.session_id for one in found]
    return {one.session_id: one for one in await read_sessions(warehouse, project, wanted, ids)}


async def test_a_session_has_the_figures_of_its_events_and_calls(
    warehouse: Warehouse, busy: ProjectContext
) -> None:
    found = await figures(warehouse, busy)
    one, calm = found["busy"], found["calm"]

    assert set(found) == {"busy", "calm"}
    assert (one.agent, one.directory, one.prompt) == (
        "claude_code",
        "/home/ada/shop",
        "Fix the cart",
    )
    assert (one.first_us - START_US, one.length_us) == (0, 200 * SECOND_US)
    # Tools: Bash, Read by the id of before, and a Bash that is open.
    assert (one.events, one.prompts, one.tools, one.subagents) == (14, 2, 3, 1)
    assert (one.failures, one.is_over, calm.is_over) == (1, True, False)
    # Before the prompts 10 s and 40 s, after the notification 28 s.
    assert (one.waiting_us, calm.waiting_us) == (78 * SECOND_US, 0)
    assert one.tokens == 120 + 7 + 14
    assert (one.cost_cents, one.answers, one.unpriced) == (75, 2, 1)
    assert (one.calls.made, one.calls.failed, one.calls.unpriced) == (2, 1, 1)
    assert (one.models, one.calls.models) == (["house", "opus"], ["gpt-4o"])
    assert calm.cost_cents is None


async def test_the_page_of_a_session_says_the_same_as_the_list(
    warehouse: Warehouse, busy: ProjectContext
) -> None:
    one = (await figures(warehouse, busy))["busy"]
    events = await list_events(warehouse, busy, "busy")
    calls = await list_lines(warehouse, busy, TraceFilter(session_id="busy"), limit=9, way="newer")
    shown = figures_of(events, steps_of(events, calls))

    assert (shown.prompts, shown.tools, shown.subagents) == (one.prompts, one.tools, one.subagents)
    assert (shown.failures, shown.waiting_us) == (one.failures + one.calls.failed, one.waiting_us)
    assert (shown.tokens, shown.cost_cents) == (one.tokens, one.cost_cents)
    assert shown.unpriced == one.unpriced + one.calls.unpriced
    assert [event.said for event in events if event.kind == "user_prompt"] == [
        "Fix the cart",
        "Go on",
    ]


NARROWED = (
    ([Named("agent", "codex")], ["calm"]),
    ([Named("agent", "codex", is_negated=True)], ["busy"]),
    ([Named("tool", "Read")], ["busy"]),
    ([Named("tool", "Read"), Named("agent", "codex")], []),
    ([Named("status", "error", is_negated=True)], ["calm"]),
    ([Named("cwd", "/home/ada/shop"), Named("model", "opus")], ["busy"]),
    ([Named("subagent", "explorer")], ["busy"]),
    ([Named("tool", "' OR 1=1 --")], []),
    ([], ["busy", "calm"]),
)


@pytest.mark.parametrize("order", ORDERS)
async def test_a_condition_narrows_to_sessions_with_an_event_that_fits(
    warehouse: Warehouse, busy: ProjectContext, order: Order
) -> None:
    for named, sessions in NARROWED:
        wanted = replace(RANGE, named=tuple(named))
        found = await find_sessions(warehouse, busy, wanted, order=order, limit=9)

        assert sorted(one.session_id for one in found) == sessions, named


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("latest", ["s4", "s3", "s2", "s1", "s0"]),
        ("longest", ["s0", "s1", "s2", "s3", "s4"]),
        ("cost", ["s2", "s4", "s3", "s1", "s0"]),
        ("failures", ["s1", "s4", "s3", "s2", "s0"]),
    ],
)
async def test_pages_of_every_order_follow_each_other_without_a_gap(
    warehouse: Warehouse, project: ProjectContext, order: Order, expected: list[str]
) -> None:
    for number in range(5):
        made = Maker(project, f"s{number}", source="codex").event(number, "session")
        cost = PICO if number == 2 else None
        made.event(100 + number / 2, "llm_response", model="m", computed_cost_pico=cost)
        if number == 1:
            made.event(50, "tool_use", status="error")
        store_spans(warehouse, made.rows)
    seen: list[str] = []
    beyond = None
    while len(seen) < 9:
        found = await find_sessions(warehouse, project, RANGE, order=order, limit=2, beyond=beyond)
        if not found:
            break
        seen += [one.session_id for one in found]
        beyond = found[-1].place

    assert seen == expected


async def test_only_events_within_the_range_count(
    warehouse: Warehouse, project: ProjectContext
) -> None:
    made = Maker(project, "long", source="codex")
    made.event(-1, "user_prompt").event(0, "user_prompt").event(86_400, "user_prompt")
    store_spans(warehouse, made.rows)

    one = (await figures(warehouse, project))["long"]

    assert (one.prompts, one.length_us) == (1, 0)


async def test_values_are_suggested_with_the_sessions_that_have_them(
    warehouse: Warehouse, busy: ProjectContext
) -> None:
    assert await values_of(warehouse, busy, RANGE, "tool", "") == [("Bash", 2), ("Read", 1)]
    assert await values_of(warehouse, busy, RANGE, "cwd", "ADA") == [("/home/ada/shop", 1)]


async def test_tools_count_a_use_once_and_measure_it_from_its_start(
    warehouse: Warehouse, busy: ProjectContext
) -> None:
    bash, read = await list_tools(warehouse, busy, RANGE)

    # 30 s between start and end, and 0.5 s as the sender says; the third is open.
    assert bash == ToolFigures(
        tool="Bash", uses=3, still_open=1, failed=1, measured=2, total_ms=30_500.0,
        p50_ms=15_250, p95_ms=28_525,
    )  # fmt: skip
    assert (read.tool, read.uses, read.total_ms) == ("Read", 1, 1_000.0)
    codex = replace(RANGE, named=(Named("agent", "codex"),))
    assert [one.uses for one in await list_tools(warehouse, busy, codex)] == [1]
    none = replace(RANGE, named=(Named("tool", "Bash", is_negated=True),))
    assert [one.tool for one in await list_tools(warehouse, busy, none)] == ["Read"]


async def test_tools_are_compared_by_bucket_and_with_the_time_before(
    warehouse: Warehouse, busy: ProjectContext
) -> None:
    later = AgentFilter(from_us=START_US + 100 * SECOND_US, to_us=START_US + 2 * HOUR_US)
    first = AgentFilter(from_us=START_US, to_us=START_US + 100 * SECOND_US - 1)

    beside = await tools_beside(warehouse, busy, later, first, period="hour")

    assert beside.cells == {"Bash": {START_US: 1}}
    assert beside.before == {"Bash": (1, 1), "Read": (1, 0)}


async def test_single_uses_are_listed_slowest_failed_or_latest_first(
    warehouse: Warehouse, busy: ProjectContext
) -> None:
    slowest = await list_uses(warehouse, busy, RANGE, "Bash", order="slowest", limit=9)
    failed = await list_uses(warehouse, busy, RANGE, "Bash", order="failed", limit=9)
    latest = await list_uses(warehouse, busy, RANGE, "Bash", order="latest", limit=9)

    assert [one.duration_ms for one in slowest] == [30_000.0, 500.0]
    assert [(one.session_id, one.error) for one in failed] == [("busy", '{"message":"exit 1"}')]
    assert [(one.session_id, one.is_open) for one in latest] == [
        ("calm", False),
        ("busy", True),
        ("busy", False),
    ]
    assert await list_uses(warehouse, busy, RANGE, "Secret", order="latest", limit=9) == []
