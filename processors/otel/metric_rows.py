"""From a metric to its row, and to a row of each of its data points. Pure."""

from collections.abc import Sequence
from hashlib import blake2b
from typing import Any

import msgspec

from processors.otel.log_rows import plain_attributes
from processors.otel.names import standing_names
from processors.otel.plain import text_of
from processors.otel.records import Measure, measures_of
from processors.otel.said import host_of
from schemas.ids import canonical_id
from schemas.otel.record_rows import MetricRow, MetricRows, PointRow
from schemas.otel.signals import Buckets, Exemplar, Metric, Point
from schemas.otel.values import Attributes

_PEOPLE = ("user.account_uuid", "user.email", "user.id", "enduser.id")
_INT32, _INT64, _UINT32, _UINT64 = (1 << 31) - 1, 1 << 63, (1 << 32) - 1, (1 << 64) - 1
_NO_BUCKETS = Buckets(0, [])
_NO_MEASURE = Measure("", 0.0, False, 0, None, None, None, {})
_encode = msgspec.json.Encoder().encode


def metric_rows(metric: Metric, item_id: str, received_at_us: int) -> MetricRows:
    """Builds the rows. A metric without points has one of its own alone."""
    resource = plain_attributes(metric.resource.attributes)
    newest = max((one.time_ns for one in metric.points), default=received_at_us * 1_000)
    row = MetricRow(
        timestamp_us=newest // 1_000,
        name=metric.name,
        description=metric.description,
        unit=metric.unit,
        kind=metric.kind,
        temporality=metric.temporality,
        is_monotonic=metric.is_monotonic,
        points=len(metric.points),
        service=_around(metric, "service"),
        environment=_around(metric, "environment") or metric.resource.default_environment,
        host=host_of(resource),
        library=metric.scope.name,
        resource=resource,
    )
    around = _encode(
        [
            *(metric.name, metric.kind, metric.unit, metric.scope.name),
            *(metric.temporality, sorted(resource.items())),
        ]
    )
    measures = {id(one.attributes): one for one in measures_of(metric)}
    points = [
        _point(row, around, number, point, measures.get(id(point.attributes), _NO_MEASURE))
        for number, point in enumerate(metric.points)
    ]
    return MetricRows(item_id, row, points)


def _point(metric: MetricRow, around: bytes, number: int, of: Point, known: Measure) -> PointRow:
    attributes = plain_attributes(of.attributes)
    return PointRow(
        number=number,
        series=_series(around, attributes),
        timestamp_us=of.time_ns // 1_000,
        started_us=(of.start_ns or 0) // 1_000,
        name=metric.name,
        unit=metric.unit,
        kind=metric.kind,
        temporality=metric.temporality,
        is_monotonic=metric.is_monotonic,
        service=metric.service,
        environment=metric.environment,
        value=None if of.value is None else float(of.value),
        whole=_whole(of.value),
        count=None if of.count is None else _count(of.count),
        sum=of.sum,
        min=of.min,
        max=of.max,
        bounds=of.bounds,
        counts=_counts(of.counts),
        **_exponential(of),
        quantiles=[quantile for quantile, _ in of.quantiles],
        quantile_values=[value for _, value in of.quantiles],
        flags=of.flags & _UINT32,
        **_exemplars(of.exemplars),
        measure=known.name,
        session_id=canonical_id(known.session_id or text_of(of.attributes.get("session.id")) or ""),
        user_id=_person(of.attributes),
        model=known.model or "",
        type=known.type or "",
        attributes=attributes,
    )


def _exponential(of: Point) -> dict[str, Any]:
    positive, negative = of.positive or _NO_BUCKETS, of.negative or _NO_BUCKETS
    return {
        "scale": None if of.scale is None else _int32(of.scale),
        "zero_count": _count(of.zero_count or 0),
        "zero_threshold": of.zero_threshold or 0.0,
        "positive_offset": _int32(positive.offset),
        "positive_counts": _counts(positive.counts),
        "negative_offset": _int32(negative.offset),
        "negative_counts": _counts(negative.counts),
    }


def _series(around: bytes, attributes: Attributes) -> str:
    own = _encode(sorted(attributes.items()))
    return blake2b(around + own, digest_size=8).hexdigest()


def _exemplars(exemplars: Sequence[Exemplar]) -> dict[str, Any]:
    return {
        "exemplar_times_us": [one.time_ns // 1_000 for one in exemplars],
        "exemplar_values": [float(one.value) for one in exemplars],
        "exemplar_trace_ids": [one.trace_id or "" for one in exemplars],
        "exemplar_span_ids": [one.span_id or "" for one in exemplars],
        "exemplar_attributes": [_encode(plain_attributes(one.attributes)) for one in exemplars],
    }


def _around(metric: Metric, field: str) -> str:
    of = metric.resource.attributes
    found = (text_of(of.get(name)) for name in standing_names().fields[field])
    return next(filter(None, found), "")


def _person(attributes: Attributes) -> str:
    return next(filter(None, (text_of(attributes.get(name)) for name in _PEOPLE)), "")


def _whole(value: float | int | None) -> int | None:
    """The value where it was sent as an integer that has a place."""
    return value if isinstance(value, int) and -_INT64 <= value < _INT64 else None


def _counts(sent: Sequence[int]) -> list[int]:
    return [_count(one) for one in sent]


def _count(sent: int) -> int:
    """A count: JSON may say less than none."""
    return min(max(0, sent), _UINT64)


def _int32(sent: int) -> int:
    return min(max(-_INT32, sent), _INT32)
