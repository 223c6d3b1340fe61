"""What errors and transactions of Sentry share: who sent them, from where, and in what."""

from typing import Any, NamedTuple

import msgspec
from msgspec import Raw, Struct

from processors.errors.parts import (
    Problems,
    decode_any,
    is_absent,
    mapping_of,
    object_of,
    text_of,
)
from schemas.errors.event import EMPTY
from schemas.errors.sent import Head


class SentSdk(NamedTuple):
    """What sent an event."""

    name: str
    version: str


class Origin(NamedTuple):
    """Which code ran where."""

    release: str
    dist: str
    environment: str
    server_name: str


class TraceContext(Struct, gc=False):
    """`contexts.trace`: of any types."""

    trace_id: Any = None
    span_id: Any = None
    parent_span_id: Any = None
    op: Any = None
    status: Any = None


class SentContexts(Struct, gc=False):
    """The part of `contexts` that is looked into."""

    trace: TraceContext | None = None


class Contexts(NamedTuple):
    """Contexts as they came, and the ids of the trace in them."""

    raw: Raw
    trace_id: str
    span_id: str
    trace: TraceContext


NO_TRACE = TraceContext()
_contexts = msgspec.json.Decoder(SentContexts)


def origin_of(sent: Any, tags: dict[str, str], head: Head, problems: Problems) -> Origin:
    """Returns where an event comes from.

    Takes those tags out that some SDKs write in the place of a field, as Sentry Relay does.
    """
    moved = [tags.pop(name, "") for name in Origin._fields]
    release, dist, environment, server_name = moved
    return Origin(
        text_of(sent.release, "release", problems) or release,
        text_of(sent.dist, "dist", problems) or dist,
        text_of(sent.environment, "environment", problems) or environment or head.environment,
        text_of(sent.server_name, "server_name", problems) or server_name,
    )


def sdk_of(raw: Raw, head: Head, problems: Problems) -> SentSdk:
    """Returns the SDK that an event names, else the one that its request did."""
    if not is_absent(raw):
        sdk = mapping_of(decode_any(raw), "sdk", problems)
        name = text_of(sdk.get("name"), "sdk.name", problems)
        if name:
            return SentSdk(name, text_of(sdk.get("version"), "sdk.version", problems))
    name, _, version = head.sdk.partition(" ")
    return SentSdk(name, version)


def contexts_of(raw: Raw, problems: Problems) -> Contexts:
    """Returns the contexts, and what `contexts.trace` says."""
    kept = object_of(raw, "contexts", problems)
    trace = NO_TRACE
    if kept is not EMPTY:
        try:
            trace = _contexts.decode(kept).trace or NO_TRACE
        except msgspec.ValidationError:
            problems.append("contexts.trace: not an object")
    return Contexts(kept, _id(trace.trace_id, problems), _id(trace.span_id, problems), trace)


def _id(value: object, problems: Problems) -> str:
    """Returns an id of a trace or span: hex digits without dashes, in lower case."""
    return text_of(value, "contexts.trace", problems, 128).replace("-", "").lower()
