"""Spans that SDKs stream one by one: their form on the wire, and the ids that are made of theirs.

Source: https://develop.sentry.dev/sdk/telemetry/spans/span-protocol/. One with `is_segment` is what
was a transaction. The others name it as their segment, and may come before it or long after.
"""

from hashlib import blake2b, sha256

import msgspec
from msgspec import Raw, Struct

from schemas.errors.event import EMPTY

SEGMENT_ID = "sentry.segment.id"
SEGMENT_NAME = "sentry.segment.name"
OPERATION = "sentry.op"
MOST_TEXT_BYTES = 8 << 10
"""Of an attribute that is read as a text: the bound of Sentry's own lines."""


class Attribute(Struct, frozen=True, gc=False):
    """A value with its type, which the value says as well."""

    value: Raw = EMPTY


class StreamedSpan(Struct, frozen=True, gc=False):
    """One span as it comes."""

    trace_id: str
    span_id: str
    start_timestamp: Raw
    end_timestamp: Raw
    name: str | None = None
    parent_span_id: str | None = None
    is_segment: bool | None = None
    status: str | None = None
    attributes: dict[str, Attribute] | None = None

    def text(self, name: str) -> str:
        """Returns an attribute that is a text; empty for any other."""
        found = (self.attributes or {}).get(name)
        if found is None or memoryview(found.value).nbytes > MOST_TEXT_BYTES:
            return ""
        try:
            return _decode_text(found.value)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return ""

    @property
    def data(self) -> dict[str, Raw]:
        """All attributes."""
        sent = (self.attributes or {}).items()
        return {name: one.value for name, one in sent if one.value is not EMPTY}

    @property
    def transaction_id(self) -> str:
        """The id of the transaction that its segment is: sent again, it is the same one."""
        segment_id = self.span_id if self.is_segment else self.text(SEGMENT_ID)
        return sha256(_joined(self.trace_id, segment_id)).hexdigest()[:32]

    @property
    def item_id(self) -> str:
        """Its own id within its project, as a span that is no segment: whatever else it says."""
        ids = _joined(self.trace_id, self.text(SEGMENT_ID), self.span_id)
        return blake2b(ids, digest_size=16).hexdigest()


def _joined(*ids: str) -> bytes:
    # The stream replaces NUL before it reads a span: its ids must stay what they were.
    return "\0".join(one.replace("\0", "\ufffd") for one in ids).encode()


_decode_text = msgspec.json.Decoder(str).decode
decode_streamed = msgspec.json.Decoder(StreamedSpan).decode
