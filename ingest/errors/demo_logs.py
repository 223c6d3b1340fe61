"""Made-up log records of the demo's shop: some lines for each request and each error, of its trace.

Seeded by the ids of those: the same event has the same lines.
"""

import random
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from ingest.errors.demo import Event
from ingest.errors.demo_troubles import API, WEB, WORKER

NUMBERS = {"debug": 5, "info": 9, "warn": 13, "error": 17}


class Line(NamedTuple):
    """One thing that the shop logs: its level, who says it, and what, with names of parameters."""

    level: str
    logger: str
    template: str
    weight: int = 1


LINES: dict[str, tuple[Line, ...]] = {
    API: (
        Line("debug", "shop.cache", "cache {state} for cart:{n}", 6),
        Line("info", "shop.orders", "order {order} has {n} items", 4),
        Line("info", "shop.payments", "charge of order {order} took {ms} ms", 3),
        Line("info", "shop.accounts", "session of customer {n} goes on", 3),
        Line("warn", "shop.stock", "shelf of {sku} is nearly empty: {n} left", 2),
        Line("warn", "shop.payments", "payment provider is slow: {ms} ms, attempt {attempt}", 1),
        Line("debug", "shop.payments", "asked with Authorization: Bearer {secret}", 1),
    ),
    WORKER: (
        Line("info", "worker.queue", "job {n} taken after {ms} ms", 6),
        Line("debug", "worker.mail", "template of order {order} rendered in {ms} ms", 3),
        Line("warn", "worker.supplier", "supplier.example answered 429, attempt {attempt}", 2),
    ),
    WEB: (
        Line("info", "web.router", "view of {sku} opened", 4),
        Line("warn", "web.images", "picture of {sku} took {ms} ms", 1),
    ),
}
"""By the part of the shop."""
PARTS = {"python": API, "node": WORKER, "javascript": WEB}
FAILED = Line("error", "shop.requests", "{name} failed after {ms} ms")


def logs_of(events: Iterable[Event]) -> Iterator[dict[str, Any]]:
    """Yields the records of events that have a trace, in the order of the events."""
    for event in events:
        trace = event.get("contexts", {}).get("trace")
        if trace:
            yield from _of_event(event, trace)


def _of_event(event: Event, trace: dict[str, Any]) -> Iterator[dict[str, Any]]:
    rnd = random.Random(f"logs {event['event_id']}")
    lines = LINES[PARTS.get(event.get("platform", ""), API)]
    end = float(event["timestamp"])
    begin = float(event.get("start_timestamp", end - 0.2))
    weights = [line.weight for line in lines]
    for number, line in enumerate(rnd.choices(lines, weights, k=rnd.randint(1, 3))):
        at = begin + (end - begin) * (number + rnd.random()) / 4
        yield _record(event, trace, line, at, rnd)
    if "exception" in event or trace.get("status") not in (None, "ok"):
        yield _record(event, trace, FAILED, end - 0.001, rnd)


def _record(
    event: Event, trace: dict[str, Any], line: Line, at: float, rnd: random.Random
) -> dict[str, Any]:
    given = {
        "state": rnd.choice(("hit", "hit", "miss")),
        "n": rnd.randint(2, 4_000),
        "order": f"A-{rnd.randint(20_000, 29_999)}",
        "sku": f"SKU-{rnd.randint(100, 180)}",
        "ms": round(rnd.lognormvariate(4, 1)),
        "attempt": rnd.randint(1, 3),
        "secret": f"{rnd.getrandbits(96):024x}",
        "name": event.get("transaction", "request"),
    }
    said = {name: value for name, value in given.items() if f"{{{name}}}" in line.template}
    sdk = event.get("sdk", {})
    attributes = {
        "sentry.message.template": line.template,
        **{f"sentry.message.parameter.{name}": value for name, value in said.items()},
        "logger.name": line.logger,
        "sentry.environment": event.get("environment"),
        "sentry.release": event.get("release"),
        "sentry.sdk.name": sdk.get("name"),
        "sentry.sdk.version": sdk.get("version"),
        "server.address": event.get("server_name"),
        "user.id": event.get("user", {}).get("id"),
    }
    return {
        "timestamp": round(at, 6),
        "trace_id": trace.get("trace_id"),
        "span_id": trace.get("span_id"),
        "level": line.level,
        "severity_number": NUMBERS[line.level],
        "body": line.template.format_map(given),
        "attributes": {
            name: {"value": value, "type": _type_of(value)}
            for name, value in attributes.items()
            if value is not None
        },
    }


def _type_of(value: object) -> str:
    return "integer" if isinstance(value, int) else "string"
