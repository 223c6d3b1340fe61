"""The store, opened so that it bears strangers, and handles on it, one for each of their calls.

The embedded engine knows one user. Its grants are set here for the whole process, to what a writer
may do, by a file that it reads as it opens; a reader's handle has `readonly=2` and `allow_ddl=0` on
top, which no statement can take back. Both are the engine's own to hold.

The engine is loaded with the first handle and no sooner: it starts threads as it is loaded, and
`confine` binds those alone that begin after it.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from xml.sax.saxutils import escape

import msgspec

from clickhouse.served.errors import EngineError, refusal
from clickhouse.served.rights import (
    CONFIG,
    GRANTS,
    MAX_EXECUTION_S,
    MAX_MEMORY_BYTES,
    USERS,
    Rights,
)

CODE = re.compile(r"Code: (\d+)\. ")
NAME = re.compile(r"^[A-Za-z_]\w*$")
UNKNOWN_EXCEPTION = 1002
UNKNOWN_SETTING = 115
ATTACH = "ATTACH DATABASE _ UUID '{uuid}'\nENGINE = Atomic\n"


class Limits(NamedTuple):
    """What holds for each call unless the call says otherwise."""

    execution_s: int
    result_bytes: int


class ServedStore:
    """A migrated store, open for handles. One a process, which opens no other way to it."""

    def __init__(self, path: Path, limits: Limits) -> None:
        self._path = path
        self._address = f"{path}?config-file={_write_config(path)}"
        self._limits = limits
        # Keeps the engine open between calls: it ends with its last handle.
        self._keeper = self.handle(Rights.READ)
        self.timezone = self._keeper.ask("SELECT timezone()")

    def handle(self, rights: Rights) -> "Handle":
        """Opens a handle of its own for one call or one session: 0.2 ms."""
        # Settings of the address are set without asking whether a user may.
        settings = {
            "max_execution_time": self._limits.execution_s,
            "max_memory_usage": MAX_MEMORY_BYTES,
            "max_result_bytes": self._limits.result_bytes,
            "result_overflow_mode": "throw",
        }
        if rights is Rights.READ:
            settings |= {"readonly": 2, "allow_ddl": 0}
        return Handle(self._path, self._address + "".join(f"&{k}={v}" for k, v in settings.items()))

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
            raise refusal(UNKNOWN_SETTING, "UNKNOWN_SETTING", f"Unknown setting '{wrong[0]}'.")
        if settings:
            pairs = ", ".join(f"{name} = {_quoted(value)}" for name, value in settings.items())
            self.run(f"SET {pairs}")

    def use(self, database: str) -> None:
        """Makes a database the one of names without any. Raises `EngineError`."""
        self.run(_use(database))

    def use_again(self) -> str:
        """Returns the statement that comes back to the database of now."""
        return _use(self.ask("SELECT currentDatabase()"))

    def assignments_of(self, names: Iterable[str]) -> str:
        """Returns the assignments that put settings back to what they are now."""
        held = ", ".join(_quoted(name) for name in names)
        with translated():
            answer = self._connection.query(
                "SELECT name, value FROM system.settings"  # noqa: S608 - quoted, and our caller's
                f" WHERE changed AND name IN ({held})",
                "JSONCompactEachRow",
            )
        changed = dict(msgspec.json.decode(line) for line in bytes(answer.bytes()).splitlines())
        return ", ".join(
            f"{name} = {_quoted(changed[name]) if name in changed else 'DEFAULT'}" for name in names
        )

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

    def insert(self, sql: bytes, form: str) -> Any:
        """Starts an INSERT that is fed with rows; it reads no file, whatever its text says."""
        with translated():
            return self._connection.send_insert(sql, form)

    def count_statements(self, sql: bytes) -> int:
        """Returns how many statements the engine sees; 0 when it cannot read them."""
        # Not part of what chDB promises, but the one way to ask its parser.
        return int(self._connection._conn.classify_query(sql)["statement_count"])

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
        return refusal(UNKNOWN_EXCEPTION, "UNKNOWN_EXCEPTION", text)
    return EngineError(int(found[1]), text[found.start() :])


def _write_config(path: Path) -> Path:
    """Writes what the engine reads as it opens, and tells it of the database that is there.

    chDB makes `default` anew at each start, over what a link in the store leads to; without that
    it must be told by a file, which chDB leaves in peace when the store is opened as ever.
    """
    link = path / "metadata" / "default"
    (path / "metadata" / "default.sql").write_text(ATTACH.format(uuid=link.readlink().name))
    directory = path / "served"
    directory.mkdir(exist_ok=True)
    users = directory / "users.xml"
    grants = "".join(f"<query>{grant}</query>" for grant in GRANTS)
    users.write_text(
        USERS.format(
            grants=grants, max_execution_s=MAX_EXECUTION_S, max_memory_bytes=MAX_MEMORY_BYTES
        )
    )
    config = directory / "config.xml"
    config.write_text(CONFIG.format(users=escape(str(users))))
    return config


def _use(database: str) -> str:
    return f"USE `{_escaped(database, '`')}`"


def _escaped(text: str, quote: str) -> str:
    return text.replace("\\", "\\\\").replace(quote, f"\\{quote}")


def _quoted(text: str) -> str:
    return f"'{_escaped(text, chr(39))}'"
