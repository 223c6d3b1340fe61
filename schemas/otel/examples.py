"""Requests of OTLP in JSON that are answered with 200, for the description of the API."""

from typing import Any

_AROUND: Any = {
    "resource": {
        "attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}],
    }
}
_SCOPE = {"name": "my.library", "version": "1.2.0"}
TRACES: Any = {
    "resourceSpans": [
        {
            **_AROUND,
            "scopeSpans": [
                {
                    "scope": _SCOPE,
                    "spans": [
                        {
                            "traceId": "5b8efff798038103d269b633813fc60c",
                            "spanId": "eee19b7ec3c1b174",
                            "name": "chat gpt-4o",
                            "kind": 3,
                            "startTimeUnixNano": "1795226990809000000",
                            "endTimeUnixNano": "1795226990811000000",
                            "attributes": [
                                {
                                    "key": "gen_ai.request.model",
                                    "value": {"stringValue": "gpt-4o"},
                                },
                                {"key": "gen_ai.usage.input_tokens", "value": {"intValue": "50"}},
                            ],
                            "status": {"code": 1},
                        }
                    ],
                }
            ],
        }
    ]
}
LOGS: Any = {
    "resourceLogs": [
        {
            **_AROUND,
            "scopeLogs": [
                {
                    "scope": _SCOPE,
                    "logRecords": [
                        {
                            "timeUnixNano": "1795226990809000000",
                            "severityNumber": 9,
                            "severityText": "INFO",
                            "body": {"stringValue": "paid"},
                        }
                    ],
                }
            ],
        }
    ]
}
METRICS: Any = {
    "resourceMetrics": [
        {
            **_AROUND,
            "scopeMetrics": [
                {
                    "scope": _SCOPE,
                    "metrics": [
                        {
                            "name": "orders",
                            "unit": "1",
                            "sum": {
                                "aggregationTemporality": 1,
                                "isMonotonic": True,
                                "dataPoints": [
                                    {
                                        "startTimeUnixNano": "1795226990000000000",
                                        "timeUnixNano": "1795226990809000000",
                                        "asInt": "3",
                                    }
                                ],
                            },
                        }
                    ],
                }
            ],
        }
    ]
}
