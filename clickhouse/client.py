"""One way to speak to ClickHouse: `Warehouse`, over chDB in the process or a server by HTTP.

clickhouse-connect gives both the same synchronous client. A client serves one call at a time, so
the warehouse keeps one per worker thread, with threads for reads, for urgent reads and for writes
apart: a long query never stands before an insert.

    WarehouseError
    ├── WarehouseUnavailable   the engine does not answer for now: retry
    ├── QueryTooExpensive      a query met its bound in time, rows or memory
    └── StatementRefused       the engine understood and refused: a bug, or data that it cannot take
    StoreBroken                the embedded engine lost hold of a block: only a new start mends it
"""

import asyncio
import copy
import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple, TypeVar
from urllib.parse import unquote, urlsplit

import clickhouse_connect
from clickhouse_connect import common
from clickhouse_connect.driver.exceptions import ClickHouseError, OperationalError

from clickhouse.dedup_log import find_lost_tokens
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
URGENT_READERS = 2
QUIET = logging.NullHandler()
"""For the client's own log lines where logging is not set up: what they say is raised as well."""
# Codes of ClickHouse's src/Common/ErrorCodes.cpp.
TOO_EXPENSIVE = frozenset({158, 159, 160, 241, 307, 396})
UNAVAILABLE = frozenset({202, 203, 209, 210, 242, 243, 252, 279, 285, 319, 499, 999})


class WarehouseError(Exception):
    """Anything that went wrong between us and the engine."""


class WarehouseUnavailable(WarehouseError):
    """Raised when the engine does not answer, or says that it cannot for now."""


class QueryTooExpensive(WarehouseError):
    """Raised when a query met its bound in time, rows or memory."""


class StatementRefused(WarehouseError):
    """Raised when the engine refuses the statement or its data: repeating it will not help."""


class StoreBroken(Exception):
    """Raised when the embedded engine took a block's token but not its rows (`dedup_log`).

    No `WarehouseError`: to try again in this process would lose the block, a new one mends it.
    """


class Answer(NamedTuple):
    """The rows of a query, with the names of their columns."""

    columns: tuple[str, ...]
    rows: Sequence[Sequence[Any]]


class Warehouse:
    """A store of events that one process or several share. Close it once, at the end."""

    def __init__(self, url: str, *, readers: int = 3, writers: int = 2) -> None:
        self.url = url
        self._embedded = path_of(url)
        self._local = threading.local()
        self._clients: list[Any] = []
        self._readers = ThreadPoolExecutor(readers, thread_name_prefix="warehouse-read")
        self._urgent = ThreadPoolExecutor(URGENT_READERS, thread_name_prefix="warehouse-urgent")
        self._writers = ThreadPoolExecutor(writers, thread_name_prefix="warehouse-write")
        self._lock = threading.Lock()

    @property
    def urgent(self) -> "Warehouse":
        """The same store with threads of its own for reads.

        For the stream, and for what others wait on: users' queries, however many and slow, do not
        stand before them. Closed with the warehouse that it is taken from.
        """
        view = copy.copy(self)
        view._readers = self._urgent
        return view

    async def query(
        self, sql: str, parameters: Mapping[str, Any] | None = None, **settings: Any
    ) -> Answer:
        """Runs a bounded read with bound values (`{name:Type}` in the text).

        Raises `QueryTooExpensive` at a bound, `WarehouseUnavailable` when there is no engine.
        """
        return await self._hop(self._readers, self.query_now, sql, parameters, settings)

    async def command(
        self, sql: str, parameters: Mapping[str, Any] | None = None, **settings: Any
    ) -> None:
        """Runs a statement that answers nothing (DDL, mutations)."""
        await self._hop(self._writers, self.command_now, sql, parameters, settings)

    async def insert(self, table: str, arrow_stream: bytes, token: str) -> None:
        """Inserts one block of rows, given as an Arrow IPC stream, once for each `token`.

        The same token with other rows is silently dropped by the engine: what a token stands for
        must be fixed before the first try.
        """
        await self._hop(self._writers, self.insert_now, table, arrow_stream, token)

    def query_now(
        self, sql: str, parameters: Mapping[str, Any] | None, settings: Mapping[str, Any]
    ) -> Answer:
        """The blocking twin of `query`, for worker threads and the command line."""
        with metrics.QUERY_SECONDS.time(), _translated(), self._client() as client:
            result = client.query(
                sql, parameters=dict(parameters or {}), settings={**QUERY_SETTINGS, **settings}
            )
            return Answer(tuple(result.column_names), result.result_rows)

    def command_now(
        self, sql: str, parameters: Mapping[str, Any] | None, settings: Mapping[str, Any]
    ) -> None:
        """The blocking twin of `command`."""
        with _translated(), self._client() as client:
            client.command(
                sql, parameters=dict(parameters or {}), settings={**COMMAND_SETTINGS, **settings}
            )

    def insert_now(self, table: str, arrow_stream: bytes, token: str) -> None:
        """The blocking twin of `insert`. Raises `StoreBroken` also."""
        with _translated(), self._client() as client:
            try:
                client.raw_insert(
                    table,
                    insert_block=arrow_stream,
                    fmt="ArrowStream",
                    settings={**INSERT_SETTINGS, "insert_deduplication_token": token},
                )
            except Exception as error:
                if self._embedded is not None:
                    _ensure_no_token_is_lost(self._embedded, error)
                raise

    def close(self) -> None:
        """Waits for running calls and closes every client."""
        for executor in (self._readers, self._urgent, self._writers):
            executor.shutdown(wait=True, cancel_futures=True)
        with self._lock:
            for client in self._clients:
                client.close()
            self._clients.clear()

    @contextmanager
    def _client(self) -> Iterator[Any]:
        """Lends this thread's client for one call.

        Where a query fails on the way, chDB keeps the blocks that it had ready and puts them
        before the answer of the next call on that handle, whoever asks (seen with 4.4.0): rows of
        one tenant in the answer of another. So a handle that failed is never asked again.
        """
        client = getattr(self._local, "client", None)
        if client is None:
            client = self._open()
        try:
            yield client
        except BaseException:
            if self._embedded is not None:
                self._let_go(client)
            raise

    def _open(self) -> Any:
        client = self._local.client = _connect(self.url)
        with self._lock:
            self._clients.append(client)
        return client

    def _let_go(self, client: Any) -> None:
        self._local.client = None
        # The next one first: the engine ends with its last handle, and takes a second to come back.
        with suppress(Exception):
            self._open()
        with self._lock:
            self._clients.remove(client)
        client.close()

    async def _hop(
        self, executor: ThreadPoolExecutor, call: Callable[..., T], *arguments: Any
    ) -> T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(executor, call, *arguments)


@contextmanager
def _translated() -> Iterator[None]:
    """Turns the errors of client and engine into ours."""
    try:
        yield
    except OperationalError as error:
        raise WarehouseUnavailable(str(error)) from error
    except ClickHouseError as error:
        raise _kind_of(error)(str(error)) from error
    except OSError as error:
        raise WarehouseUnavailable(str(error)) from error


def _kind_of(error: ClickHouseError) -> type[WarehouseError]:
    code = getattr(error, "code", None)
    if code in TOO_EXPENSIVE:
        return QueryTooExpensive
    return WarehouseUnavailable if code is None or code in UNAVAILABLE else StatementRefused


def path_of(url: str) -> Path | None:
    """Returns the directory of an embedded store, `None` when the address is a server's."""
    parts = urlsplit(url)
    return Path(unquote(parts.path)) if parts.scheme == "chdb" else None


def _ensure_no_token_is_lost(store: Path, reason: Exception) -> None:
    lost = set(find_lost_tokens(store))
    if lost:
        # Another block may have been on its way at that moment.
        time.sleep(ON_ITS_WAY_S)
        lost &= set(find_lost_tokens(store))
    if lost:
        raise StoreBroken(f"rows of {len(lost)} blocks are not in place: {reason}") from reason


def _connect(url: str) -> Any:
    # Settings that one engine version knows and another does not must not stop the start.
    common.set_setting("invalid_setting_action", "send")
    logging.getLogger("clickhouse_connect").addHandler(QUIET)
    path = path_of(url)
    if path is not None:
        return clickhouse_connect.get_client(interface="chdb", path=str(path), tz_mode="aware")
    return clickhouse_connect.get_client(
        dsn=url, tz_mode="aware", autogenerate_session_id=False, compress="lz4"
    )
