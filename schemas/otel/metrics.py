"""Requests of `/v1/metrics`. Each data point is taken, or rejected, by itself."""

from typing import Any, NamedTuple

from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric as SentMetric

from schemas.otel import json_wire
from schemas.otel.bounds import STANDARD, Bounds, Decoded, Rejected
from schemas.otel.logs import known_id
from schemas.otel.readers import attributes_of, choice, finite, moment, number, whole
from schemas.otel.signals import Buckets, Exemplar, Metric, MetricKind, Point
from schemas.otel.traces import SPAN_ID_BYTES, TRACE_ID_BYTES
from schemas.otel.walk import Around, Encoding, Signal, Taking, decode

_KINDS: tuple[MetricKind, ...] = (
    "gauge",
    "sum",
    "histogram",
    "exponential_histogram",
    "summary",
)
_TEMPORALITIES = ("unspecified", "delta", "cumulative")
_NO_TEMPORALITY = ("gauge", "summary")


def decode_metrics(body: bytes, encoding: Encoding, bounds: Bounds = STANDARD) -> Decoded[Metric]:
    """Decodes the metrics of a request. Raises `Undecodable` when it is none."""
    return decode(METRICS, body, encoding, bounds)


class Shape(NamedTuple):
    """Which kind of metric one is."""

    kind: MetricKind
    points: Any
    """The object of protobuf or JSON that holds them."""


def shape_of(sent: Any) -> Shape | None:
    """Returns the kind of a metric and where its points are, `None` for no known kind."""
    for kind in _KINDS:
        if hasattr(sent, "HasField"):
            held = getattr(sent, kind) if sent.HasField(kind) else None
        else:
            held = getattr(sent, kind)
        if held is not None:
            return Shape(kind, held)
    return None


def _weigh(sent: Any) -> int:
    shape = shape_of(sent)
    return max(1, len(shape.points.data_points or ())) if shape else 1


def _metric(sent: Any, around: Around, taking: Taking) -> Metric:
    shape = shape_of(sent)
    if shape is None or not sent.name:
        raise Rejected("no_data")
    points = []
    for one in shape.points.data_points or ():
        try:
            points.append(_point(one, shape.kind, taking))
        except Rejected as refusal:
            taking.rejected[refusal.reason] += 1
    held = shape.points
    has_temporality = shape.kind not in _NO_TEMPORALITY
    return Metric(
        name=sent.name,
        description=sent.description or "",
        unit=sent.unit or "",
        kind=shape.kind,
        temporality=choice(
            held.aggregation_temporality if has_temporality else None,
            _TEMPORALITIES,
            "AGGREGATION_TEMPORALITY_",
        ),
        is_monotonic=bool(held.is_monotonic) if shape.kind == "sum" else False,
        points=points,
        resource=around.resource,
        scope=around.scope,
    )


def _point(sent: Any, kind: MetricKind, taking: Taking) -> Point:
    reader = taking.reader
    time_ns = moment(sent.time_unix_nano)
    if time_ns is None:
        raise Rejected("bad_time")
    common: dict[str, Any] = {
        "attributes": attributes_of(sent.attributes, reader, taking.bounds),
        "start_ns": moment(sent.start_time_unix_nano),
        "time_ns": time_ns,
        "flags": whole(sent.flags),
    }
    if kind in ("gauge", "sum"):
        return Point(**common, value=_value(sent, taking), exemplars=_exemplars(sent, taking))
    if kind == "summary":
        told = [
            (number(one.quantile), number(one.value))
            for one in _few(sent, "quantile_values", taking)
        ]
        return Point(**common, count=whole(sent.count), sum=number(sent.sum), quantiles=told)
    spread: dict[str, Any] = {
        "count": whole(sent.count),
        "sum": _optional(sent, "sum", taking),
        "min": _optional(sent, "min", taking),
        "max": _optional(sent, "max", taking),
        "exemplars": _exemplars(sent, taking),
    }
    if kind == "exponential_histogram":
        return Point(**common, **spread, **_exponential(sent, taking))
    return Point(
        **common,
        **spread,
        bounds=[number(one) for one in _few(sent, "explicit_bounds", taking)],
        counts=[whole(one) for one in _few(sent, "bucket_counts", taking)],
    )


def _exponential(sent: Any, taking: Taking) -> dict[str, Any]:
    return {
        "scale": whole(sent.scale),
        "zero_count": whole(sent.zero_count),
        "zero_threshold": number(sent.zero_threshold),
        "positive": _buckets(taking.reader.given(sent, "positive"), taking),
        "negative": _buckets(taking.reader.given(sent, "negative"), taking),
    }


def _buckets(sent: Any, taking: Taking) -> Buckets | None:
    if sent is None:
        return None
    return Buckets(whole(sent.offset), [whole(one) for one in _few(sent, "bucket_counts", taking)])


def _few(sent: Any, name: str, taking: Taking) -> Any:
    found = getattr(sent, name) or ()
    if len(found) > taking.bounds.buckets:
        raise Rejected("too_many_buckets")
    return found


def _optional(sent: Any, name: str, taking: Taking) -> float | None:
    found = taking.reader.given(sent, name)
    return None if found is None else finite(number(found))


def _value(sent: Any, taking: Taking) -> float | int | None:
    """The number of a point; `None` where there is none, as the flag "no recorded value" says."""
    given = taking.reader.given
    if (found := given(sent, "as_int")) is not None:
        return whole(found)
    if (found := given(sent, "as_double")) is not None:
        return finite(number(found))
    return None


def _exemplars(sent: Any, taking: Taking) -> list[Exemplar]:
    reader = taking.reader
    return [
        Exemplar(
            moment(one.time_unix_nano) or 0,
            value,
            known_id(reader, one.trace_id, TRACE_ID_BYTES),
            known_id(reader, one.span_id, SPAN_ID_BYTES),
            attributes_of(one.filtered_attributes, reader, taking.bounds),
        )
        for one in _few(sent, "exemplars", taking)
        if (value := _value(one, taking)) is not None
    ]


METRICS: Signal[Metric] = Signal(
    SentMetric,
    json_wire.Metrics,
    json_wire.Metric,
    ("resource_metrics", "scope_metrics", "metrics"),
    _metric,
    _weigh,
)
