"""ClickHouse's error codes as far as we give them ourselves, and the HTTP status of each code.

Source: ClickHouse's src/Server/HTTP/exceptionCodeToHTTPStatus.cpp, and its ErrorCodes.cpp.
"""

from enum import IntEnum


class Code(IntEnum):
    """What we refuse with, by ClickHouse's names."""

    BAD_ARGUMENTS = 36
    NOT_IMPLEMENTED = 48
    SYNTAX_ERROR = 62
    UNKNOWN_FORMAT = 73
    UNKNOWN_SETTING = 115
    REQUIRED_PASSWORD = 194
    TOO_MANY_SIMULTANEOUS_QUERIES = 202
    SOCKET_TIMEOUT = 209
    QUERY_IS_TOO_LARGE = 229
    CANNOT_DECOMPRESS = 271
    TOO_MANY_ROWS_OR_BYTES = 396
    ACCESS_DENIED = 497
    AUTHENTICATION_FAILED = 516
    UNKNOWN_EXCEPTION = 1002


BAD_REQUEST = frozenset(
    {
        6, 8, 15, 25, 26, 27, 36, 37, 38, 41, 44, 53, 62, 72, 117, 123, 167, 168, 223, 321, 376,
        427, 441, 675, 676,
    }
)  # fmt: skip
FORBIDDEN = frozenset({192, 193, 497, 512, 516})
NOT_FOUND = frozenset({46, 47, 50, 56, 60, 63, 73, 78, 81, 115, 152, 336, 511})
OTHERS = {
    48: 501,
    76: 503,
    159: 408,
    194: 401,
    # Too many calls: 500 at ClickHouse, where few clients would try again.
    202: 503,
    209: 503,
    229: 413,
    # Switched off, such as expressions in rows: 500 at ClickHouse, but it is the sender's fault.
    344: 400,
    381: 411,
    439: 503,
    779: 415,
}


def status_of(code: int) -> int:
    """Returns the HTTP status of a ClickHouse error code."""
    if code in OTHERS:
        return OTHERS[code]
    if code in BAD_REQUEST:
        return 400
    if code in FORBIDDEN:
        return 403
    return 404 if code in NOT_FOUND else 500
