"""What scheduled jobs say of their runs, read.

Source: https://develop.sentry.dev/sdk/telemetry/check-ins/, and what Sentry Relay makes of it.
"""

from typing import Any

import msgspec
from msgspec import Raw, Struct

from processors.columns import Unfit
from processors.errors.around import contexts_of
from processors.errors.events import repairing
from processors.errors.legible import legible
from processors.errors.parts import encoded, text_of
from schemas.errors.event import EMPTY
from schemas.errors.rows import CheckInRow
from schemas.errors.sent import SentItem
from schemas.errors.slugs import slug_of

STATUSES = ("in_progress", "ok", "error", "missed", "timeout")
UNKNOWN = "unknown"
USUAL_ENVIRONMENT = "production"
"""As Sentry has it for jobs that name none."""
MAX_SECONDS = 1e9
MAX_CONFIG_BYTES = 8 << 10


class SentCheckIn(Struct, gc=False):
    """A check-in as it came: of any types."""

    check_in_id: Any = None
    monitor_slug: Any = None
    status: Any = None
    duration: Any = None
    environment: Any = None
    release: Any = None
    monitor_config: Any = None
    contexts: Raw = EMPTY


_decode = msgspec.json.Decoder(SentCheckIn).decode


def read_check_in(sent: SentItem, item_id: str, received_at_us: int) -> CheckInRow:
    """Reads a check-in. Raises `Unfit` for what is no JSON object, or names no monitor."""
    given = repairing(_decode, legible(bytes(sent.item)))
    slug = slug_of(text_of(given.monitor_slug, "monitor_slug", []))
    if not slug:
        raise Unfit("monitor_slug: a check-in names its monitor")
    run = text_of(given.check_in_id, "check_in_id", [], 64).replace("-", "").lower()
    status = given.status if given.status in STATUSES else UNKNOWN
    config = encoded(given.monitor_config, "monitor_config", [], MAX_CONFIG_BYTES)
    environment = text_of(given.environment, "environment", [])
    return CheckInRow(
        item_id,
        received_at_us,
        run if run.strip("0") else item_id,
        slug,
        status,
        nanoseconds_of(given.duration),
        environment or sent.head.environment or USUAL_ENVIRONMENT,
        text_of(given.release, "release", []),
        sent.head.sdk,
        contexts_of(given.contexts, []).trace_id,
        bytes(config),
    )


def nanoseconds_of(seconds: object) -> int | None:
    """Returns a duration; `None` where there is none that could be meant."""
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        return None
    return round(seconds * 1e9) if 0 <= seconds < MAX_SECONDS else None
