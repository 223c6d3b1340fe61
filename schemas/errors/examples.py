"""What the description of the API shows of the system `errors`. It is taken as it is."""

from typing import Any

from schemas.examples import EVENT_ID

ITEMS: list[dict[str, Any]] = [
    {
        "type": "error",
        "exception": {
            "type": "TypeError",
            "value": "Cannot read property 'x' of undefined",
            "stacktrace": {
                "frames": [
                    {
                        "filename": "app/page.tsx",
                        "function": "loadData",
                        "lineno": 42,
                        "colno": 12,
                        "inApp": True,
                    }
                ]
            },
        },
        "level": "error",
        "tags": {"region": "us-east"},
        "environment": "production",
        "release": "web@2.4.1",
        "timestamp": "2026-11-21T10:00:01.000Z",
    },
    {
        "type": "transaction",
        "name": "GET /api/checkout",
        "traceId": "trace-abc-123",
        "durationMs": 245,
        "status": "ok",
        "spans": [
            {
                "spanId": "span-1",
                "op": "db.query",
                "description": "SELECT * FROM orders",
                "durationMs": 40,
            }
        ],
        "environment": "production",
        "timestamp": "2026-11-21T10:00:02.000Z",
    },
    {
        "type": "ai_generation",
        "provider": "openrouter",
        "model": "anthropic/claude-sonnet-4",
        "inputTokens": 1200,
        "outputTokens": 340,
        "totalCostUsd": 0.00482,
        "latencyMs": 1820,
        "status": "ok",
        "traceId": "trace-abc-123",
        "tags": {"feature": "chat"},
        "environment": "production",
        "timestamp": "2026-11-21T10:00:03.000Z",
    },
]
STORED_EVENT: dict[str, Any] = {
    "event_id": EVENT_ID,
    "timestamp": "2026-11-21T10:00:04.000Z",
    "platform": "python",
    "level": "error",
    "exception": {"values": [{"type": "ValueError", "value": "no such order: 42"}]},
}
CHECKED_IN: dict[str, Any] = {
    "status": "ok",
    "duration": 12.5,
    "environment": "production",
    "monitor_config": {
        "schedule": {"type": "crontab", "value": "0 3 * * *"},
        "timezone": "Europe/Berlin",
        "checkin_margin": 5,
        "max_runtime": 30,
    },
}
ENVELOPE_TEXT = (
    '{"event_id":"5150a94d000340008000000000000002"}\n'
    '{"type":"event"}\n'
    '{"timestamp":"2026-11-21T10:00:05.000Z","platform":"python","level":"error",'
    '"exception":{"values":[{"type":"ValueError","value":"no such order: 43"}]}}\n'
    '{"type":"log","item_count":1,"content_type":"application/vnd.sentry.items.log+json"}\n'
    '{"items":[{"timestamp":1795255206.25,"level":"warn","body":"stock of order 43 is low",'
    '"attributes":{"order":{"value":43,"type":"integer"}}}]}\n'
    '{"type":"attachment","filename":"order.txt"}\n'
    "two cups\n"
)
