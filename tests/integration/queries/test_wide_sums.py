"""Sums go beyond 64 bits: some 2,000 items of the largest values are enough for that."""

import subprocess
import sys
from pathlib import Path

import pytest

from clickhouse.client import Warehouse
from clickhouse.llm.filters import SpanFilter, TraceFilter
from clickhouse.llm.groups import Grouping
from clickhouse.llm.span_analytics import analyse_spans
from schemas.llm.wire import MAX_DURATION_MS
from schemas.numbers import SAFE_INTEGER
from schemas.projects import ProjectContext
from tests.integration.queries.conftest import analyse, store_spans, store_traces
from tests.integration.queries.rows import (
    DAY_US,
    START_US,
    SpanRow,
    TraceRow,
    make_span,
    make_trace,
)

COUNT = 2_200
TOKENS = COUNT * SAFE_INTEGER
COUNTS = ("input_tokens", "output_tokens", "cache_read_tokens", "reasoning_tokens")
LARGEST = dict.fromkeys(COUNTS, SAFE_INTEGER)


def largest_traces(project: ProjectContext) -> list[TraceRow]:
    return [
        make_trace(
            project.project_id, f"t{number}", latency_ms=MAX_DURATION_MS, session_id="s", **LARGEST
        )
        for number in range(COUNT)
    ]


def largest_spans(project: ProjectContext) -> list[SpanRow]:
    return [
        make_span(project.project_id, f"s{number}", duration_ms=MAX_DURATION_MS, **LARGEST)
        for number in range(COUNT)
    ]


@pytest.mark.parametrize("base_only", [False, True])
@pytest.mark.parametrize("group_by", [(), ("user",), ("model",)])
async def test_sums_of_the_largest_traces_are_right(
    warehouse: Warehouse, project: ProjectContext, base_only: bool, group_by: tuple[str, ...]
) -> None:
    assert TOKENS > 1 << 64
    store_traces(warehouse, largest_traces(project))
    wanted = TraceFilter(from_us=START_US, to_us=START_US + DAY_US)
    grouping = Grouping(group_by) if group_by else None

    found = await analyse(
        warehouse, project, wanted, period="day", grouping=grouping, base_only=base_only
    )

    assert found.total_requests == COUNT
    assert (found.total_tokens.input, found.total_tokens.output) == (TOKENS, TOKENS)
    assert found.avg_latency == MAX_DURATION_MS


@pytest.mark.parametrize("base_only", [False, True])
async def test_sums_of_the_largest_spans_are_right(
    warehouse: Warehouse, project: ProjectContext, base_only: bool
) -> None:
    store_spans(warehouse, largest_spans(project))

    wanted = SpanFilter(from_us=START_US, to_us=START_US + DAY_US)

    found = await analyse_spans(warehouse, project, wanted, period="day", base_only=base_only)

    assert found.total_spans == COUNT
    assert found.avg_duration_ms == MAX_DURATION_MS


UPGRADE = """
import sys
from clickhouse import migrate as migrations
from clickhouse.client import Warehouse
from tests.integration.queries.rows import encode_traces
from schemas.projects import ProjectContext, ProjectId
from tests.integration.queries.test_wide_sums import largest_traces

every = migrations.read_migrations()
store = Warehouse("chdb://" + sys.argv[1])
rows = largest_traces(ProjectContext(ProjectId("p")))
migrations.read_migrations = lambda: every[:5]
migrations.migrate(store)
store.insert_now("traces", encode_traces(rows[:1_000]), "before")
migrations.read_migrations = lambda: every
migrations.migrate(store)
store.insert_now("traces", encode_traces(rows[1_000:]), "after")
for table, only in (("trace_sums", "grain = 'day'"), ("session_sums", "1")):
    sql = "SELECT sum(input_tokens), sum(latency_ns), sum(requests) FROM " + table
    print(*store.query_now(sql + " WHERE " + only, {}, {}).rows[0])
store.close()
"""


@pytest.mark.slow
def test_sums_of_an_older_version_are_kept_and_go_on(tmp_path: Path) -> None:
    command = [sys.executable, "-c", UPGRADE, str(tmp_path / "store")]

    ran = subprocess.run(command, capture_output=True, text=True, timeout=60)

    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.splitlines() == [f"{TOKENS} {COUNT * 10**16} {COUNT}"] * 2
