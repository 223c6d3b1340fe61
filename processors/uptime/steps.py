"""The step of the system `uptime`: checks become rows."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import msgspec

from clickhouse.uptime.tables import check_arrays
from processors.blocks import KindStep, StoredItems, nothing
from processors.columns import Columns, Rows, SentChunk, Unfit, row_by_row
from schemas.kinds import CHECK
from schemas.uptime.checks import MAX_AHEAD_US, SentCheck
from schemas.uptime.rows import CheckRow

MAX_MESSAGE_CHARS = 2000
_decode = msgspec.json.Decoder(SentCheck).decode


def steps(follow: Callable[[StoredItems], Awaitable[None]] = nothing) -> Mapping[str, KindStep]:
    """Returns it by the name of its kind. `follow` is what the control plane makes of checks."""
    return {CHECK.name: KindStep(CHECK, build_checks, follow=follow)}


def build_checks(sent: Sequence[SentChunk]) -> Columns:
    """Turns checks into columns."""
    arrivals = iter([one.received_at_us for one in sent for _ in one.bodies])

    def row_of(body: bytes, check_id: str) -> tuple[Any, ...]:
        return read_check(body, check_id, next(arrivals))

    return row_by_row(sent, row_of, lambda columns: {"checks": Rows(check_arrays(columns))})


def read_check(body: bytes, check_id: str, received_at_us: int) -> CheckRow:
    """Reads a check. Raises `Unfit`."""
    try:
        check = _decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Unfit(str(error)) from error
    if check.slot_us > received_at_us + MAX_AHEAD_US:
        raise Unfit("slot_us: the check is of a time that has not come")
    phases = check.phases
    certificate = check.certificate
    return CheckRow(
        check_id,
        check.monitor_id,
        check.region,
        check.slot_us,
        check.attempt,
        check.started_us,
        check.revision,
        check.outcome,
        check.reason,
        check.message[:MAX_MESSAGE_CHARS],
        phases.dns_ms,
        phases.connect_ms,
        phases.tls_ms,
        phases.first_byte_ms,
        phases.transfer_ms,
        phases.total_ms,
        check.status_code,
        check.peer,
        check.expires_us,
        b"" if certificate is None else msgspec.json.encode(certificate),
    )
