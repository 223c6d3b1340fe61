"""A block that is sent again counts once in every rollup, also across migrations and new starts."""

import subprocess
import sys
from pathlib import Path

import pytest

from clickhouse.migrate import read_migrations

INSERT = """
import sys
from clickhouse import migrate as migrations
from clickhouse.client import Warehouse
from tests.integration.queries.rows import encode_spans, encode_traces
from tests.integration.queries.rows import make_span, make_trace

every = migrations.read_migrations()
migrations.read_migrations = lambda: every[: int(sys.argv[2])]
store = Warehouse("chdb://" + sys.argv[1])
migrations.migrate(store)
traces = [make_trace("p", f"t{n}", session_id="s") for n in range(10)]
spans = [make_span("p", f"s{n}") for n in range(10)]
store.insert_now("traces", encode_traces(traces), "one")
store.insert_now("spans", encode_spans(spans), "one")
for sql in (
    "SELECT count() FROM traces",
    "SELECT sum(requests) FROM trace_sums WHERE grain = 'day'",
    "SELECT sum(requests) FROM session_sums",
    "SELECT count() FROM spans",
    "SELECT sum(spans) FROM spans_hourly",
):
    print(int(store.query_now(sql, {}, {}).rows[0][0]))
store.close()
"""
LAST = len(read_migrations())
LAST_OF_THESE = 11
"""No later migration changes these tables."""


@pytest.mark.parametrize("first", [*range(5, LAST_OF_THESE + 1), LAST])
def test_a_block_that_is_sent_again_counts_once_after_a_new_start(
    tmp_path: Path, first: int
) -> None:
    for migrations in (first, LAST, LAST):
        command = [sys.executable, "-c", INSERT, str(tmp_path / "store"), str(migrations)]
        ran = subprocess.run(command, capture_output=True, text=True, timeout=60)

        assert ran.returncode == 0, ran.stderr
        assert ran.stdout.split() == ["10"] * 5
