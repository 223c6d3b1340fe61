"""What `sluice grafana-user` prints for a server, held by the engine: grants and row policies.

The embedded engine has no place for users that statements make. So the same grants and the same
condition are given to its one user, in the file that it reads as it opens.
"""

import re
import subprocess
import sys
from pathlib import Path
from xml.sax.saxutils import escape

import pytest

from clickhouse.client import Warehouse
from clickhouse.grants import BadName, grant_statements
from schemas.projects import ProjectId

MINE, THEIRS = ProjectId("6b1f0e9c-0d43-4c1e-8f0a-5f2f3c4d5e6f"), ProjectId("0b0c1d2e")
SCRIPT = """
import sys
from pathlib import Path
from clickhouse.client import Warehouse
from clickhouse.migrate import migrate
from clickhouse.served.engine import ATTACH
from chdb.state.sqlitelike import Connection
from tests.integration.queries.conftest import store_traces
from tests.integration.queries.rows import make_trace
from grafana.boards import queries
from grafana.plugin import View, expand

store, config, mine, theirs = sys.argv[1:]
warehouse = Warehouse(f"chdb://{store}")
migrate(warehouse)
store_traces(warehouse, [make_trace(mine, "t"), make_trace(theirs, "t")])
warehouse.close()
link = Path(store, "metadata", "default")
Path(store, "metadata", "default.sql").write_text(ATTACH.format(uuid=link.readlink().name))
as_user = Connection(f"{store}?config-file={config}")

def ask(sql):
    return bytes(as_user.query(sql, "TSV").bytes()).decode()

assert ask("SELECT DISTINCT project_id FROM default.traces") == f"{mine}\\n"
assert ask("SELECT count() FROM default.session_sums") == "1\\n"
as_user.query("USE default")
view = View(1_748_736_000_000, 1_748_822_400_000, "Europe/Berlin")
for query in queries():
    if query.name != "operations: Parts of the store":
        assert theirs not in ask(expand(query.sql, view))
for wrong in ("INSERT INTO traces (project_id) VALUES ('x')", "ALTER TABLE traces DELETE WHERE 1",
              "DROP TABLE traces", "SELECT * FROM schema_migrations",
              "CREATE TABLE t (x Int8) ENGINE = MergeTree ORDER BY x"):
    try:
        answer = ask(wrong)
    except Exception as error:
        assert "ACCESS_DENIED" in str(error), error
    else:
        assert not answer, wrong
print("as it should be")
"""
USERS = """<clickhouse><profiles><default/></profiles><quotas><default/></quotas><users><default>
<password></password><networks><ip>::/0</ip></networks><profile>default</profile>
<quota>default</quota><grants>{grants}</grants>
<databases><default>{policies}</default></databases></default></users></clickhouse>"""
CONFIG = """<clickhouse><users_config>{users}</users_config><default_database></default_database>
<database>default</database></clickhouse>"""


@pytest.mark.slow
def test_such_a_user_reads_every_panel_of_its_projects_and_nothing_else(tmp_path: Path) -> None:
    _, policy, *grants = grant_statements("team", "password", [MINE])
    tables = re.findall(r"ON default\.(\w+)", policy)
    condition = policy.partition(" USING ")[2].partition(" TO ")[0]
    given = "".join(f"<query>{one.partition(' TO ')[0]}</query>" for one in grants)
    held = "".join(f"<{one}><filter>{escape(condition)}</filter></{one}>" for one in tables)
    (tmp_path / "users.xml").write_text(USERS.format(grants=given, policies=held))
    config = tmp_path / "config.xml"
    config.write_text(CONFIG.format(users=tmp_path / "users.xml"))

    ran = subprocess.run(
        [sys.executable, "-c", SCRIPT, tmp_path / "store", config, MINE, THEIRS],
        capture_output=True,
        text=True,
        check=False,
    )

    assert ran.stdout == "as it should be\n", ran.stderr


def test_each_statement_is_one_that_the_engine_reads(warehouse: Warehouse) -> None:
    for statement in grant_statements("team-a", "password", [MINE, THEIRS]):
        sql = "SELECT formatQuerySingleLine({sql:String})"
        [[read]] = warehouse.query_now(sql, {"sql": statement}, {}).rows
        assert "password" not in statement.replace("sha256_password", "")
        assert read.startswith(("CREATE USER", "GRANT SELECT", "CREATE ROW POLICY"))


@pytest.mark.parametrize("name", ["", "a b", "a`b", "a'b", "1a", "a\\", "x" * 64, "a;b"])
def test_a_name_that_would_break_a_statement_is_none(name: str) -> None:
    with pytest.raises(BadName):
        grant_statements(name, "password", [MINE])
