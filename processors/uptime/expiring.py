"""Certificates and registrations that end soon, found among checks that are stored."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from controlplane.uptime.expiries import Ending

ENDING_SOON = "ending_soon"
"""The reason of a check: `probes.findings`."""
COLUMNS = ("project_id", "monitor_id", "expires_at", "certificate", "slot", "message")


def endings_of(rows: pa.RecordBatch) -> dict[str, list[Ending]]:
    """Returns what ends soon of rows of table `checks`, by project."""
    found: dict[str, list[Ending]] = {}
    of_them = rows.select([*COLUMNS, "reason"])
    for row in of_them.filter(pc.equal(of_them.column("reason"), ENDING_SOON)).to_pylist():
        if row["expires_at"] is not None:
            found.setdefault(row["project_id"], []).append(_ending(row))
    return found


def _ending(row: Mapping[str, Any]) -> Ending:
    return Ending(
        monitor_id=row["monitor_id"],
        ends_us=_us(row["expires_at"]),
        is_domain=not row["certificate"],
        slot_us=_us(row["slot"]),
        message=row["message"],
    )


def _us(moment: datetime) -> int:
    return round(moment.timestamp() * 1_000_000)
