"""One call: what a request asks of the engine, run to its end on one handle, chunk by chunk."""

import re
from collections.abc import Generator, Iterator, Mapping
from contextlib import suppress
from typing import NamedTuple

from clickhouse.client import ensure_no_token_is_lost
from clickhouse.served.engine import Handle, translated
from clickhouse.served.errors import EngineError, refusal
from clickhouse.served.statements import Statement

ACCESS_DENIED = 497
SYNTAX_ERROR = 62
PIECE_BYTES = 1 << 20
LITERALS = re.compile(r"'(?:[^'\\]|\\.)*'|`(?:[^`\\]|\\.)*`|\"(?:[^\"\\]|\\.)*\"", re.DOTALL)
OPENS_FILE = re.compile(r"\bINTO\s+OUTFILE\b|\bFROM\s+INFILE\b", re.IGNORECASE)


class Call(NamedTuple):
    """A statement with everything that came beside it."""

    statement: Statement
    form: str
    """The format of the answer where the statement names none."""
    parameters: Mapping[str, str]
    """Values in ClickHouse's escaped text form, by name."""
    settings: Mapping[str, str]
    database: str
    """Empty for the handle's own."""


class Summary(NamedTuple):
    """What a call has read and written so far."""

    read_rows: int = 0
    read_bytes: int = 0
    written_rows: int = 0
    written_bytes: int = 0
    result_rows: int = 0
    result_bytes: int = 0


class Run:
    """A call on a handle, which is left as it was when more calls come to it: a session's."""

    def __init__(self, handle: Handle, call: Call, *, more_come: bool) -> None:
        self._handle = handle
        self._call = call
        self._more_come = more_come
        self._streams = call.statement.streams_as(call.form)
        self.summary = Summary()

    def chunks(self) -> Generator[bytes, None, None]:
        """Yields the answer. Blocking. Raises `EngineError`, also after some of it, and
        `StoreBroken` where an insert that failed has left a token without its rows.

        Where it is not run to its end, close it, and the handle after it.
        """
        call, handle = self._call, self._handle
        _refuse_outside(call.statement, handle)
        settings = self._settings()
        before = self._before(settings) if self._more_come else ()
        if call.database:
            handle.use(call.database)
        handle.set(settings)
        yield from self._answer()
        for statement in before:
            handle.run(statement)

    def _before(self, settings: Mapping[str, str]) -> list[str]:
        """Returns the statements that undo what this call brings with it."""
        undo = [f"SET {self._handle.assignments_of(settings)}"] if settings else []
        if self._call.database and self._call.statement.verb != "USE":
            undo.append(self._handle.use_again())
        return undo

    def _answer(self) -> Iterator[bytes]:
        call = self._call
        if call.statement.rows is not None:
            try:
                yield from self._insert(call.statement.rows)
            except EngineError as error:
                ensure_no_token_is_lost(self._handle.store, error)
                raise
        elif self._streams:
            yield from self._fetch()
        else:
            result = self._handle.run(call.statement.text, call.parameters, form=call.form)
            self._note(result)
            yield result.bytes()

    def _settings(self) -> dict[str, str]:
        settings = dict(self._call.settings)
        if self._streams:
            # It bounds what is held as a whole, and this is not.
            settings.setdefault("max_result_bytes", "0")
        return settings

    def _fetch(self) -> Iterator[bytes]:
        call = self._call
        stream = self._handle.stream(call.statement.text, call.parameters, call.form)
        try:
            while True:
                with translated():
                    result = stream.fetch()
                if result is None:
                    return
                self._note(result)
                yield result.bytes()
        finally:
            stream.close()

    def _insert(self, rows: bytes) -> Iterator[bytes]:
        statement = self._call.statement
        if self._call.parameters:
            raise refusal(48, "NOT_IMPLEMENTED", "Parameters beside INSERT … FORMAT.")
        inserter = self._handle.insert(statement.text, statement.format or "")
        with translated(), inserter:
            view = memoryview(rows)
            # Where the engine has given up, it says why at the end.
            with suppress(RuntimeError):
                for begin in range(0, len(view), PIECE_BYTES):
                    inserter.append(bytes(view[begin : begin + PIECE_BYTES]))
            done = inserter.finish()
        rows_written, bytes_written = int(done.rows_written), int(done.bytes_written)
        self.summary = Summary(rows_written, len(rows), rows_written, bytes_written)
        yield b""

    def _note(self, result: object) -> None:
        counts = (
            "storage_rows_read", "storage_bytes_read", "rows_written", "bytes_written",
            "rows_read", "size",
        )  # fmt: skip
        new = (int(getattr(result, name)()) for name in counts)
        self.summary = Summary(*map(sum, zip(self.summary, new, strict=True)))


def _refuse_outside(statement: Statement, handle: Handle) -> None:
    """Refuses what the engine would do on its own: several statements, and files of the server.

    chDB runs INTO OUTFILE and FROM INFILE as a client does, which asks for no grant. Its formatter
    writes the statement anew, with every name and text quoted: what then still reads so, is.
    """
    if statement.rows is not None:
        return
    if statement.names_files and OPENS_FILE.search(
        LITERALS.sub("''", _formatted(statement, handle))
    ):
        raise refusal(ACCESS_DENIED, "ACCESS_DENIED", "Files of the server are closed.")
    if statement.may_hold_several and handle.count_statements(statement.text) != 1:
        _formatted(statement, handle)
        raise refusal(SYNTAX_ERROR, "SYNTAX_ERROR", "Multi-statements are not allowed.")


def _formatted(statement: Statement, handle: Handle) -> str:
    text = statement.text.decode("utf-8", "replace")
    escaped = text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n")
    try:
        return handle.ask("SELECT formatQuerySingleLine({sql:String})", {"sql": escaped})
    except EngineError as error:
        raise EngineError(SYNTAX_ERROR, error.message) from error
