"""What may go wrong between us and ClickHouse, and which of its codes says what.

WarehouseError
├── WarehouseUnavailable   the engine does not answer for now: retry
├── AccessRefused          user, rights or certificates do not fit: somebody must correct them
├── QueryTooExpensive      a query met its bound in time, rows or memory
└── StatementRefused       the engine understood and refused: a bug
    └── RowsRefused        an insert's rows are of a kind that it cannot take
StoreBroken                the embedded engine lost hold of a block: only a new start repairs it
"""

import re
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from clickhouse_connect.driver.exceptions import ClickHouseError, OperationalError

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

NO_CONNECTION = re.compile(
    r"ConnectionPool\(host='([^']+)', port=(\d+)\).*"
    r"(?:Failed to establish a new connection|Failed to resolve '[^']*'):? \(?(?:\[Errno -?\d+\] )?"
    r"([^\"')]+)"
)
"""What urllib3 says where there is no server, or no such name."""


class WarehouseError(Exception):
    """Anything that went wrong between us and the engine."""


class WarehouseUnavailable(WarehouseError):
    """Raised when the engine does not answer, or says that it cannot for now."""


class AccessRefused(WarehouseError):
    """Raised when user, password, rights or certificates do not fit.

    It says nothing about what was sent: a block is tried again until somebody has corrected it.
    """


class QueryTooExpensive(WarehouseError):
    """Raised when a query met its bound in time, rows or memory."""


class StatementRefused(WarehouseError):
    """Raised when the engine refuses the statement: repeating it will not help."""


class RowsRefused(StatementRefused):
    """Raised when the engine says of an insert's rows, and of nothing else, that they are wrong."""


class StoreBroken(Exception):
    """Raised when the embedded engine took a block's token but not its rows (`dedup_log`).

    No `WarehouseError`: to try again in this process would lose the block. A new process repairs
    the store.
    """


@contextmanager
def translated(kind_of: Callable[[ClickHouseError], type[WarehouseError]]) -> Iterator[None]:
    """Turns the errors of client and engine into ours."""
    try:
        yield
    except OperationalError as error:
        if _is_distrust(error):
            raise AccessRefused(f"the server's certificate is not trusted: {error}") from error
        raise WarehouseUnavailable(_brief(str(error))) from error
    except ClickHouseError as error:
        raise kind_of(error)(str(error)) from error
    except OSError as error:
        raise WarehouseUnavailable(str(error)) from error


def kind_of(error: ClickHouseError) -> type[WarehouseError]:
    """Says of a failed read or command which of our errors it is."""
    code = getattr(error, "code", None)
    if code in TOO_EXPENSIVE:
        return QueryTooExpensive
    if code in NO_ACCESS:
        return AccessRefused
    return WarehouseUnavailable if code is None or code in UNAVAILABLE else StatementRefused


def kind_of_insert(error: ClickHouseError) -> type[WarehouseError]:
    """Of what nobody foresaw, a disk that fails or a view that is broken, no event may die."""
    code = getattr(error, "code", None)
    if code in NO_ACCESS:
        return AccessRefused
    return RowsRefused if code in ROWS_AT_FAULT else WarehouseUnavailable


def _brief(text: str) -> str:
    """Returns who could not be reached, and why, of what the HTTP client tells at length."""
    found = NO_CONNECTION.search(text)
    return "cannot connect to {}, port {}: {}".format(*found.groups()) if found else text


def _is_distrust(error: BaseException | None) -> bool:
    while error is not None and not isinstance(error, ssl.SSLCertVerificationError):
        error = error.__cause__ or error.__context__
    return error is not None
