"""A transaction in our own words: one request, job or page load, with its spans."""

from typing import Any

import msgspec
from msgspec import Raw, Struct

from schemas.errors.event import EMPTY, Asked, Person

MAX_SPANS = 10_000


class SpanPart(Struct, frozen=True, omit_defaults=True, rename="camel", gc=False):
    """One span within a transaction."""

    span_id: str
    parent_span_id: str = ""
    op: str = ""
    description: str = ""
    status: str = ""
    started_us: int = 0
    """Microseconds since 1970 UTC; of Open Sentry's, which have no start, the transaction's."""
    duration_ns: int = 0
    data: Raw = EMPTY
    """A JSON object."""


class TransactionEvent(Struct, frozen=True, omit_defaults=True, rename="camel", gc=False):
    """One transaction."""

    event_id: str
    """32 hex digits in lower case."""
    started_us: int
    """Microseconds since 1970 UTC."""
    duration_ns: int = 0
    name: str = ""
    op: str = ""
    status: str = "ok"
    """In Sentry's words: `ok`, `internal_error`, `not_found`, `cancelled`, `unknown`, ..."""
    platform: str = ""
    release: str = ""
    dist: str = ""
    environment: str = ""
    server_name: str = ""
    sdk_name: str = ""
    sdk_version: str = ""
    trace_id: str = ""
    span_id: str = ""
    parent_span_id: str = ""
    user: Person = Person()
    request: Asked | None = None
    tags: dict[str, str] = {}
    contexts: Raw = EMPTY
    extra: Raw = EMPTY
    measurements: dict[str, Any] = {}
    """Web vitals and the like: `{"lcp": {"value": 1200, "unit": "millisecond"}}`."""
    spans: tuple[SpanPart, ...] = ()
    spans_left_out: int = 0
    problems: tuple[str, ...] = ()

    @property
    def failed(self) -> bool:
        """Whether it counts as a failure: Sentry counts all but these as one."""
        return self.status not in ("ok", "cancelled", "unknown", "")


transaction_decoder = msgspec.json.Decoder(TransactionEvent)
