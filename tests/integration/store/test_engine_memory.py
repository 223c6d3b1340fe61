"""The embedded engine has a bound of its own, which ends a query and no process."""

import subprocess
import sys
from pathlib import Path

from clickhouse.engine_memory import engine_options

GREEDY = """
import sys
from clickhouse.client import Warehouse
from clickhouse.failures import QueryTooExpensive

store = Warehouse("chdb://" + sys.argv[1], engine_memory_bytes=200_000_000)
try:
    store.query_now("SELECT length(groupArray(toString(number) || repeat('x', 1000)))"
                    " FROM numbers(1000000)", {}, {})
except QueryTooExpensive as error:
    print("total" if "(total)" in str(error) else error)
print(store.query_now("SELECT 1", {}, {}).rows[0][0])
store.close()
"""

BY_ID = """
import sys
from clickhouse.client import Warehouse
from clickhouse.migrate import migrate

store = Warehouse("chdb://" + sys.argv[1], engine_memory_bytes=1 << 30)
migrate(store)
rows = "SELECT 'p', toString(number) FROM numbers(100000)"
store.command_now("INSERT INTO traces (project_id, trace_id) " + rows, {}, {})
ask = "SELECT status FROM traces WHERE project_id = 'p' AND trace_id = '77'"
assert len(store.query_now(ask, {}, {}).rows) == 1
held = "SELECT value FROM system.metrics WHERE metric = 'IndexUncompressedCacheCells'"
print(store.query_now(held, {}, {}).rows[0][0])
store.close()
"""

AT_ONCE = """
import sys
from clickhouse.client import Warehouse

store = Warehouse("chdb://" + sys.argv[1])
asked = "SELECT value FROM system.server_settings WHERE name = {name:String}"
name = "background_merges_mutations_concurrency_ratio"
print(store.query_now(asked, {"name": name}, {}).rows[0][0])
store.close()
"""


def test_what_goes_beyond_the_engines_memory_fails_and_the_next_query_is_answered(
    tmp_path: Path,
) -> None:
    command = [sys.executable, "-c", GREEDY, str(tmp_path / "store")]

    ran = subprocess.run(command, capture_output=True, text=True, timeout=60)

    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.split() == ["total", "1"]


def test_without_a_bound_the_engine_is_told_nothing_of_memory() -> None:
    assert not [name for name in engine_options(0) if "memory" in name or "cache" in name]


def test_what_finds_a_trace_by_its_id_is_read_from_the_disk_once(tmp_path: Path) -> None:
    command = [sys.executable, "-c", BY_ID, str(tmp_path / "store")]

    ran = subprocess.run(command, capture_output=True, text=True, timeout=60)

    assert ran.returncode == 0, ran.stderr
    assert int(ran.stdout) > 0


def test_the_engine_begins_many_changes_of_parts_at_once(tmp_path: Path) -> None:
    command = [sys.executable, "-c", AT_ONCE, str(tmp_path / "store")]

    ran = subprocess.run(command, capture_output=True, text=True, timeout=60)

    assert ran.returncode == 0, ran.stderr
    assert float(ran.stdout) == 16
