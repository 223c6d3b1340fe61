"""One way to speak to ClickHouse: `Warehouse`, over chDB in the process or a server by HTTP.

clickhouse-connect gives both the same synchronous client. A client serves one call at a time, so
the warehouse keeps one per worker thread. Reads, urgent reads, read-backs and writes have threads
of their own, so a long query never delays an insert.
"""

import asyncio
import copy
import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, InvalidStateError, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple, TypeVar
from urllib.parse import unquote, urlsplit

import clickhouse_connect
from clickhouse_connect import common

from clickhouse.dedup_log import find_lost_tokens
from clickhouse.engine_memory import engine_options
from clickhouse.failures import StoreBroken, kind_of, kind_of_insert, translated
from clickhouse.lost_rows import insert_past_views
from schemas import metrics

T = TypeVar("T")

QUERY_SETTINGS = {
    "max_execution_time": 30,
    "max_result_rows": 1_000_000,
    "max_memory_usage": 4 << 30,
    # Times are compared and bucketed in UTC whatever the machine's zone is.
    "session_timezone": "UTC",
}
COMMAND_SETTINGS = {"session_timezone": "UTC"}
# A block is one part set with one token: never let the engine split or regroup what it is given.
INSERT_SETTINGS = {
    "async_insert": 0,
    "insert_deduplicate": 1,
    "deduplicate_blocks_in_dependent_materialized_views": 1,
    "max_insert_block_size": 4_000_000,
    "min_insert_block_size_rows": 4_000_000,
    "min_insert_block_size_bytes": 1 << 31,
    "max_partitions_per_insert_block": 0,
    # Rows of one key add up at merges anyway; before that it is a tenth of an insert.
    "optimize_on_insert": 0,
    "session_timezone": "UTC",
}
ON_ITS_WAY_S = 0.5
ANSWER_TIMEOUT_S = 60
"""For a read, which the engine itself bounds to 30 s, and for an insert: some 8 MiB, and safe to
repeat. A store that takes calls and never answers holds a writer no longer than this."""
COMMAND_TIMEOUT_S = 300
"""For DDL and deletions, which wait until every part is rewritten."""
URGENT_READERS = 2
READ_BACK_READERS = 3
"""For the rows of `/batch`. One project takes one fewer at a time: `api.reads.Turns`."""
QUIET = logging.NullHandler()
"""For the client's own log lines where logging is not set up: what they say is raised as well."""


class QueryResult(NamedTuple):
    """The rows of a query, with the names of their columns."""

    columns: tuple[str, ...]
    rows: Sequence[Sequence[Any]]


class Warehouse:
    """A store of events that one process or several share. Close it once, at the end."""

    def __init__(
        self,
        url: str,
        *,
        readers: int = 3,
        writers: int = 2,
        answer_timeout_s: int = ANSWER_TIMEOUT_S,
        engine_memory_bytes: int = 0,
    ) -> None:
        """`engine_memory_bytes` bounds the embedded engine as a whole; 0 leaves it to itself."""
        self.url = url
        self._engine_options = engine_options(engine_memory_bytes)
        self._embedded = path_of(url)
        self._answer_timeout_s = answer_timeout_s
        self._local = _ThreadsOwn()
        self._clients: list[Any] = []
        self._readers = ThreadPoolExecutor(readers, thread_name_prefix="warehouse-read")
        self._urgent = ThreadPoolExecutor(URGENT_READERS, thread_name_prefix="warehouse-urgent")
        self._back = ThreadPoolExecutor(READ_BACK_READERS, thread_name_prefix="warehouse-back")
        self._writers = ThreadPoolExecutor(writers, thread_name_prefix="warehouse-write")
        self._aside = ThreadPoolExecutor(1, thread_name_prefix="warehouse-aside")
        self._exports = ThreadPoolExecutor(1, thread_name_prefix="warehouse-export")
        self._lock = threading.Lock()
        self.broken: Future[str] = Future()
        """Has a reason once the store lost a block (`StoreBroken`): the process must end."""

    @property
    def urgent(self) -> "Warehouse":
        """The same store with threads of its own for reads.

        For the stream alone, and for what tells whether it runs: neither users' queries nor their
        read-backs, however many and slow, stand before it. Closed with the warehouse that it is
        taken from.
        """
        return self._view(self._urgent)

    @property
    def read_backs(self) -> "Warehouse":
        """The same store with threads of its own for the rows that `/batch` answers."""
        return self._view(self._back)

    @property
    def aside(self) -> "Warehouse":
        """The same store with one thread of its own for everything.

        For work that lasts for minutes: neither users nor the stream wait for it.
        """
        view = self._view(self._aside)
        view._writers = self._aside
        return view

    def _view(self, readers: ThreadPoolExecutor) -> "Warehouse":
        view = copy.copy(self)
        view._readers = readers
        return view

    async def query(
        self,
        sql: str,
        parameters: Mapping[str, Any] | None = None,
        *,
        as_bytes: Sequence[str] = (),
        **settings: Any,
    ) -> QueryResult:
        """Runs a bounded read with bound values (`{name:Type}` in the text).

        Texts of the columns `as_bytes` are answered as their UTF-8: one character beyond Latin-1
        makes a `str` of 16 MB one of 32 or 64. Raises `QueryTooExpensive` at a bound,
        `WarehouseUnavailable` when there is no engine.
        """
        arguments = (sql, parameters, settings, as_bytes)
        return await self._hop(self._readers, self.query_now, *arguments)

    async def command(
        self, sql: str, parameters: Mapping[str, Any] | None = None, **settings: Any
    ) -> None:
        """Runs a statement that answers nothing (DDL, mutations)."""
        await self._hop(self._writers, self.command_now, sql, parameters, settings)

    async def insert(self, table: str, arrow_stream: bytes, token: str) -> None:
        """Inserts one block of rows, given as an Arrow IPC stream, once for each `token`.

        The same token with other rows is silently dropped by the engine: what a token stands for
        must be fixed before the first try. Raises `RowsRefused` where the rows are at fault, and
        for everything else `WarehouseUnavailable` or `AccessRefused`: to be tried again for ever.
        """
        await self._hop(self._writers, self.insert_now, table, arrow_stream, token)

    async def insert_past_views(self, table: str, arrow_stream: bytes, token: str) -> None:
        """Inserts rows that the views have already: `clickhouse.lost_rows`. Raises as `insert`."""
        await self._hop(self._writers, self.insert_past_views_now, table, arrow_stream, token)

    def query_now(
        self,
        sql: str,
        parameters: Mapping[str, Any] | None,
        settings: Mapping[str, Any],
        as_bytes: Sequence[str] = (),
    ) -> QueryResult:
        """The blocking twin of `query`, for worker threads and the command line."""
        with metrics.QUERY_SECONDS.time(), translated(kind_of), self._client() as client:
            result = client.query(
                sql,
                parameters=dict(parameters or {}),
                settings={**QUERY_SETTINGS, **settings},
                column_formats=dict.fromkeys(as_bytes, "bytes") or None,
            )
            return QueryResult(tuple(result.column_names), result.result_rows)

    def command_now(
        self, sql: str, parameters: Mapping[str, Any] | None, settings: Mapping[str, Any]
    ) -> None:
        """The blocking twin of `command`."""
        with translated(kind_of), self._client(COMMAND_TIMEOUT_S) as client:
            client.command(
                sql, parameters=dict(parameters or {}), settings={**COMMAND_SETTINGS, **settings}
            )

    def insert_now(self, table: str, arrow_stream: bytes, token: str) -> None:
        """The blocking twin of `insert`. Raises `StoreBroken` also."""
        with self._inserting(token) as (client, settings):
            client.raw_insert(
                table, insert_block=arrow_stream, fmt="ArrowStream", settings=settings
            )

    def insert_past_views_now(self, table: str, arrow_stream: bytes, token: str) -> None:
        """The blocking twin of `insert_past_views`. Raises `StoreBroken` also."""
        with self._inserting(token) as (client, settings):
            insert_past_views(client, table, arrow_stream, settings)

    @contextmanager
    def _inserting(self, token: str) -> Iterator[tuple[Any, dict[str, Any]]]:
        with translated(kind_of_insert), self._client() as client:
            try:
                yield client, {**INSERT_SETTINGS, "insert_deduplication_token": token}
            except Exception as error:
                if self._embedded is not None:
                    self._ensure_whole(self._embedded, error)
                raise

    def _ensure_whole(self, store: Path, error: Exception) -> None:
        try:
            ensure_no_token_is_lost(store, error)
        except StoreBroken as broken:
            with suppress(InvalidStateError):  # another insert may have found it before
                self.broken.set_result(str(broken))
            raise

    def close(self) -> None:
        """Waits for running calls and closes every client."""
        own = (self._urgent, self._back, self._aside, self._exports)
        for executor in (self._readers, *own, self._writers):
            executor.shutdown(wait=True, cancel_futures=True)
        with self._lock:
            for client in self._clients:
                client.close()
            self._clients.clear()

    @contextmanager
    def _client(self, timeout_s: int | None = None) -> Iterator[Any]:
        """Lends this thread's client for one call, which may wait so long for each answer.

        Where a query fails on the way, chDB keeps the blocks that it had ready and puts them
        before the answer of the next call on that handle, whoever asks (seen with 4.4.0): rows of
        one tenant in the answer of another. So a handle that failed is never asked again.
        """
        # The embedded engine waits for nobody, and one handle a thread is enough.
        key = 0 if self._embedded is not None else timeout_s or self._answer_timeout_s
        client = self._local.clients.get(key)
        if client is None:
            client = self._open(key)
        try:
            yield client
        except BaseException:
            if self._embedded is not None:
                self._let_go(client, key)
            raise

    def _open(self, key: int) -> Any:
        client = self._local.clients[key] = _connect(self.url, key, self._engine_options)
        with self._lock:
            self._clients.append(client)
        return client

    def _let_go(self, client: Any, key: int) -> None:
        del self._local.clients[key]
        # The next one first: the engine ends with its last handle, and takes a second to come back.
        with suppress(Exception):
            self._open(key)
        with self._lock:
            self._clients.remove(client)
        client.close()

    async def _hop(
        self, executor: ThreadPoolExecutor, call: Callable[..., T], *arguments: Any
    ) -> T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(executor, call, *arguments)


def for_exports(warehouse: Warehouse) -> Warehouse:
    """Returns the same store with one thread of its own for reads.

    For files of rows, part by part: those of several take turns.
    """
    return warehouse._view(warehouse._exports)


async def read_bytes(
    warehouse: Warehouse, sql: str, parameters: Mapping[str, Any], format: str, **settings: Any
) -> bytes:
    """Runs a bounded read, and returns what the engine writes in one of its formats.

    Raises as `Warehouse.query`.
    """

    def call() -> bytes:
        with metrics.QUERY_SECONDS.time(), translated(kind_of), warehouse._client() as client:
            found: bytes = client.raw_query(
                sql,
                parameters=dict(parameters),
                settings={**QUERY_SETTINGS, **settings},
                fmt=format,
            )
            return found

    return await warehouse._hop(warehouse._readers, call)


class _ThreadsOwn(threading.local):
    def __init__(self) -> None:
        self.clients: dict[int, Any] = {}
        """By how long they wait for an answer."""


def path_of(url: str) -> Path | None:
    """Returns the directory of an embedded store, `None` when the address is a server's."""
    parts = urlsplit(url)
    return Path(unquote(parts.path)) if parts.scheme == "chdb" else None


def ensure_no_token_is_lost(store: Path, reason: Exception) -> None:
    """Looks, after an insert into this process's own engine failed, whether its tokens hold.

    Blocking. Raises `StoreBroken` where one does not.
    """
    lost = set(find_lost_tokens(store))
    if lost:
        # Another block may have been on its way at that moment.
        time.sleep(ON_ITS_WAY_S)
        lost &= set(find_lost_tokens(store))
    if lost:
        raise StoreBroken(f"rows of {len(lost)} blocks are not in place: {reason}") from reason


def _connect(url: str, timeout_s: int, engine_options: Mapping[str, str]) -> Any:
    # Settings that one engine version knows and another does not must not stop the start.
    common.set_setting("invalid_setting_action", "send")
    logging.getLogger("clickhouse_connect").addHandler(QUIET)
    path = path_of(url)
    if path is not None:
        return clickhouse_connect.get_client(
            interface="chdb", path=str(path), tz_mode="aware", chdb_options=dict(engine_options)
        )
    return clickhouse_connect.get_client(
        dsn=url,
        # The client takes the scheme from the port alone: https with another one than 443 or 8443
        # would send the password in clear.
        interface=urlsplit(url).scheme,
        tz_mode="aware",
        send_receive_timeout=timeout_s,
        autogenerate_session_id=False,
        compress="lz4",
    )
