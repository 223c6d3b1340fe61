"""Tries to change every setting of the engine, in each way that a statement has: a child process,
for the engine opens one store a process. Prints what it found as JSON."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec

from clickhouse.client import Warehouse
from clickhouse.migrate import migrate
from clickhouse.served.checks import check
from clickhouse.served.engine import Handle, ServedStore
from clickhouse.served.errors import EngineError
from clickhouse.served.rights import MAY_SET, TABLE_SETTINGS, EngineLimits, Rights

REFUSED = frozenset({452, 164, 392, 497})
"""A constraint, `readonly`, `allow_ddl`, and our own check."""
TEXT = "'x'"
VALUES = ("1", "0", "7", TEXT, "'~'", "'Asia/Tokyo'", "{'a': '1'}")
BY_QUERY = "cannot be changed with SET"
CHOICE = re.compile(r"'([^']+)'")
MADE = "CREATE TABLE t (a UInt8) ENGINE = MergeTree ORDER BY a SETTINGS {name} = 1"


class Found(msgspec.Struct):
    """What was tried, by the names of settings."""

    known: list[str]
    of_tables: list[str]
    taken: dict[str, list[str]]
    """Those that were not refused, by the way that they went."""


def main(path: Path) -> Found:
    """Opens a new store at `path` as the server does, and tries everything."""
    warehouse = Warehouse(f"chdb://{path}", readers=1)
    migrate(warehouse)
    names, of_tables = (
        [row[0] for row in warehouse.query_now(f"SELECT name FROM system.{table}", None, {}).rows]
        for table in ("settings", "merge_tree_settings")
    )
    warehouse.close()
    store = ServedStore(path, EngineLimits(30, 1 << 20, 1 << 30), frozenset(names))
    found = Found(names, of_tables, {})
    for rights in Rights:
        handle = store.handle(rights, held=True)
        for name in sorted(set(names) - MAY_SET):
            for way in _ways_taken(handle, store, rights, name):
                found.taken.setdefault(f"{rights}: {way}", []).append(name)
        handle.close()
    handle = store.handle(Rights.WRITE, held=True)
    found.taken["tables"] = [
        name
        for name in sorted(set(of_tables) - TABLE_SETTINGS)
        if not _is_checked(handle, store, Rights.WRITE, MADE.format(name=name))
    ]
    handle.close()
    store.close()
    return found


def _ways_taken(handle: Handle, store: ServedStore, rights: Rights, name: str) -> Iterator[str]:
    value = _refused_value(handle, name)
    if value is None:
        yield "SET"
        return
    if rights is Rights.WRITE:
        return
    at_the_end = f"SELECT 1 SETTINGS {name} = {value}"
    if _code(handle, at_the_end) not in REFUSED:
        yield "SETTINGS, as the engine sees it"
    inside = f"SELECT * FROM (SELECT 1 SETTINGS max_threads = 1, {name} = {value})"
    if not _is_checked(handle, store, rights, inside):
        yield "SETTINGS in a subquery"


def _refused_value(handle: Handle, name: str) -> str | None:
    """Returns a value of the setting's type that is another than now, and refused by SET."""
    values = list(VALUES)
    while values:
        value = values.pop(0)
        try:
            handle.run(f"SET {name} = {value}")
        except EngineError as error:
            if error.code in REFUSED or BY_QUERY in error.message:
                return value
            if value == TEXT:
                listed = error.message.partition("one of [")[2]
                values += [f"'{choice}'" for choice in CHOICE.findall(listed)]
    return None


def _code(handle: Handle, sql: str) -> int:
    try:
        handle.run(sql)
    except EngineError as error:
        return error.code
    return 0


def _is_checked(handle: Handle, store: ServedStore, rights: Rights, sql: str) -> bool:
    try:
        check(handle.canonical(sql.encode()), rights, store.settings)
    except EngineError as error:
        return error.code in REFUSED
    return False


if __name__ == "__main__":
    sys.stdout.buffer.write(msgspec.json.encode(main(Path(sys.argv[1]))))
