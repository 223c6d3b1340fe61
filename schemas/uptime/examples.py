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
POLICY: dict[str, Any] = {
    "name": "oncall_senior",
    "steps": [
        {"after_seconds": 0, "notifications": ["pagerduty://0123456789abcdef0123456789abcdef"]},
        {"after_seconds": 900, "notifications": ["mailto:maya.rodriguez@acmecorp.com"]},
    ],
    "repeat_count": 2,
    "remind_after_seconds": 1800,
}
POLICY_CHANGE: dict[str, Any] = {**POLICY, "repeat_count": 5}
INCIDENT: dict[str, Any] = {
    "monitor_id": MONITOR_ID,
    "state": "triggered",
    "title": "Checkout is slow",
    "severity": "major",
}
WEBHOOK: dict[str, Any] = {
    "url": "https://example.com/hooks/sluice",
    "events": ["monitor.down", "monitor.up", "incident.triggered", "incident.resolved"],
    "description": "Chat of the team on call",
}
TARGETS_ASK: dict[str, Any] = {
    "region": "eu",
    "holder": "5f1c0d2e9a7b4c38",
    "holds": [0, 1, 2],
    "done_us": 1_764_150_000_000_000,
    "known": "",
}
STATUS_PAGE: dict[str, Any] = {
    "title": "Acme status",
    "slug": "acme-status",
    "home_url": "https://acme.example",
    "time_zone": "Europe/Berlin",
    "groups": [{"name": "Website", "monitors": []}],
    "published": True,
}
STATUS_PAGE_CHANGE: dict[str, Any] = {
    "title": "Acme status",
    "slug": "acme-status",
    "description": "How our services are",
}
LOGO = "RIFF....WEBP"
"""How a picture of WebP begins: its bytes are the body."""
