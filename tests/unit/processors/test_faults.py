"""Every class of exception, and whose fault it is."""

import decimal
import errno

import msgspec
import pyarrow as pa
import pytest
import zstandard

from clickhouse.failures import (
    AccessRefused,
    RowsRefused,
    StatementRefused,
    StoreBroken,
    WarehouseUnavailable,
)
from eventlog.log import LogDamaged, LogFull, LogUnavailable, NotOwner, RecordsSkipped
from processors.columns import Unfit
from processors.faults import (
    AtFault,
    NotItsFault,
    Verdict,
    is_passing,
    reason_of,
    second_look,
    verdict_of,
)

OF_ITEMS = [
    (Unfit("no"), Verdict.VALUES),
    (msgspec.ValidationError("no"), Verdict.VALUES),
    (msgspec.DecodeError("no"), Verdict.VALUES),
    (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "no"), Verdict.VALUES),
    (UnicodeEncodeError("utf-8", "\ud800", 0, 1, "no"), Verdict.VALUES),
    (OverflowError("no"), Verdict.VALUES),
    (pa.ArrowInvalid("no"), Verdict.VALUES),
    (pa.ArrowTypeError("no"), Verdict.VALUES),
    (TypeError("no"), Verdict.BUG),
    (ValueError("no"), Verdict.BUG),
    (KeyError("no"), Verdict.BUG),
    (IndexError("no"), Verdict.BUG),
    (ZeroDivisionError("no"), Verdict.BUG),
    (decimal.InvalidOperation("no"), Verdict.BUG),
    (AttributeError("no"), Verdict.BUG),
    (AssertionError("no"), Verdict.BUG),
    (NameError("no"), Verdict.BUG),
    (RecursionError("no"), Verdict.BUG),
    (pa.ArrowNotImplementedError("no"), Verdict.BUG),
    (pa.ArrowKeyError("no"), Verdict.BUG),
    (MemoryError(), Verdict.PASSING),
    (pa.ArrowMemoryError("no"), Verdict.PASSING),
    (OSError(errno.ENOSPC, "no"), Verdict.PASSING),
    (pa.ArrowIOError("no"), Verdict.PASSING),
    (BlockingIOError(), Verdict.PASSING),
    (TimeoutError(), Verdict.PASSING),
    (ConnectionResetError(), Verdict.PASSING),
    (RuntimeError("can't start new thread"), Verdict.PASSING),
    (RuntimeError("std::bad_alloc"), Verdict.PASSING),
    (SystemError("returned NULL without setting an exception"), Verdict.PASSING),
    (BufferError("no"), Verdict.PASSING),
    (EOFError("no"), Verdict.PASSING),
    (zstandard.ZstdError("no"), Verdict.PASSING),
    (WarehouseUnavailable("no"), Verdict.PASSING),
    (LogFull("no"), Verdict.PASSING),
    (type("NobodyForesawIt", (Exception,), {})(), Verdict.PASSING),
]
OF_BLOCKS = [
    (NotItsFault("no"), True, "resources"),
    (MemoryError(), True, "resources"),
    (pa.ArrowMemoryError("no"), True, "resources"),
    (OSError(errno.ENOSPC, "no"), True, "resources"),
    (RuntimeError("can't start new thread"), True, "resources"),
    (WarehouseUnavailable("no"), True, "store"),
    (StatementRefused("no"), True, "store"),
    (AccessRefused("no"), True, "access"),
    (RowsRefused("no"), True, "rows"),
    (LogFull("no"), True, "log"),
    (LogUnavailable("no"), True, "log"),
    (LogDamaged("no"), False, "log"),
    (NotOwner("no"), False, "log"),
    (RecordsSkipped("no"), False, "resources"),
    (StoreBroken("no"), False, "resources"),
    (KeyError("no"), False, "resources"),
    (RuntimeError("a bug"), False, "resources"),
]


@pytest.mark.parametrize(("error", "verdict"), OF_ITEMS, ids=lambda value: type(value).__name__)
def test_only_what_is_listed_may_be_an_items_fault(error: Exception, verdict: Verdict) -> None:
    assert verdict_of(error) is verdict


@pytest.mark.parametrize(
    ("error", "passes", "reason"), OF_BLOCKS, ids=lambda value: type(value).__name__
)
def test_what_passes_is_tried_again_and_a_bug_is_not(
    error: Exception, passes: bool, reason: str
) -> None:
    assert is_passing(error) is passes
    if passes:
        assert reason_of(error) == reason


def failing(*errors: Exception) -> "list[Exception]":
    """What the tries that follow the first one raise."""
    return list(errors)


def look(first: Exception, then: "list[Exception]") -> str:
    def work() -> str:
        if then:
            raise then.pop(0)
        return "a row"

    return second_look(first, work)


def test_a_bug_that_an_item_meets_twice_is_the_items() -> None:
    with pytest.raises(AtFault, match="bug: KeyError") as raised:
        look(KeyError("a"), failing(KeyError("a")))

    assert raised.value.is_bug


def test_a_bug_that_does_not_come_again_costs_nothing() -> None:
    assert look(KeyError("a"), failing()) == "a row"


@pytest.mark.parametrize("errors", [(MemoryError(), KeyError("a")), (KeyError("a"), MemoryError())])
def test_memory_that_is_short_at_either_try_says_nothing_of_the_item(
    errors: tuple[Exception, Exception],
) -> None:
    with pytest.raises(NotItsFault, match="MemoryError"):
        look(errors[0], failing(errors[1]))


def test_a_value_that_cannot_be_stored_is_its_items_fault_at_once() -> None:
    with pytest.raises(AtFault, match="^no$") as raised:
        look(Unfit("no"), failing())

    assert not raised.value.is_bug
