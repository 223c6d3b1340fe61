"""Spans and records for tests, with nothing that a test does not say."""

from typing import Any

from schemas.otel.signals import Event, LogRecord, Resource, Scope, Span

TRACE_ID = "5b8efff798038103d269b633813fc60c"
SPAN_ID = "eee19b7ec3c1b174"


def span(attributes: dict[str, Any], scope: str = "", name: str = "chat", **changed: Any) -> Span:
    """A span with these attributes, as they are where they are not `None`."""
    given = {
        "trace_id": TRACE_ID,
        "span_id": SPAN_ID,
        "name": name,
        "start_ns": 1_795_226_990_809_000_000,
        "end_ns": 1_795_226_990_811_000_000,
        "resource": Resource(changed.pop("resource", {})),
        "scope": Scope(scope),
        "events": [Event(*one) for one in changed.pop("events", ())],
    }
    return Span(**{**given, **changed}, attributes=present(attributes))


def record(attributes: dict[str, Any], scope: str = "", **changed: Any) -> LogRecord:
    """A record with these attributes, of no trace."""
    given: dict[str, Any] = {"time_ns": 1_795_226_990_809_000_000, "resource": Resource({})}
    return LogRecord(**{**given, **changed}, scope=Scope(scope), attributes=present(attributes))


def present(attributes: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in attributes.items() if value is not None}
