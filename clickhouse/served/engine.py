"""The store, opened so that it bears strangers, and handles on it, one for each of their calls.

The embedded engine knows one user. Its grants and what it may set are fixed here for the whole
process by a file that the engine reads as it opens; a reader's handle has `readonly=2` and
`allow_ddl=0` on top, which no statement can take back. All three are the engine's own to hold.

The engine is loaded with the first handle and no sooner: it starts threads as it is loaded, and
`confine` binds those alone that begin after it.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from clickhouse.served.codes import Code
from clickhouse.served.errors import EngineError, refusal
from clickhouse.served.rights import (
    BINDING,
    CALL_MEMORY_BYTES,
    CONFIG,
    TABLE_FUNCTIONS,
    EngineLimits,
    Rights,
    write_users,
)

CODE = re.compile(r"Code: (\d+)\. ")
NAME = re.compile(r"^[A-Za-z_]\w*$")
MAX_MESSAGE_CHARS = 4096
"""Of an error: the engine quotes the whole statement, and more than once."""
ATTACH = "ATTACH DATABASE _ UUID '{uuid}'\nENGINE = Atomic\n"

NO_EXPRESSIONS = {
    "input_format_values_interpret_expressions": 0,
    "input_format_values_deduce_templates_of_expressions": 0,
}
"""Rows in the format Values are rows, and hold no statement that nobody has checked."""


class ServedStore:
    """A migrated store, open for handles. One a process, which opens no other way to it."""

    def __init__(
        self,
        path: Path,
        limits: EngineLimits,
        settings: frozenset[str],
        policed: Sequence[str] = (),
    ) -> None:
        """Opens it; `settings` are the names of all that this engine has.

        A handle that is bound to projects sees their rows of the tables `policed`, and nothing
        holds it back from others: `clickhouse.served.bound` does.
        """
        self._path = path
        users = write_users(settings, limits, policed)
        self._address = f"{path}?config-file={_write_config(path, users)}"
        self._limits = limits
        self._policed = frozenset(policed)
        self.settings = settings
        # Keeps the engine open between calls: it ends with its last handle.
        self._keeper = self.handle(Rights.READ, held=True)
        self.timezone = self._keeper.ask("SELECT timezone()")
        listed = self._keeper.ask("SELECT DISTINCT lower(name) FROM system.table_functions")
        self.refused_functions = frozenset(listed.split()) - TABLE_FUNCTIONS

    @property
    def max_answer_bytes(self) -> int:
        """How long an answer may be that is held as a whole."""
        return self._limits.result_bytes

    def handle(self, rights: Rights, *, held: bool, projects: Sequence[str] = ()) -> "Handle":
        """Opens a handle for one call, whose answer is held as a whole or sent by blocks.

        With `projects` it sees their rows alone.
        """
        assert self._policed or not projects
        # Settings of the address are set without asking whether a user may.
        settings: dict[str, int | str] = {
            "max_execution_time": self._limits.execution_s,
            "max_memory_usage": min(CALL_MEMORY_BYTES, self._limits.memory_bytes),
            "max_memory_usage_for_user": self._limits.memory_bytes,
            "max_result_bytes": self._limits.result_bytes if held else 0,
            "result_overflow_mode": "throw",
            "allow_introspection_functions": 0,
            **NO_EXPRESSIONS,
        }
        if projects:
            settings[BINDING] = ".".join(projects)
        if rights is Rights.READ:
            settings |= {"readonly": 2, "allow_ddl": 0}
        return Handle(self._path, self._address + "".join(f"&{k}={v}" for k, v in settings.items()))

    def unpoliced(self, handle: "Handle") -> frozenset[str]:
        """Returns the names in the store, by now, of which a bound handle would see all rows."""
        names = handle.ask("SELECT name FROM system.tables WHERE database = 'default'")
        return frozenset(names.split("\n")) - self._policed

    def close(self) -> None:
        """Ends the engine, once every other handle is closed."""
        self._keeper.close()


class Handle:
    """One session of the engine, for one call at a time.

    Closed after a call that failed, whatever it was: chDB 4.4 keeps the blocks that a failed query
    had ready, and puts them before the next answer of the same handle.
    """

    def __init__(self, store: Path, address: str) -> None:
        from chdb.state.sqlitelike import Connection

        self.store = store
        with translated():
            self._connection: Any = Connection(address)

    def ask(self, sql: str, parameters: Mapping[str, str] | None = None) -> str:
        """Returns the one value of a query, which is not a stranger's."""
        with translated():
            answer = self._connection.query(sql, "TSVRaw", params=dict(parameters or {}))
        return bytes(answer.bytes()).decode().removesuffix("\n")

    def set(self, settings: Mapping[str, str]) -> None:
        """Sets what holds from here on; the engine says which may be. Raises `EngineError`."""
        if wrong := [name for name in settings if not NAME.match(name)]:
            raise refusal(Code.UNKNOWN_SETTING, f"Unknown setting '{wrong[0]}'.")
        if settings:
            pairs = ", ".join(f"{name} = {_quoted(value)}" for name, value in settings.items())
            self.run(f"SET {pairs}")

    def use(self, database: str) -> None:
        """Makes a database the one of names without any. Raises `EngineError`."""
        self.run(_use(database))

    def run(
        self,
        sql: str | bytes,
        parameters: Mapping[str, str] | None = None,
        *,
        form: str = "TabSeparated",
    ) -> Any:
        """Runs a statement to its end; returns chDB's result. Raises `EngineError`."""
        with translated():
            return self._connection.query(sql, form, params=dict(parameters or {}))

    def stream(self, sql: bytes, parameters: Mapping[str, str], form: str) -> Any:
        """Starts a query whose blocks are fetched one by one. Raises `EngineError`."""
        with translated():
            return self._connection.send_query(sql, form, params=dict(parameters))

    def canonical(self, sql: bytes) -> str:
        """Returns a statement as the engine reads it, on one line. Raises `EngineError`."""
        text = sql.decode("utf-8", "replace")
        escaped = text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n")
        try:
            return self.ask("SELECT formatQuerySingleLine({sql:String})", {"sql": escaped})
        except EngineError as error:
            told, _, _ = error.message.partition(": In scope SELECT formatQuerySingleLine(")
            raise EngineError(Code.SYNTAX_ERROR, f"{told} (SYNTAX_ERROR)") from error

    def close(self) -> None:
        """Gives the handle back to the engine, with all that it held."""
        self._connection.close()


@contextmanager
def translated() -> Iterator[None]:
    """Turns what chDB raises into `EngineError`."""
    from chdb import ChdbError

    try:
        yield
    except (ChdbError, RuntimeError) as error:
        raise _read_error(str(error)) from error


def _read_error(text: str) -> EngineError:
    found = CODE.search(text)
    if found is None:
        return refusal(Code.UNKNOWN_EXCEPTION, _shortened(text))
    return EngineError(int(found[1]), _shortened(text[found.start() :]))


def _shortened(text: str) -> str:
    half = MAX_MESSAGE_CHARS // 2
    return text if len(text) <= MAX_MESSAGE_CHARS else f"{text[:half]} … {text[-half:]}"


def _write_config(path: Path, users_text: str) -> Path:
    """Writes what the engine reads as it opens, and tells it of the database that is there.

    chDB makes `default` anew at each start, over what a link in the store leads to; without that
    it must be told by a file, which chDB leaves in peace when the store is opened as ever.
    """
    link = path / "metadata" / "default"
    (path / "metadata" / "default.sql").write_text(ATTACH.format(uuid=link.readlink().name))
    directory = path / "served"
    directory.mkdir(exist_ok=True)
    users = directory / "users.xml"
    users.write_text(users_text)
    config = directory / "config.xml"
    config.write_text(CONFIG.format(users=escape(str(users))))
    return config


def _use(database: str) -> str:
    return f"USE `{_escaped(database, '`')}`"


def _escaped(text: str, quote: str) -> str:
    return text.replace("\\", "\\\\").replace(quote, f"\\{quote}")


def _quoted(text: str) -> str:
    return f"'{_escaped(text, chr(39))}'"
