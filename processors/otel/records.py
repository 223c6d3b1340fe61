"""The names of log records, which have no ids, and what metrics measure."""

import hashlib
from typing import NamedTuple

import msgspec

from processors.otel.names import Names, standing_names
from processors.otel.plain import number_of, text_of
from schemas.otel.signals import LogRecord, Metric
from schemas.otel.values import Attributes

_ID_BYTES = 16


class Measure(NamedTuple):
    """What a point of a known metric says. It repeats spans and records: it is never billed."""

    name: str
    """As `cost_usd` or `tokens`, whichever sender counts it."""
    value: float
    is_delta: bool
    time_ns: int
    session_id: str | None
    model: str | None
    type: str | None
    """Of tokens: `input`, `output`, `cacheRead`, …; of lines: `added`, `removed`."""
    attributes: Attributes


def record_id(record: LogRecord) -> str:
    """Names a record by what it says, so that one that is sent again has the same name."""
    told = (
        record.time_ns,
        record.event_name,
        record.body,
        sorted(record.attributes.items()),
        sorted(record.resource.attributes.items()),
        record.scope.name,
        record.trace_id,
        record.span_id,
    )
    return hashlib.sha256(msgspec.msgpack.encode(told)).digest()[:_ID_BYTES].hex()


def measures_of(metric: Metric, names: Names | None = None) -> list[Measure]:
    """Reads the points of a metric that `names.toml` knows; empty for any other."""
    name = (names or standing_names()).metrics.get(metric.name)
    if name is None:
        return []
    found = []
    for point in metric.points:
        value = number_of(point.value if point.value is not None else point.sum)
        if value is None:
            continue
        of = point.attributes
        found.append(
            Measure(
                name,
                value,
                metric.temporality == "delta",
                point.time_ns,
                text_of(of.get("session.id"))
                or text_of(metric.resource.attributes.get("session.id")),
                text_of(of.get("model")) or text_of(of.get("gen_ai.request.model")),
                text_of(of.get("type")) or text_of(of.get("gen_ai.token.type")),
                of,
            )
        )
    return found
