"""Why the edge rejects a request. Each class says when, and carries what the ledger counts.

Rejected
├── Invalid        the sender's fault, never to be retried
│   ├── BadJson            the body is no JSON, or cannot be inflated
│   ├── BadItems           JSON, but not what the contract says
│   ├── TooLarge           the body is beyond a bound in bytes, before or after inflation
│   ├── ItemTooLarge       one item of it is
│   ├── TooSlow            the body did not come in time
│   ├── UnknownEncoding    a Content-Encoding that we do not speak
│   └── UnknownMediaType   a Content-Type that the route does not take
└── Later          rejected for now, with the seconds after which to try again
    ├── RateLimited        the key's requests a minute are spent
    ├── TooManyBodies      the memory set aside for bodies cannot take more
    └── Overloaded         the log cannot take more
"""

from collections.abc import Mapping

from schemas.issues import Issue
from schemas.outcomes import Outcome


class Rejected(Exception):
    """Raised for whatever keeps a request from being accepted."""

    outcome: Outcome = "invalid"
    reason = "invalid"
    by_kind: Mapping[str, int] | None = None
    """How many items of each kind, where that is known; else all are of the form's."""

    def __init__(self, message: str, *, items: int = 1) -> None:
        super().__init__(message)
        self.message = message
        self.items = items
        """How many items the request held; 1 where the body was not, or could not be, read."""


class Invalid(Rejected):
    """Raised when the request itself is wrong."""

    def __init__(self, message: str, *, items: int = 1, details: list[Issue] | None = None) -> None:
        super().__init__(message, items=items)
        self.details = details


class BadJson(Invalid):
    """Raised when the body is no JSON, not UTF-8, nested too deeply, or cannot be inflated."""

    reason = "bad_json"


class BadItems(Invalid):
    """Raised when the body is JSON but breaks the contract; one bad item rejects all."""

    reason = "bad_items"


class TooLarge(Invalid):
    """Raised when the body is beyond a bound, on the wire or inflated."""

    outcome: Outcome = "too_large"
    reason = "body_bytes"


class ItemTooLarge(Invalid):
    """Raised when one item of the array is beyond the bound for items."""

    outcome: Outcome = "too_large"
    reason = "item_bytes"


class TooSlow(Invalid):
    """Raised when the body did not come in the time that its size allows."""

    reason = "body_time"


class UnknownEncoding(Invalid):
    """Raised for a Content-Encoding other than gzip, deflate, br, zstd and identity."""

    reason = "content_encoding"


class UnknownMediaType(Invalid):
    """Raised for a Content-Type that is none of those that a route takes."""

    reason = "content_type"


class Later(Rejected):
    """Raised when the same request may be accepted later."""

    def __init__(self, message: str, *, retry_after_s: int, items: int = 1) -> None:
        super().__init__(message, items=items)
        self.retry_after_s = retry_after_s


class RateLimited(Later):
    """Raised when the key's requests a minute are spent."""

    outcome: Outcome = "rate_limited"
    reason = "requests_per_minute"


class TooManyBodies(Later):
    """Raised when the bodies being read, the project's own or all, are at their bound."""

    outcome: Outcome = "overloaded"
    reason = "bodies_in_hand"


class Overloaded(Later):
    """Raised when the log cannot take more."""

    outcome: Outcome = "overloaded"
    reason = "log_full"
