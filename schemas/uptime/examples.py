"""What the description of the API shows. It is taken as it is."""

from typing import Any

from schemas.examples import MONITOR_ID

CHECKS: list[dict[str, Any]] = [
    {
        "monitor_id": MONITOR_ID,
        "region": "eu",
        "slot_us": 1_764_150_000_000_000,
        "started_us": 1_764_150_000_012_000,
        "outcome": "ok",
        "phases": {"dns_ms": 2.1, "connect_ms": 11.4, "first_byte_ms": 38.0, "total_ms": 52.9},
        "status_code": 200,
        "peer": "203.0.113.10",
    }
]
MONITOR: dict[str, Any] = {
    "name": "Checkout Service Gateway",
    "type": "http",
    "url": "https://api.acmecorp.com/v2/health",
    "interval_seconds": 30,
    "expected_status": 200,
    "escalation_policy": "oncall_senior",
    "notifications": ["slack://hooks/T0A1B2C3D/B0X9Y8Z7W/abc123"],
}
EXCLUSION = {
    "from": "2026-01-01T00:00:00Z",
    "to": "2026-01-01T00:30:00Z",
    "reason": "The line of our prober was cut",
}
INCIDENT: dict[str, Any] = {
    "monitor_id": MONITOR_ID,
    "state": "triggered",
    "title": "Checkout is slow",
    "severity": "major",
}
