"""Columns of checks as Arrow. Pure, no I/O."""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from clickhouse.tables import times
from schemas.uptime.rows import CheckRow

TEXTS = ("monitor_id", "region", "outcome", "reason", "message", "peer")
PHASES = ("dns_ms", "connect_ms", "tls_ms", "first_byte_ms", "transfer_ms", "total_ms")


def check_arrays(columns: Sequence[Sequence[Any]]) -> dict[str, pa.Array]:
    """Returns the columns of table `checks`, from those of `CheckRow`."""
    values = dict(zip(CheckRow._fields, columns, strict=True))
    return {
        **{name: pa.array(values[name], pa.string()) for name in TEXTS},
        **{name: pa.array(values[name], pa.float32()) for name in PHASES},
        "slot": times(values["slot_us"]),
        "started": times(values["started_us"]),
        "expires_at": times(values["expires_us"]),
        "attempt": pa.array(values["attempt"], pa.uint8()),
        "revision": pa.array(values["revision"], pa.uint32()),
        "status_code": pa.array(values["status_code"], pa.uint16()),
        "certificate": pa.array(values["certificate"], pa.binary()),
    }
