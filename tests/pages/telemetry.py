"""What services with OpenTelemetry send: one request over two of them, with a call of a model."""

import json
import time
from typing import Any

from tests.e2e.server import Project

ROOT, CALL, TOOL = "1" * 16, "3" * 16, "4" * 16


def attributes(**named: Any) -> list[dict[str, Any]]:
    return [
        {
            "key": name.replace("__", "."),
            "value": {"intValue": value} if isinstance(value, int) else {"stringValue": value},
        }
        for name, value in named.items()
    ]


def send_trace(project: Project, trace_id: str, text: str = "", *, more: int = 0) -> None:
    """Sends a trace of web, shop and a model, and a log record; `text` stands in all its texts."""
    now_ns = time.time_ns() - 2 * 10**9
    messages = [
        {"role": "system", "parts": [{"type": "text", "content": text or "Be short"}]},
        {"role": "user", "parts": [{"type": "text", "content": text or "Where is my order?"}]},
    ]
    answer = [{"role": "assistant", "parts": [{"type": "text", "content": text or "On its way"}]}]

    def span(number: int, parent: str, name: str, **named: Any) -> dict[str, Any]:
        began = now_ns + number * 10**7
        return {
            "traceId": trace_id,
            "spanId": str(number)[-1] * 16 if number < 10 else f"{number:016x}",
            "parentSpanId": parent,
            "name": text or name,
            "kind": 2,
            "startTimeUnixNano": str(began),
            "endTimeUnixNano": str(began + 10**9 - number * 10**7),
            "attributes": attributes(**named),
            "status": {"code": 2, "message": text} if text else {},
            "events": [{"name": text or "begun", "timeUnixNano": str(began)}],
            "links": [{"traceId": "9" * 32, "spanId": "9" * 16}] if number == 1 else [],
        }

    said = {
        "gen_ai__operation__name": "chat",
        "gen_ai__provider__name": "openai",
        "gen_ai__request__model": text or "gpt-4o",
        "gen_ai__usage__input_tokens": 120,
        "gen_ai__usage__output_tokens": 30,
        "gen_ai__input__messages": json.dumps(messages),
        "gen_ai__output__messages": json.dumps(answer),
    }
    tool = {
        "gen_ai__operation__name": "execute_tool",
        "gen_ai__tool__name": text or "find_order",
        "gen_ai__tool__call__arguments": json.dumps({"order": text or "7"}),
    }
    web = [span(1, "", "GET /orders", http__route=text or "/orders")]
    web += [span(10 + one, ROOT, f"step {one}") for one in range(more)]
    shop = [
        span(2, ROOT, "find order"),
        span(3, "2" * 16, "chat gpt-4o", **said),
        span(4, "2" * 16, "execute_tool find_order", **tool),
    ]
    sent = [
        {
            "resource": {"attributes": attributes(service__name=text or name)},
            "scopeSpans": [{"spans": spans}],
        }
        for name, spans in (("web", web), ("shop", shop))
    ]
    answered = project.post("/v1/traces", {"resourceSpans": sent})
    assert answered.status_code == 200, answered.text
    record = {
        "timeUnixNano": str(now_ns + 5 * 10**7),
        "severityNumber": 13,
        "body": {"stringValue": text or "stock is low"},
        "traceId": trace_id,
        "spanId": "2" * 16,
    }
    logs = {"resourceLogs": [{"scopeLogs": [{"logRecords": [record]}]}]}
    assert project.post("/v1/logs", logs).status_code == 200
    project.server.wait_stored()


def send_metric(project: Project, name: str, trace_id: str, text: str = "") -> None:
    """Sends a counter that grew by seven in a minute, with the trace of one measurement."""
    now_ns = time.time_ns()
    point = {
        "startTimeUnixNano": str(now_ns - 60 * 10**9),
        "timeUnixNano": str(now_ns - 10**9),
        "asInt": "7",
        "attributes": attributes(route=text or "/orders"),
        "exemplars": [
            {
                "timeUnixNano": str(now_ns - 2 * 10**9),
                "asInt": "1",
                "traceId": trace_id,
                "spanId": ROOT,
            }
        ],
    }
    counted = {"dataPoints": [point], "aggregationTemporality": 2, "isMonotonic": True}
    metric = {"name": name, "unit": text or "1", "description": text, "sum": counted}
    resource = {"attributes": attributes(service__name=text or "web")}
    scope = {"metrics": [metric]}
    body = {"resourceMetrics": [{"resource": resource, "scopeMetrics": [scope]}]}
    answered = project.post("/v1/metrics", body)
    assert answered.status_code == 200, answered.text
    project.server.wait_stored()
