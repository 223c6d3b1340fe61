"""Columns to Arrow, and what every table shares: times, money, one encoded block out. Pure, no I/O.

Arrow costs the engine a tenth of what JSON lines do; decimals are built from integers, so that
money never passes through a float.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from schemas.rows import OutcomeRow

MONEY = pa.decimal128(38, 12)
TIME = pa.timestamp("us", "UTC")
INT64_LIMIT = 1 << 63
PICO = Decimal(10) ** 12


def encode_outcomes(rows: Sequence[OutcomeRow]) -> bytes:
    """Encodes rows for table `outcomes` as an Arrow IPC stream."""
    columns: dict[str, Any] = {
        name: pa.array([getattr(row, name) for row in rows], pa.string())
        for name in ("project_id", "kind", "outcome", "reason")
    }
    # `minute` is a DateTime: whole seconds, which Arrow hands over as an unsigned number.
    columns["minute"] = pa.array([row.minute_us // 1_000_000 for row in rows], pa.uint32())
    columns["count"] = pa.array([row.count for row in rows], pa.int64())
    return encode(pa.record_batch(list(columns.values()), names=list(columns)))


def times(values: Sequence[int] | npt.NDArray[np.int64]) -> pa.Array:
    """Builds moments from microseconds since 1970 UTC."""
    return pa.array(values, pa.int64()).cast(TIME)


def money(values: Sequence[int | None]) -> pa.Array:
    """Builds decimals from pico-dollars through the 128-bit words that Arrow keeps inside."""
    words = np.zeros((len(values), 2), dtype="<i8")
    present = np.fromiter((value is not None for value in values), dtype=bool, count=len(values))
    if all(value is None or 0 <= value < INT64_LIMIT for value in values):
        words[:, 0] = [value or 0 for value in values]
    else:
        halves = [divmod(value or 0, 1 << 64) for value in values]
        words[:, 0] = np.array([low for _, low in halves], dtype="<u8").view("<i8")
        words[:, 1] = [high for high, _ in halves]
    validity = pa.py_buffer(np.packbits(present, bitorder="little").tobytes())
    return pa.Array.from_buffers(
        MONEY, len(values), [validity, pa.py_buffer(words.tobytes())], int((~present).sum())
    )


def pico_of_decimal(cost: Decimal | None) -> int | None:
    """Returns a stored cost in pico-dollars."""
    return None if cost is None else int(cost * PICO)


def encode(rows: pa.RecordBatch) -> bytes:
    """Encodes rows as an Arrow IPC stream."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, rows.schema) as writer:
        writer.write_batch(rows)
    return bytes(sink.getvalue())
