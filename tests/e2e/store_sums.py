"""Reads a stopped server's store directly: sums of the base tables and of every rollup.

Run as a program with the store's directory: chDB wants a process of its own. Prints JSON,
decimals as text.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from clickhouse.client import Warehouse

# Name of a rollup's column to what it must be over the base table.
OF_TRACES = {
    "requests": "count()",
    "errors": "countIf(t.status = 'error')",
    "latency_ns": "sum(toUInt128(t.latency_ns))",
}
OF_SPANS = {
    "spans": "count()",
    "measured": "countIf(t.duration_ms IS NOT NULL)",
    "duration_ns": "sum(toUInt128(round(ifNull(t.duration_ms, 0) * 1e6)))",
}
OF_BOTH = {
    "input_tokens": "sum(toUInt128(ifNull(t.input_tokens, 0)))",
    "output_tokens": "sum(toUInt128(ifNull(t.output_tokens, 0)))",
    "cache_read_tokens": "sum(toUInt128(ifNull(t.cache_read_tokens, 0)))",
    "cache_write_tokens": "sum(toUInt128(ifNull(t.cache_write_tokens, 0)))",
    "reasoning_tokens": "sum(toUInt128(ifNull(t.reasoning_tokens, 0)))",
    "reported_cost": "sum(ifNull(t.reported_cost, 0))",
    "computed_cost": "sum(ifNull(t.computed_cost, 0))",
    "reported_first_cost": "sum(coalesce(t.reported_cost, t.computed_cost, 0))",
    "computed_first_cost": "sum(coalesce(t.computed_cost, t.reported_cost, 0))",
    "unpriced": "countIf(t.reported_cost IS NULL AND t.computed_cost IS NULL)",
}
BASES = {"traces": OF_TRACES | OF_BOTH, "spans": OF_SPANS | OF_BOTH}
COLUMNS = """
    SELECT table, groupArray(name)
    FROM system.columns
    WHERE database = currentDatabase() AND table NOT LIKE '%\\_feed'
    GROUP BY table
"""

Sums = dict[str, dict[str, dict[str, str]]]


def read_sums(data_dir: Path) -> Sums:
    """Returns, by table, project and column, the sums over everything that is stored.

    Base tables are summed under the names of their rollups' columns, so that equal names are to be
    equal. `distinct` of a base table is how many different ids it holds.
    """
    ran = subprocess.run(
        [sys.executable, "-m", "tests.e2e.store_sums", str(data_dir / "warehouse")],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ran.returncode == 0, ran.stderr
    sums: Sums = json.loads(ran.stdout)
    return sums


def rollups_of(sums: Sums, base: str) -> list[str]:
    """Returns the names of the base table's rollups."""
    counted = next(iter(BASES[base]))
    return [
        table
        for table, projects in sums.items()
        if table != base and all(counted in columns for columns in projects.values()) and projects
    ]


def _print_sums(path: str) -> None:
    warehouse = Warehouse(f"chdb://{path}")
    tables = {str(table): set(names) for table, names in _query(warehouse, COLUMNS)}
    result: Sums = {}
    for base, expected in BASES.items():
        identity = {"distinct": f"uniqExact(t.{base[:-1]}_id)"}
        result[base] = _sums(warehouse, base, expected | identity)
        counted = next(iter(expected))
        for table, names in tables.items():
            if table != base and counted in names and "bucket" in names:
                columns = {name: f"sum(t.{name})" for name in expected if name in names}
                for source in _sources(table, names):
                    result[source] = _sums(warehouse, source, columns)
    warehouse.close()
    json.dump(result, sys.stdout)


def _sources(table: str, names: set[str]) -> list[str]:
    """Returns what to add up on its own: rows of each grain count the same traces."""
    if "grain" not in names:
        return [table]
    return [f"(SELECT * FROM {table} WHERE grain = '{grain}')" for grain in ("day", "hour")]


def _sums(warehouse: Warehouse, table: str, columns: dict[str, str]) -> dict[str, dict[str, str]]:
    chosen = ", ".join(f"toString({sql})" for sql in columns.values())
    rows = _query(warehouse, f"SELECT t.project_id, {chosen} FROM {table} AS t GROUP BY project_id")
    return {row[0]: dict(zip(columns, row[1:], strict=True)) for row in rows}


def _query(warehouse: Warehouse, sql: str) -> Any:
    return warehouse.query_now(sql, None, {}).rows


if __name__ == "__main__":
    _print_sums(sys.argv[1])
