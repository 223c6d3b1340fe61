"""What SDKs report that they did not send: the only view of what is lost before it reaches us.

Source: https://develop.sentry.dev/sdk/telemetry/client-reports/.
"""

from collections import Counter

import msgspec
from msgspec import Struct

from ingest.errors.item_types import (
    CATEGORIES,
    CLIENT_REPORT,
    COUNTED_AS,
    OTHER_REASON,
    REASONS,
    SIZES,
    UNKNOWN,
)
from ingest.forms import Counted
from schemas.kinds import ATTACHMENT

MAX_REPORT_BYTES = 64 << 10
MAX_QUANTITY = 1_000_000_000
"""Of one reason and category in one report: what a day may bring, and no sum overflows."""


class _Discarded(Struct, frozen=True, gc=False):
    reason: str
    category: str
    quantity: int


class _Report(Struct, frozen=True, gc=False):
    discarded_events: list[_Discarded] | None = None


_decode = msgspec.json.Decoder(_Report).decode


def read_report(payload: memoryview) -> list[Counted]:
    """Returns what a report counts, in words of the ledger; a broken one counts as invalid."""
    try:
        if payload.nbytes > MAX_REPORT_BYTES:
            raise ValueError("too large")
        report = _decode(payload)
    except (ValueError, RecursionError):
        return [Counted(COUNTED_AS[CLIENT_REPORT], "invalid", "bad_items", 1)]
    sums: Counter[tuple[str, str]] = Counter()
    for one in report.discarded_events or ():
        if one.category in SIZES or one.quantity <= 0:
            continue
        kind = CATEGORIES.get(one.category, UNKNOWN)
        reason = one.reason if one.reason in REASONS else OTHER_REASON
        # Of attachments SDKs report the bytes, and not how many there were: one at least.
        count = 1 if one.category == ATTACHMENT.name else one.quantity
        sums[kind, reason] += min(count, MAX_QUANTITY)
    return [
        Counted(kind, "client_discard", reason, min(count, MAX_QUANTITY))
        for (kind, reason), count in sums.items()
    ]
