"""Whose fault an exception is: the one place that tells what may make an item a dead letter.

Two short lists say what may. Whatever is in neither of them (no memory, no disk, no thread, and
what nobody foresaw) passes: the block is tried again, and the alarm says so.

    Exception
    ├── AtFault         an item's values, or a bug that they meet each time
    └── NotItsFault     anything else that was raised while working on items
"""

from collections.abc import Callable
from enum import Enum
from typing import TypeVar

import msgspec
import pyarrow as pa

from clickhouse.failures import AccessRefused, RowsRefused, WarehouseError
from controlplane.failures import Unavailable
from eventlog.log import LogError, LogFull, LogUnavailable
from processors.columns import Unfit

T = TypeVar("T")

VALUES = (
    Unfit,
    msgspec.MsgspecError,
    UnicodeError,
    OverflowError,
    pa.ArrowInvalid,
    pa.ArrowTypeError,
)
"""What says of a value that it cannot be read, or not be written down."""
BUGS = (
    TypeError,
    ValueError,
    LookupError,
    ArithmeticError,
    AttributeError,
    AssertionError,
    NameError,
    NotImplementedError,
    RecursionError,
)
"""What our own code raises when it meets a value that it was not written for. No other
`RuntimeError`, and no `SystemError`: so C code tells of a lack of memory or threads."""
RESOURCES = (MemoryError, OSError)
NO_THREAD = "can't start new thread"
"""What CPython says in a `RuntimeError` when the system gives no thread."""


class Verdict(Enum):
    """What an exception that was raised while working on one item says."""

    VALUES = "the item cannot be stored"
    BUG = "our code fails on it: the item's fault if it does so again"
    PASSING = "not the item's fault: to be tried again"


class AtFault(Exception):
    """Raised for what becomes a dead letter; the message is its reason."""

    def __init__(self, reason: str, *, is_bug: bool) -> None:
        super().__init__(reason)
        self.is_bug = is_bug


class NotItsFault(Exception):
    """Raised for what says nothing about the item: to be tried again for ever."""


WORDS: tuple[tuple[type[Exception], str], ...] = (
    (RowsRefused, "rows"),
    (AccessRefused, "access"),
    (WarehouseError, "store"),
    (Unavailable, "control plane"),
    (LogError, "log"),
)
SHORTAGE = "resources"
REASONS = (*(word for _, word in WORDS), SHORTAGE)
"""Every label of `sluice_insert_failures`."""
PASSING = (NotItsFault, WarehouseError, LogFull, LogUnavailable, Unavailable, *RESOURCES)


def verdict_of(error: BaseException) -> Verdict:
    """Tells whether an item may be at fault for an exception; what is not listed never is."""
    if isinstance(error, RESOURCES):
        return Verdict.PASSING
    if isinstance(error, VALUES):
        return Verdict.VALUES
    return Verdict.BUG if isinstance(error, BUGS) else Verdict.PASSING


def second_look(error: Exception, work: Callable[[], T]) -> T:
    """Returns what pure work on values gives after it raised `error`, if it succeeds now.

    Raises `AtFault` for values, and for a bug that they meet again; else `NotItsFault`.
    """
    match verdict_of(error):
        case Verdict.VALUES:
            raise AtFault(str(error), is_bug=False) from error
        case Verdict.PASSING:
            raise NotItsFault(repr(error)) from error
    try:
        return work()
    except Exception as again:
        if verdict_of(again) is Verdict.PASSING:
            raise NotItsFault(repr(again)) from again
        raise AtFault(f"bug: {again!r}", is_bug=True) from again


def is_passing(error: BaseException) -> bool:
    """Tells whether a block, or a start, that met this is tried again; else it is a bug.

    Not `LogDamaged`, which only a new opening ends; not `NotOwner`, which stays so.
    """
    if isinstance(error, RuntimeError):
        return NO_THREAD in str(error)
    return isinstance(error, PASSING)


def reason_of(error: BaseException | None) -> str:
    """Names what a block waits for, in one word: the label of its metric."""
    return next((word for kind, word in WORDS if isinstance(error, kind)), SHORTAGE)
