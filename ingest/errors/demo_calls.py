"""LLM calls of the demo that are made within a request: they name its trace, and it names them."""

import hashlib
from datetime import datetime
from typing import Any, NamedTuple

ROUTES = {"search": "POST /api/search", "support-chat": "POST /api/assistant"}
"""By what the call is for."""
ONE_OF = 10
"""So many of those calls are linked."""


class LinkedCall(NamedTuple):
    """A call with the request that it was made in."""

    trace_id: str
    span_id: str
    at: datetime
    latency_ms: float
    model: str
    failed: bool
    route: str
    environment: str
    user_id: str


def linked_call(call: dict[str, Any]) -> LinkedCall | None:
    """Returns how a call is linked, which is the same for the same id; `None` for most calls."""
    metadata = call["metadata"]
    route = ROUTES.get(metadata["feature"])
    digest = hashlib.sha256(call["trace_id"].encode()).hexdigest()
    if route is None or int(digest[:4], 16) % ONE_OF:
        return None
    return LinkedCall(
        digest[:32],
        digest[32:48],
        datetime.fromisoformat(call["timestamp"]),
        float(call["latency_ms"]),
        call["model_requested"],
        call["status"] == "error",
        route,
        metadata["environment"],
        metadata["userId"],
    )


def with_link(call: dict[str, Any], link: LinkedCall) -> dict[str, Any]:
    """Returns the call with the trace and the span that it was made in."""
    own = {"traceId": link.trace_id, "spanId": link.span_id}
    return call | {"metadata": call["metadata"] | own}
