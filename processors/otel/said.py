"""What the rows of a span share: its names, what it is grouped by, its failure as JSON."""

from typing import Any

import msgspec

from processors.otel.plain import number_of, text_of
from schemas.ids import canonical_id
from schemas.otel.meanings import Failure, Meaning
from schemas.otel.signals import LogRecord, Span
from schemas.otel.values import Attributes, Value

PULSE = "pulse"
SOURCE = "pulse.source"
"""Which agent, or SDK."""
HOST = ("host.name", "service.instance.id", "k8s.pod.name", "container.id")
"""Where something runs: attributes of its resource, by precedence."""
_MAX_MS = 1e10
"""As of what comes in Pulse's form."""
_encode = msgspec.json.Encoder().encode


def item_id_of(span: Span) -> str:
    """Names a span within its project."""
    return f"{span.trace_id}-{span.span_id}"


def parent_item_id_of(span: Span) -> str | None:
    """Names the span above a span; `None` where it has none."""
    return f"{span.trace_id}-{span.parent_span_id}" if span.parent_span_id else None


def host_of(resource: Attributes) -> str:
    """Where a sender runs; empty where it does not say."""
    for name in HOST:
        if name in resource and (found := text_of(resource[name])):
            return found
    return ""


def session_of(span: Span, meaning: Meaning) -> str:
    """The session of a span; of Pulse's without one, its trace."""
    session = meaning.session_id or (span.trace_id if meaning.flavour == PULSE else "")
    return canonical_id(session)


def ms_of(span: Span) -> float:
    """How long a span took, in milliseconds."""
    return (span.end_ns - span.start_ns) / 1e6


def duration_of(record: LogRecord) -> float | None:
    """How long what a record tells of took, in milliseconds; `None` where it does not say."""
    found = number_of(record.attributes.get("duration_ms"))
    return found if found is not None and found <= _MAX_MS else None


def json_or_nothing(value: Value) -> bytes:
    """A value as JSON; empty for none."""
    return b"" if value is None else _encode(value)


def metadata_of(meaning: Meaning) -> dict[str, Any]:
    """What a call can be grouped by beside its columns."""
    around: dict[str, Any] = {
        "service": meaning.service,
        "agent": meaning.agent.name if meaning.agent else None,
        "workflow": meaning.workflow,
        "prompt_name": meaning.prompt_name,
        "prompt_version": meaning.prompt_version,
        "release": meaning.release,
    }
    found = {name: value for name, value in around.items() if value}
    if meaning.tags:
        found["tags"] = meaning.tags
    return found | meaning.metadata


def failure_json(failure: Failure | None) -> bytes:
    """A failure as the other tables hold errors."""
    if failure is None:
        return b""
    told = {"type": failure.type, "message": failure.message, "stack": failure.stacktrace}
    return _encode({name: value for name, value in told.items() if value})
