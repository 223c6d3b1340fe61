"""How much of OTLP is taken, and why an item of a request is not.

Undecodable   the request is no OTLP of its encoding: HTTP 400, never to be sent again
Rejected      one item cannot be taken: the others are (partial success)
"""

from collections import Counter
from collections.abc import Mapping
from typing import Generic, Literal, NamedTuple, TypeVar

from msgspec import Struct

T = TypeVar("T")
Reason = Literal[
    "bad_form",
    "bad_trace_id",
    "bad_span_id",
    "bad_parent_id",
    "bad_time",
    "no_data",
    "too_large",
    "too_many_attributes",
    "too_many_events",
    "too_many_links",
    "too_many_buckets",
    "too_many_items",
]
REASONS: dict[Reason, str] = {
    "bad_form": "a field has another type than OTLP says",
    "bad_trace_id": "a trace id is 16 bytes that are not all zero, as 32 hex digits in JSON",
    "bad_span_id": "a span id is 8 bytes that are not all zero, as 16 hex digits in JSON",
    "bad_parent_id": "a parent's span id is 8 bytes, as 16 hex digits in JSON, or absent",
    "bad_time": "a time is missing, negative or after the year 2299",
    "no_data": "a metric has a name, and data points of a known kind",
    "too_large": "the item has too many bytes",
    "too_many_attributes": "there are too many attributes",
    "too_many_events": "there are too many events",
    "too_many_links": "there are too many links",
    "too_many_buckets": "a data point has too many buckets, quantiles or exemplars",
    "too_many_items": "the request has too many items; send smaller ones",
}
_MAX_MESSAGE_CHARS = 1_000
LAST_NS = 10_413_792_000_000_000_000
"""The end of the year 2299, which is the store's."""


class Bounds(Struct, frozen=True, kw_only=True):
    """What one request and one item may hold."""

    items: int = 50_000
    """Spans, log records or data points of a request."""
    item_bytes: int = 1 << 20
    """Of a span, a record or a metric, as it was sent."""
    depth: int = 32
    """Of values within values. What is deeper is replaced by a text that says so."""
    attributes: int = 10_000
    """Of an item: a long conversation has some for each message. Also of an event or a link."""
    events: int = 10_000
    links: int = 1_000
    buckets: int = 10_000
    """Of a data point; the same holds of its quantiles and its exemplars."""


STANDARD = Bounds()


class Undecodable(ValueError):
    """Raised when a body is no OTLP of the encoding that its sender names."""


class Rejected(Exception):  # noqa: N818 (it is no error of ours)
    """Raised within the decoders when one item cannot be taken."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason


class Decoded(NamedTuple, Generic[T]):
    """The items of a request that can be taken, and how many cannot, by their reasons."""

    items: list[T]
    rejected: Counter[Reason]

    @property
    def rejected_count(self) -> int:
        """As OTLP's partial success counts: spans, log records or data points."""
        return self.rejected.total()

    def message(self) -> str:
        """Says why items were rejected; may be empty."""
        return message_of(self.rejected)


def message_of(rejected: Mapping[Reason, int]) -> str:
    """Says in English why items were rejected, as OTLP's partial success does; may be empty."""
    told = (
        f"{count} rejected ({reason}): {REASONS[reason]}"
        for reason, count in sorted(rejected.items())
    )
    return "; ".join(told)[:_MAX_MESSAGE_CHARS]
