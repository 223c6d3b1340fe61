"""One way to speak to ClickHouse: `Warehouse`, over chDB in the process or a server by HTTP.

clickhouse-connect gives both the same synchronous client. A client serves one call at a time, so
the warehouse keeps one per worker thread, with threads for reads, for urgent reads and for writes
apart: a long query never stands before an insert.

    WarehouseError
    ├── WarehouseUnavailable   the engine does not answer for now: retry
    ├── AccessRefused          user, rights or certificates do not fit: somebody must mend it
    ├── QueryTooExpensive      a query met its bound in time, rows or memory
    └── StatementRefused       the engine understood and refused: a bug
        └── RowsRefused        an insert's rows are of a kind that it cannot take
    StoreBroken                the embedded engine lost hold of a block: only a new start mends it
"""

import asyncio
import copy
import logging
import ssl
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
from clickhouse.engine_memory import engine_options
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
QUIET = logging.NullHandler()
"""For the client's own log lines where logging is not set up: what they say is raised as well."""
# Codes of ClickHouse's src/Common/ErrorCodes.cpp.
TOO_EXPENSIVE = frozenset({158, 159, 160, 241, 307, 396})
NO_ACCESS = frozenset({192, 193, 194, 195, 497, 516})
UNAVAILABLE = frozenset(
    {
        202, 203, 209, 210, 225, 236, 242, 243, 244, 252, 254, 279, 285, 286, 297, 319, 394, 425,
        439, 499, 519, 668, 722, 733, 745, 749, 762, 999,
    }
)  # fmt: skip
ROWS_AT_FAULT = frozenset(
    {
        6, 25, 26, 27, 38, 41, 69, 70, 72, 117, 128, 131, 248, 321, 349, 376, 407, 441, 467,
        469, 632, 645, 675, 676, 691, 760,
    }
)  # fmt: skip
"""What a value alone can bring about: texts that cannot be parsed, numbers out of range.

Not the codes of types and columns (16, 43, 53): these are the same for every row, so ours. Not
those of a stream that ends early (32, 33) or is damaged (40, 246, 271): the way may have done it.
"""


class WarehouseError(Exception):
    """Anything that went wrong between us and the engine."""


class WarehouseUnavailable(WarehouseError):
    """Raised when the engine does not answer, or says that it cannot for now."""


class AccessRefused(WarehouseError):
    """Raised when user, password, rights or certificates do not fit.

    It says nothing about what was sent: a block is tried again until somebody has mended it.
    """


class QueryTooExpensive(WarehouseError):
    """Raised when a query met its bound in time, rows or memory."""


class StatementRefused(WarehouseError):
    """Raised when the engine refuses the statement: repeating it will not help."""


class RowsRefused(StatementRefused):
    """Raised when the engine says of an insert's rows, and of nothing else, that they are wrong."""


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
        must be fixed before the first try. Raises `RowsRefused` where the rows are at fault, and
        for everything else `WarehouseUnavailable` or `AccessRefused`: to be tried again for ever.
        """
        await self._hop(self._writers, self.insert_now, table, arrow_stream, token)

    async def insert_past_views(self, table: str, arrow_stream: bytes, token: str) -> None:
        """Inserts rows that the views have already: `clickhouse.lost_rows`. Raises as `insert`."""
        await self._hop(self._writers, self.insert_past_views_now, table, arrow_stream, token)

    def query_now(
        self, sql: str, parameters: Mapping[str, Any] | None, settings: Mapping[str, Any]
    ) -> Answer:
        """The blocking twin of `query`, for worker threads and the command line."""
        with metrics.QUERY_SECONDS.time(), _translated(_kind_of), self._client() as client:
            result = client.query(
                sql, parameters=dict(parameters or {}), settings={**QUERY_SETTINGS, **settings}
            )
            return Answer(tuple(result.column_names), result.result_rows)

    def command_now(
        self, sql: str, parameters: Mapping[str, Any] | None, settings: Mapping[str, Any]
    ) -> None:
        """The blocking twin of `command`."""
        with _translated(_kind_of), self._client(COMMAND_TIMEOUT_S) as client:
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
        with _translated(_kind_of_insert), self._client() as client:
            try:
                yield client, {**INSERT_SETTINGS, "insert_deduplication_token": token}
            except Exception as error:
                if self._embedded is not None:
                    ensure_no_token_is_lost(self._embedded, error)
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


class _ThreadsOwn(threading.local):
    def __init__(self) -> None:
        self.clients: dict[int, Any] = {}
        """By how long they wait for an answer."""


@contextmanager
def _translated(kind_of: Callable[[ClickHouseError], type[WarehouseError]]) -> Iterator[None]:
    """Turns the errors of client and engine into ours."""
    try:
        yield
    except OperationalError as error:
        if _is_distrust(error):
            raise AccessRefused(f"the server's certificate is not trusted: {error}") from error
        raise WarehouseUnavailable(str(error)) from error
    except ClickHouseError as error:
        raise kind_of(error)(str(error)) from error
    except OSError as error:
        raise WarehouseUnavailable(str(error)) from error


def _kind_of(error: ClickHouseError) -> type[WarehouseError]:
    code = getattr(error, "code", None)
    if code in TOO_EXPENSIVE:
        return QueryTooExpensive
    if code in NO_ACCESS:
        return AccessRefused
    return WarehouseUnavailable if code is None or code in UNAVAILABLE else StatementRefused


def _kind_of_insert(error: ClickHouseError) -> type[WarehouseError]:
    """Of what nobody foresaw, a disk that fails or a view that is broken, no event may die."""
    code = getattr(error, "code", None)
    if code in NO_ACCESS:
        return AccessRefused
    return RowsRefused if code in ROWS_AT_FAULT else WarehouseUnavailable


def _is_distrust(error: BaseException | None) -> bool:
    while error is not None and not isinstance(error, ssl.SSLCertVerificationError):
        error = error.__cause__ or error.__context__
    return error is not None


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
