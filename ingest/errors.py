"""Why the edge refuses: every class says when, and carries what the ledger of outcomes counts.

Refused
├── Invalid        the sender's fault, never to be retried
│   ├── BadJson            the body is no JSON, or cannot be inflated
│   ├── BadItems           JSON, but not what the contract says
│   ├── TooLarge           beyond a bound in bytes, before or after inflation
│   └── UnknownEncoding    a Content-Encoding that we do not speak
└── Later          refused for now, with the seconds after which to try again
    ├── RateLimited        the key's requests a minute are spent
    └── Overloaded         the log, or the edge, cannot take more
"""

from typing import Any


class Refused(Exception):
    """Raised for whatever keeps a request from being accepted."""

    outcome = "invalid"
    reason = "invalid"

    def __init__(self, message: str, *, items: int = 1) -> None:
        super().__init__(message)
        self.message = message
        self.items = items
        """How many items the request held; 1 where the body was not, or could not be, read."""


class Invalid(Refused):
    """Raised when the request itself is wrong."""

    def __init__(
        self, message: str, *, items: int = 1, details: list[dict[str, Any]] | None = None
    ) -> None:
        super().__init__(message, items=items)
        self.details = details


class BadJson(Invalid):
    """Raised when the body is no JSON, not UTF-8, nested too deeply, or cannot be inflated."""

    reason = "bad_json"


class BadItems(Invalid):
    """Raised when the body is JSON but breaks the contract; one bad item refuses all."""

    reason = "bad_items"


class TooLarge(Invalid):
    """Raised when the body is beyond a bound, on the wire or inflated."""

    outcome = "too_large"
    reason = "body_bytes"


class UnknownEncoding(Invalid):
    """Raised for a Content-Encoding other than gzip, deflate, br, zstd and identity."""

    reason = "content_encoding"


class Later(Refused):
    """Raised when the same request may be accepted later."""

    def __init__(self, message: str, *, retry_after_s: int, items: int = 1) -> None:
        super().__init__(message, items=items)
        self.retry_after_s = retry_after_s


class RateLimited(Later):
    """Raised when the key's requests a minute are spent."""

    outcome = "rate_limited"
    reason = "requests_per_minute"


class Overloaded(Later):
    """Raised when the log, or the memory set aside for bodies, cannot take more."""

    outcome = "overloaded"
    reason = "log_full"
