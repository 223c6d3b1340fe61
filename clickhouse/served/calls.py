"""One call: what a request asks of the engine, run to its end on one handle, chunk by chunk."""

import os
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from typing import NamedTuple

from clickhouse.client import ensure_no_token_is_lost
from clickhouse.served.bound import check_bound
from clickhouse.served.checks import check, refuse_functions
from clickhouse.served.codes import Code
from clickhouse.served.engine import Handle, ServedStore, translated
from clickhouse.served.errors import EngineError, refusal
from clickhouse.served.native import LEAST_REVISION, Rewriter
from clickhouse.served.rights import Rights
from clickhouse.served.statements import Statement

PIECE_BYTES = 1 << 20
PARTS_AT_ONCE = 1_000
MAX_BLOCK_BYTES = 256 << 20
"""Of what is sent by blocks: one of 65,000 rows with 4 KiB each."""


class Call(NamedTuple):
    """A statement with everything that came beside it."""

    statement: Statement
    form: str
    """The format of the answer where the statement names none."""
    parameters: Mapping[str, str]
    """Values in ClickHouse's escaped text form, by name."""
    settings: Mapping[str, str]
    database: str
    """Empty for the store's own."""
    revision: int = 0
    """The protocol version that a client of the format Native reads; 0 for the engine's own."""

    @property
    def is_rewritten(self) -> bool:
        """Tells whether the answer is Native with what such a client reads beside it."""
        form = self.statement.format or self.form
        return self.revision >= LEAST_REVISION and form.lower() == "native"


class Summary(NamedTuple):
    """What a call has read and written so far."""

    read_rows: int = 0
    read_bytes: int = 0
    written_rows: int = 0
    written_bytes: int = 0
    result_rows: int = 0
    result_bytes: int = 0


class Run:
    """A call of a user with these rights, on a handle of its own."""

    def __init__(
        self, store: ServedStore, call: Call, rights: Rights, projects: Sequence[str] = ()
    ) -> None:
        """With `projects` it reads the rows of these alone."""
        self._store = store
        self._projects = projects
        self._rewriter = Rewriter()
        self._call = call
        self._rights = rights
        self._streams = call.statement.streams_as(call.form)
        self.summary = Summary()

    def chunks(self) -> Generator[bytes, None, None]:
        """Yields the answer. Blocking. Raises `EngineError`, also after some of it, and
        `StoreBroken` where an insert that failed has left a token without its rows.
        """
        call = self._call
        if b"\0" in call.statement.head:
            raise refusal(Code.SYNTAX_ERROR, "Syntax error: a zero byte.")
        if call.statement.has_another:
            raise refusal(Code.SYNTAX_ERROR, "Multi-statements are not allowed.")
        opened = self._store.handle(self._rights, held=not self._streams, projects=self._projects)
        with closing(opened) as handle:
            canonical = handle.canonical(call.statement.head)
            check(canonical, self._rights, self._store.settings)
            refuse_functions(canonical, self._store.refused_functions)
            if self._projects:
                check_bound(canonical, call.database, self._store.unpoliced(handle))
            if call.database:
                handle.use(call.database)
            handle.set(call.settings)
            yield from self._answer(handle)

    def _answer(self, handle: Handle) -> Iterator[bytes]:
        call = self._call
        if call.statement.rows is not None:
            try:
                yield from self._insert(handle, call.statement.rows)
            except EngineError as error:
                ensure_no_token_is_lost(handle.store, error)
                raise
        elif self._streams:
            yield from self._fetch(handle)
        else:
            result = handle.run(call.statement.text, call.parameters, form=call.form)
            yield from self._held(result, self._store.max_answer_bytes)

    def _held(self, result: object, most: int) -> Iterator[bytes]:
        """Yields what the engine holds of an answer, in pieces.

        Its own bound counts a column that is the same in every row once (26.9), so what is there
        is measured before it is copied.
        """
        self._note(result)
        size = _count(result, "size")
        if size > most:
            raise refusal(
                Code.TOO_MANY_ROWS_OR_BYTES, f"{size} bytes at once, where {most} may be."
            )
        if self._call.is_rewritten and self._call.statement.answers_rows:
            yield from _pieces(self._rewriter.blocks(bytes(result.bytes())))  # type: ignore[attr-defined]
            return
        view = memoryview(result.bytes())  # type: ignore[attr-defined]
        for begin in range(0, len(view), PIECE_BYTES):
            yield bytes(view[begin : begin + PIECE_BYTES])

    def _fetch(self, handle: Handle) -> Iterator[bytes]:
        call = self._call
        stream = handle.stream(call.statement.text, call.parameters, call.form)
        try:
            while True:
                with translated():
                    result = stream.fetch()
                if result is None:
                    return
                yield from self._held(result, MAX_BLOCK_BYTES)
        finally:
            stream.close()

    def _insert(self, handle: Handle, rows: bytes) -> Iterator[bytes]:
        statement = self._call.statement
        if self._call.parameters:
            reason = "Rows of an INSERT take no parameters: send values, or INSERT … SELECT."
            raise refusal(Code.NOT_IMPLEMENTED, reason)
        # From a file, not by `send_insert`: that says nothing where a view fails (chDB 4.4), and
        # what the view makes of the rows would be missing for ever.
        with _file_of(rows) as path:
            done = handle.run(statement.reading_from(path))
        rows_written = _count(done, "rows_written")
        self.summary = Summary(rows_written, len(rows), rows_written, _count(done, "size"))
        yield b""

    def _note(self, result: object) -> None:
        counts = (
            "storage_rows_read", "storage_bytes_read", "rows_written", "bytes_written",
            "rows_read", "size",
        )  # fmt: skip
        new = (_count(result, name) for name in counts)
        self.summary = Summary(*map(sum, zip(self.summary, new, strict=True)))


def _pieces(parts: Iterable[bytes]) -> Iterator[bytes]:
    """Puts small parts together."""
    held: list[bytes] = []
    for part in parts:
        held.append(part)
        if len(part) >= PIECE_BYTES or len(held) >= PARTS_AT_ONCE:
            yield b"".join(held)
            held.clear()
    yield b"".join(held)


@contextmanager
def _file_of(rows: bytes) -> Iterator[str]:
    """Gives rows a path, in memory alone: this process may write nowhere but in its store."""
    with open(os.memfd_create("rows"), "wb") as file:
        file.write(rows)
        file.flush()
        yield f"/proc/self/fd/{file.fileno()}"


def _count(result: object, name: str) -> int:
    return int(getattr(result, name)())
