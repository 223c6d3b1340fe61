"""Puts rows into a table past its views: rows that a server lost after it had taken their token.

A server that dies between a block's token and its part (`clickhouse.dedup_log` tells how) drops the
block when it comes again, and its views, which had not begun, take it then: seen by killing the
engine at that rename. An insert of what the table lacks would feed the views once more. So the rows
go into a table of the same form, and its parts are moved over.

What the two steps leave half done does no harm: whoever sends the rows again reads first which are
missing. Replicated tables keep token and part in one transaction and lose nothing so; to read from
one of several copies what another took would be wrong there, so nothing is put into them.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

from schemas.kinds import KINDS

ENGINE = """
SELECT engine
FROM system.tables
WHERE database = currentDatabase() AND name = {table:String}
"""
# After AS and TO TABLE the engine takes no bound name: it is one of these.
CREATE = "CREATE TABLE IF NOT EXISTS {aside:Identifier} AS "
MOVE = "ALTER TABLE {aside:Identifier} MOVE PARTITION ID {partition:String} TO TABLE "
PARTITIONS = """
SELECT DISTINCT partition_id
FROM system.parts
WHERE active AND database = currentDatabase() AND table = {aside:String}
"""
CHANGES = frozenset({"bill_changes", "cost_changes"})
TABLES = frozenset(table.name for kind in KINDS for table in kind.tables) | CHANGES
DROP = "DROP TABLE {aside:Identifier} SYNC"


def insert_past_views(
    client: Any, table: str, arrow_stream: bytes, settings: Mapping[str, Any]
) -> None:
    """Stores rows in `table` alone. Read back which are missing before every try."""
    if _engine_of(client, table).startswith(("Replicated", "Shared")):
        return
    (known,) = TABLES & {table}
    name = hashlib.sha256(settings["insert_deduplication_token"].encode()).hexdigest()[:16]
    names = {"aside": f"{table}_aside_{name}"}
    client.command(CREATE + known, parameters=names)
    client.raw_insert(
        names["aside"], insert_block=arrow_stream, fmt="ArrowStream", settings=dict(settings)
    )
    for (partition,) in client.query(PARTITIONS, parameters=names).result_rows:
        client.command(MOVE + known, parameters={**names, "partition": partition})
    client.command(DROP, parameters=names)


def _engine_of(client: Any, table: str) -> str:
    return str(client.query(ENGINE, parameters={"table": table}).result_rows[0][0])
