"""The connection to the relational store: engine, sessions, and its Alembic history."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, Protocol
from weakref import WeakKeyDictionary

from advanced_alchemy.config import EngineConfig, SQLAlchemyAsyncConfig
from sqlalchemy import Connection, event, inspect, make_url, text
from sqlalchemy.exc import DBAPIError, InterfaceError, InternalError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession, async_sessionmaker

from controlplane import sqlite_connection
from controlplane.failures import Unavailable

MIGRATIONS = Path(__file__).parent / "migrations"
# What a PostgreSQL that accepts and never answers may cost a caller before it can try again.
TIMEOUT_S = 10.0

# A writer of another process (the CLI) holds the file for milliseconds; ten seconds is a fault.
_BUSY_TIMEOUT_MS = 10_000
_CONNECT_TIMEOUT_S = 5
# Another process that migrates is waited for this long; one that was paused loses its turn.
_MIGRATION_TIMEOUT_S = 60
# Any constant will do, as long as nothing else in the same PostgreSQL database locks it.
_MIGRATION_LOCK = 0x51_01CE
_RETRY_AFTER_S = 1
# SQLSTATE (PostgreSQL 15, appendix A): connection lost, transaction rolled back by the server (a
# serialization failure, a deadlock), resources used up, stopped by the operator or starting,
# system error, lock not available, a standby that is being promoted, idle in a transaction.
_PASSING = ("08", "40", "53", "57", "58", "55P03", "25006", "25P03")
_NO_ACCESS = (
    "The control plane's database does not let us in: user, password or name of the database in"
    " SLUICE_DATABASE_URL is wrong"
)


class Database:
    """One engine on SQLite or PostgreSQL; share it in a process, close it once at the end.

    Takes `sqlite:///file`, `postgresql://…` or the same with an async driver named. Several
    processes may open the same SQLite file. On PostgreSQL a transaction takes `timeout_s` at most,
    and so does a lock that a paused process holds; on SQLite the busy timeout bounds both. What is
    committed is on disk. After a restart of PostgreSQL the next calls connect anew.
    """

    def __init__(self, url: str, *, timeout_s: float = TIMEOUT_S) -> None:
        self.url = _async_url(url)
        self.is_sqlite = self.url.startswith("sqlite")
        self._timeout_s = None if self.is_sqlite else timeout_s
        config = SQLAlchemyAsyncConfig(
            connection_string=self.url,
            engine_config=EngineConfig(
                # Parameters hold password hashes and sealed keys: keep them out of error texts.
                hide_parameters=True,
                pool_pre_ping=not self.is_sqlite,
                pool_timeout=_CONNECT_TIMEOUT_S,
                connect_args=(
                    {"async_creator_fn": sqlite_connection.connect}
                    if self.is_sqlite
                    else _postgres_arguments(timeout_s)
                ),
            ),
        )
        self.engine: AsyncEngine = config.get_engine()
        writing = self.engine
        if self.is_sqlite:
            event.listen(self.engine.sync_engine, "connect", _set_pragmas)
            event.listen(self.engine.sync_engine, "begin", _begin)
            writing = self.engine.execution_options(sluice_begin="BEGIN IMMEDIATE")
        self._writing = writing
        self._turns: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = (
            WeakKeyDictionary()
        )
        self._write_session = async_sessionmaker(writing, expire_on_commit=False)
        self._read_session = async_sessionmaker(self.engine, expire_on_commit=False)

    @asynccontextmanager
    async def session(self) -> AsyncIterator[AsyncSession]:
        """Open a transaction that may write: committed at the end, rolled back on any error.

        On SQLite it takes the file's write lock at once, so do slow work (hashing) before it.
        Raises `Unavailable` when the store is locked, away, or silent for too long.
        """
        with _refusals():
            async with (
                self._turn(),
                asyncio.timeout(self._timeout_s),
                self._write_session() as session,
                session.begin(),
            ):
                yield session

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncSession]:
        """Open a transaction that only reads; it neither waits for a writer nor holds one up."""
        with _refusals():
            async with asyncio.timeout(self._timeout_s), self._read_session() as session:
                yield session

    async def scrub(self) -> None:
        """On SQLite, take what was deleted out of the WAL, unless somebody reads in it just now.

        May be repeated. PostgreSQL does so by itself (autovacuum).
        """
        if self.is_sqlite:
            with _refusals():
                async with self._turn(), self.engine.connect() as connection:
                    driver = (await connection.get_raw_connection()).driver_connection
                    assert driver is not None
                    await driver.execute_fetchall("PRAGMA wal_checkpoint(TRUNCATE)")

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        """On SQLite, waits until nothing else of this process writes, first come, first served.

        SQLite itself only looks again from time to time: on a busy machine some wait for ten
        seconds beside others who come and go, and each of them holds a connection.
        """
        if not self.is_sqlite:
            yield
            return
        turn = self._turns.setdefault(asyncio.get_running_loop(), asyncio.Lock())
        async with asyncio.timeout(_BUSY_TIMEOUT_MS / 1000):
            await turn.acquire()
        try:
            yield
        finally:
            turn.release()

    async def migrate(self) -> None:
        """Bring the tables to the newest revision; cheap when they are there already.

        May run in several processes at once: one does the work, the others wait for it. Raises
        `Unavailable` when the store is away, or another process takes too long.
        """
        newest = newest_revision()
        with _refusals():
            if await self.revision() == newest:
                return
            async with self._writing.begin() as connection:
                await self._lock_migrations(connection)
                if await connection.run_sync(_stored_revision) != newest:
                    await connection.run_sync(_upgrade)

    async def _lock_migrations(self, connection: AsyncConnection) -> None:
        if self.is_sqlite:  # BEGIN IMMEDIATE has locked already
            return
        # Loading Alembic is idle time to the server, on a busy machine of more than a moment.
        for setting in ("lock_timeout", "idle_in_transaction_session_timeout"):
            await connection.execute(
                text("SELECT set_config(:setting, :value, true)"),
                {"setting": setting, "value": f"{_MIGRATION_TIMEOUT_S}s"},
            )
        await connection.execute(
            text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _MIGRATION_LOCK}
        )

    async def revision(self) -> str | None:
        """Tell the revision that the tables have, `None` where there are none yet."""
        with _refusals():
            async with asyncio.timeout(self._timeout_s), self.engine.connect() as connection:
                return await connection.run_sync(_stored_revision)

    async def ping(self) -> None:
        """Ask the database for an answer; raises `Unavailable` when there is none."""
        async with self.reading() as session:
            await session.execute(text("SELECT 1"))

    async def close(self) -> None:
        """Close every connection. May be called twice."""
        await self.engine.dispose()


def newest_revision() -> str:
    """Tell the newest revision from the file names, without the cost of starting Alembic."""
    return max(path.stem[1:5] for path in (MIGRATIONS / "versions").glob("r[0-9]*.py"))


@contextmanager
def _refusals() -> Iterator[None]:
    """Turn the driver's ways of saying "not now" into `Unavailable`."""
    try:
        yield
    except (DBAPIError, PoolTimeout, OSError) as error:
        if _is_no_access(error):
            raise Unavailable(_NO_ACCESS, retry_after_s=_RETRY_AFTER_S) from error
        if isinstance(error, DBAPIError) and not _passes(error):
            raise  # a wrong statement, a broken rule, a missing table: a bug, not a bad moment
        raise Unavailable(
            "The control plane's database does not answer", retry_after_s=_RETRY_AFTER_S
        ) from error


def _is_no_access(error: Exception) -> bool:
    """Tell whether PostgreSQL knows no such user, password or database; somebody corrects that."""
    state = getattr(getattr(error, "orig", None), "sqlstate", None)
    return str(state).startswith(("28", "3D"))


def _passes(error: DBAPIError) -> bool:
    """Tell whether the same statement may well succeed later."""
    state = getattr(error.orig, "sqlstate", None)
    if state is not None:
        return str(state).startswith(_PASSING)
    if getattr(error.orig, "sqlite_errorcode", None) == sqlite3.SQLITE_ERROR:
        return False
    # asyncpg loses its place, "internally", when a shutdown's message comes between two statements.
    return isinstance(error, OperationalError | InterfaceError | InternalError)


def _postgres_arguments(timeout_s: float) -> dict[str, Any]:
    settings = {
        # Whatever the server's default is: progress that was answered must not be forgotten.
        "synchronous_commit": "on",
        # A statement that has waited for a lock must see what its holder committed.
        "default_transaction_isolation": "read committed",
        # A process that is paused between a statement and its commit must not hold up the others.
        "idle_in_transaction_session_timeout": str(int(timeout_s * 1000)),
    }
    return {"timeout": _CONNECT_TIMEOUT_S, "server_settings": settings}


class _Cursor(Protocol):
    def execute(self, statement: str) -> Any: ...
    def close(self) -> None: ...


class _DriverConnection(Protocol):
    isolation_level: str | None

    def cursor(self) -> _Cursor: ...


def _set_pragmas(connection: _DriverConnection, _record: object) -> None:
    # The driver must not open transactions of its own: `_begin` says when and how.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (
        f"busy_timeout={_BUSY_TIMEOUT_MS}",  # first: switching to WAL may have to wait
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "secure_delete=ON",  # who is erased is on no free page
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin(connection: Connection) -> None:
    # A transaction that reads first and writes later fails at once, whatever the busy timeout,
    # if another process wrote in between; IMMEDIATE waits for its turn instead.
    options = connection.get_execution_options()
    connection.exec_driver_sql(options.get("sluice_begin", "BEGIN"))


def _stored_revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    revision = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return None if revision is None else str(revision)


def _upgrade(connection: Connection) -> None:
    from alembic import command  # costs 150 ms, needed only when something is to be done
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _async_url(url: str) -> str:
    parsed = make_url(url)
    drivers = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg"}
    backend = parsed.get_backend_name()
    name = drivers.get(backend)
    in_memory = backend == "sqlite" and parsed.database in (None, "", ":memory:")
    if name is None or in_memory:
        raise ValueError(f"The control plane needs a SQLite file or PostgreSQL, not {parsed!r}")
    return parsed.set(drivername=name).render_as_string(hide_password=False)
