"""What a score or an item of a queue is about, in one spelling."""

from schemas.ids import canonical_id

TRACE_CHARS = 32
CALL_CHARS = 49
"""`trace-span`: how a call that OpenTelemetry told is named."""
_HEX = frozenset("0123456789abcdef")


def target_of(trace_id: str, span_id: str) -> tuple[str, str]:
    """Returns a trace and a span in one spelling: a call of OpenTelemetry is a trace and a span."""
    trace = canonical_id(trace_id)
    lower = trace.lower()
    if len(lower) == CALL_CHARS and lower[TRACE_CHARS] == "-" and not span_id:
        head, _, tail = lower.partition("-")
        if _HEX.issuperset(head) and _HEX.issuperset(tail):
            return head, tail
    if is_otel_trace(lower):
        return lower, span_id.lower()
    return trace, canonical_id(span_id)


def is_otel_trace(trace_id: str) -> bool:
    """Tells whether an id is that of a trace of OpenTelemetry, in lower case."""
    return len(trace_id) == TRACE_CHARS and _HEX.issuperset(trace_id)


def call_of(trace_id: str, span_id: str) -> str:
    """Returns the id of the call that a trace and a span name, empty where they name none."""
    if is_otel_trace(trace_id):
        return f"{trace_id}-{span_id}" if span_id else ""
    return trace_id
