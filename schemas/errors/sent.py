"""What the log holds of an event of the system `errors`: what came, and how it came.

An item is kept as its sender wrote it. What an event needs of the request around it stands beside
it, for the stream never sees the request.
"""

from typing import Literal

import msgspec
from msgspec import Raw, Struct

Protocol = Literal["open_sentry", "sentry"]


class Head(Struct, frozen=True, omit_defaults=True, gc=False):
    """What the envelope or the request said of all its items."""

    event_id: str = ""
    """Of the envelope: 32 hex digits in lower case. It counts before that of the item."""
    sent_at: str = ""
    """The sender's clock when it sent, as it wrote it; by it skewed clocks are found."""
    sdk: str = ""
    """Name and version of the SDK with a blank between, as `X-Sentry-Auth` or the envelope say."""
    client_ip: str = ""
    """Where the request came from, for those who ask for `{{auto}}`; empty where nobody asked."""
    environment: str = ""
    """Of the DSN key, for events that name none."""


class SentItem(Struct, frozen=True, gc=False):
    """One event in the log. The kind of the record says what it is."""

    protocol: Protocol
    head: Head
    item: Raw
    """JSON, as it came."""


encode_sent = msgspec.json.Encoder().encode
"""`SentItem` to bytes."""
sent_decoder = msgspec.json.Decoder(SentItem)
