"""What the command line refuses, and which exceptions of other packages it says in one line."""

from clickhouse.errors import WarehouseError
from clickhouse.migrate import MigrationError
from controlplane.crypto import UnsealError
from controlplane.errors import BadSeed, ControlPlaneError
from eventlog.dead_letters import AlreadyReplayed, UnknownDeadLetter
from eventlog.log import LogError
from processors.llm.cost.cache import PriceTableError
from processors.replays import NotReplayable
from schemas.settings import SettingsError
from sluice.lock import AlreadyRunning


class CommandError(Exception):
    """Raised when a command cannot do what was asked; the message says why, in one line."""


MISUSE = (SettingsError, BadSeed, AlreadyRunning)
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
    OSError,
)
"""Tried, and refused: exit code 1."""
