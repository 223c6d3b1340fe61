"""What ends soon is found among stored checks."""

import pyarrow as pa

from controlplane.uptime.expiries import Ending
from processors.uptime.expiring import endings_of

END_US = 1_764_600_000_123_456
SLOT_US = 1_764_000_000_000_001


def rows(*checks: tuple[str, int | None, bytes]) -> pa.RecordBatch:
    """Rows of table `checks` with these reasons, ends and certificates."""
    moment = pa.timestamp("us", tz="UTC")
    return pa.record_batch(
        {
            "project_id": pa.array(["a"] * len(checks)),
            "monitor_id": pa.array([f"mon_{number}" for number in range(len(checks))]),
            "reason": pa.array([one[0] for one in checks]),
            "expires_at": pa.array([one[1] for one in checks], pa.int64()).cast(moment),
            "certificate": pa.array([one[2] for one in checks], pa.binary()),
            "slot": pa.array([SLOT_US] * len(checks), pa.int64()).cast(moment),
            "message": pa.array(["it ends"] * len(checks)),
        }
    )


def test_what_shows_no_certificate_is_a_domain() -> None:
    found = endings_of(
        rows(("ending_soon", END_US, b"{}"), ("ending_soon", END_US, b""), ("", END_US, b"{}"))
    )

    assert found == {
        "a": [
            Ending("mon_0", END_US, False, SLOT_US, "it ends"),
            Ending("mon_1", END_US, True, SLOT_US, "it ends"),
        ]
    }


def test_what_has_no_end_is_left_out() -> None:
    assert endings_of(rows(("ending_soon", None, b""), ("slow", END_US, b"{}"))) == {}
