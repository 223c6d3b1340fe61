"""Events to rows. Pure."""

from typing import Protocol

from msgspec.structs import replace

from schemas.errors.event import ErrorEvent, event_encoder
from schemas.errors.rows import ErrorRow, TransactionRow
from schemas.errors.transaction import TransactionEvent

MAX_TITLE = 500
"""UTF-16 units, as contract 3.b counts them; of titles and culprits."""


class Grouped(Protocol):
    """What grouping makes of an event."""

    @property
    def version(self) -> str:
        """Which grouping it was."""

    @property
    def fingerprint(self) -> str:
        """What the event is grouped by."""

    @property
    def others(self) -> tuple[str, ...]:
        """What other versions would group it by."""

    @property
    def type(self) -> str:
        """The type of what was raised."""

    @property
    def title(self) -> str:
        """How people know it."""

    @property
    def culprit(self) -> str:
        """Where it was raised."""


def error_row(event: ErrorEvent, group: Grouped) -> ErrorRow:
    """Builds the row of an error event."""
    # By position: naming so many fields takes 3 us.
    return ErrorRow(
        event.event_id,
        group.fingerprint,
        group.others,
        group.version,
        event.timestamp_us,
        event.level,
        group.type,
        cut_utf16(group.title, MAX_TITLE),
        cut_utf16(group.culprit, MAX_TITLE),
        handled_of(event),
        event.platform,
        event.logger,
        event.environment,
        event.release,
        event.dist,
        event.transaction,
        event.server_name,
        f"{event.sdk_name} {event.sdk_version}".strip(),
        event.user.key,
        event.trace_id,
        event.span_id,
        event.tags,
        event_encoder.encode(event),
    )


def transaction_row(event: TransactionEvent) -> TransactionRow:
    """Builds the row of a transaction; its body is without its spans, which have rows."""
    return TransactionRow(
        event.event_id,
        event.started_us,
        event.duration_ns,
        event.name,
        event.op,
        event.status,
        event.failed,
        event.platform,
        event.environment,
        event.release,
        event.dist,
        event.server_name,
        f"{event.sdk_name} {event.sdk_version}".strip(),
        event.user.key,
        event.trace_id,
        event.span_id,
        event.parent_span_id,
        event.spans,
        event.tags,
        event_encoder.encode(replace(event, spans=())),
    )


def handled_of(event: ErrorEvent) -> bool | None:
    """Tells whether the application caught what was raised; `None` where nobody says.

    One exception of the chain that nobody caught makes the event unhandled, as in Sentry.
    """
    said = {thrown.handled for thrown in event.exceptions} - {None}
    return None if not said else False not in said


def cut_utf16(text: str, units: int) -> str:
    """Cuts a text to so many units of UTF-16, and never within a character."""
    if len(text) * 2 <= units:
        return text
    return text.encode("utf-16-le")[: 2 * units].decode("utf-16-le", errors="ignore")
