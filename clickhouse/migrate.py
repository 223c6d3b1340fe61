"""Applies `migrations/NNNN_name.sql` in order, once, and refuses gaps and edits.

Works alike on chDB and on a server. `{replicated}` in a file becomes `Replicated` for a cluster
and nothing otherwise, so that one history serves every size.
"""

import hashlib
import re
from importlib import resources
from typing import NamedTuple

from clickhouse.client import Warehouse
from clickhouse.failures import StatementRefused

FILE_NAME = re.compile(r"^(\d{4})_[a-z0-9_]+\.sql$")
HISTORY = """
CREATE TABLE IF NOT EXISTS schema_migrations
(
    number UInt32,
    name String,
    checksum String,
    applied_at DateTime64(6, 'UTC') DEFAULT now64(6)
)
ENGINE = {replicated}MergeTree
ORDER BY number
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
"""
ENGINE = """
SELECT engine
FROM system.tables
WHERE database = currentDatabase() AND name = 'schema_migrations'
"""


class MigrationError(Exception):
    """Raised when files and history disagree: a gap, an edited file, an unknown newer one."""


class Migration(NamedTuple):
    """One numbered file."""

    number: int
    name: str
    text: str

    @property
    def checksum(self) -> str:
        """The SHA-256 of the file's text, which must never change once it was applied."""
        return hashlib.sha256(self.text.encode()).hexdigest()


def read_migrations() -> list[Migration]:
    """Returns every migration file in order. Raises `MigrationError` on a gap or a bad name."""
    found = []
    for entry in resources.files("clickhouse").joinpath("migrations").iterdir():
        if not entry.name.endswith(".sql"):
            continue
        match = FILE_NAME.match(entry.name)
        if match is None:
            raise MigrationError(f"{entry.name!r} is not named NNNN_name.sql")
        found.append(Migration(int(match[1]), entry.name, entry.read_text(encoding="utf-8")))
    found.sort()
    if [m.number for m in found] != list(range(1, len(found) + 1)):
        raise MigrationError(f"numbers must run from 1 without a gap: {[m.name for m in found]}")
    return found


def migrate(warehouse: Warehouse, *, replicated: bool = False) -> list[str]:
    """Brings the store up to date and returns the names of the files applied now.

    Blocking; may be called at every start. A file that failed half-way is applied again from its
    first statement, so every statement in a file must bear repetition (`IF NOT EXISTS`).
    """
    engine = "Replicated" if replicated else ""
    warehouse.command_now(HISTORY.replace("{replicated}", engine), None, {})
    applied = _applied(warehouse)
    migrations = read_migrations()
    _check(migrations, applied)
    done = []
    for migration in migrations[len(applied) :]:
        for statement in statements(migration.text.replace("{replicated}", engine)):
            warehouse.command_now(statement, None, {})
        warehouse.command_now(
            "INSERT INTO schema_migrations (number, name, checksum)"
            " SELECT {number:UInt32}, {name:String}, {checksum:String}",
            {"number": migration.number, "name": migration.name, "checksum": migration.checksum},
            {},
        )
        done.append(migration.name)
    return done


def ensure_migrated(warehouse: Warehouse) -> None:
    """Raises `MigrationError` when the store is not at the version that this one needs."""
    try:
        applied = _applied(warehouse)
    except StatementRefused as error:
        raise MigrationError("the store has no tables yet: run sluice migrate") from error
    migrations = read_migrations()
    _check(migrations, applied)
    missing = [migration.name for migration in migrations[len(applied) :]]
    if missing:
        raise MigrationError(f"the store lacks {', '.join(missing)}: run sluice migrate")


async def is_replicated(warehouse: Warehouse) -> bool:
    """Tells whether the tables have copies on other servers."""
    engine = (await warehouse.query(ENGINE)).rows[0][0]
    return str(engine).startswith(("Replicated", "Shared"))


def statements(text: str) -> list[str]:
    """Splits a file at semicolons that end a line; comment lines are left out."""
    code = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("--"))
    return [part.strip() for part in re.split(r";\s*(?:\n|$)", code) if part.strip()]


def _applied(warehouse: Warehouse) -> dict[int, str]:
    answer = warehouse.query_now(
        "SELECT number, any(checksum) FROM schema_migrations GROUP BY number ORDER BY number",
        None,
        {},
    )
    return {row[0]: row[1] for row in answer.rows}


def _check(migrations: list[Migration], applied: dict[int, str]) -> None:
    if sorted(applied) != list(range(1, len(applied) + 1)):
        raise MigrationError(f"the store's history has a gap: {sorted(applied)}")
    if len(applied) > len(migrations):
        raise MigrationError(
            f"the store is at migration {len(applied)}, this version knows {len(migrations)}:"
            " install the newer version again"
        )
    for migration in migrations[: len(applied)]:
        if applied[migration.number] != migration.checksum:
            raise MigrationError(f"{migration.name} was edited after it had been applied")
