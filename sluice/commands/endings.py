"""Which exceptions the command line says in one line, and with which exit code it ends."""

from typing import NamedTuple

from clickhouse.failures import WarehouseError, WarehouseUnavailable
from clickhouse.migrate import MigrationError
from controlplane.crypto import UnsealError
from controlplane.failures import BadSeed, ControlPlaneError
from controlplane.rules import explained
from eventlog.dead_letters import AlreadyReplayed, UnknownDeadLetter
from eventlog.log import LogError
from eventlog.replays import NotReplayable
from processors.llm.cost.cache import PriceTableError
from schemas.settings import SettingsError
from sluice.commands.errors import CommandError, WrongCall
from sluice.lock import AlreadyRunning
from sluice.room import DiskFull

MISUSE = (SettingsError, BadSeed, AlreadyRunning, WrongCall)
"""A wrong call or a wrong place: exit code 2."""
FAILED = (
    CommandError,
    ControlPlaneError,
    UnsealError,
    LogError,
    AlreadyReplayed,
    UnknownDeadLetter,
    NotReplayable,
    WarehouseError,
    MigrationError,
    PriceTableError,
    DiskFull,
    OSError,
)
"""Tried, and refused: exit code 1."""


class Ending(NamedTuple):
    """How the command line ends after an exception."""

    code: int
    text: str
    is_bug: bool


def ending_of(error: Exception) -> Ending:
    """Returns the line that a person reads instead of a traceback, and the exit code."""
    if isinstance(error, MISUSE + FAILED):
        line = _first_line(_text(error)) or type(error).__name__
        return Ending(2 if isinstance(error, MISUSE) else 1, line, is_bug=False)
    text = f"unexpected; SLUICE_LOG_LEVEL=debug shows where: {type(error).__name__}"
    return Ending(1, f"{text}: {_first_line(str(error))}", is_bug=True)


def _text(error: Exception) -> str:
    if isinstance(error, ControlPlaneError):
        return explained(error.message)
    if isinstance(error, WarehouseUnavailable):
        # An embedded store has no address: its engine says what is wrong with its files.
        is_server = str(error).startswith("cannot connect")
        return f"the store{' (SLUICE_WAREHOUSE_URL)' if is_server else ''}: {error}"
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return str(error)


def _first_line(text: str) -> str:
    return next(iter(text.splitlines()), "")
