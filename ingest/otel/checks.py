"""What is looked at of an item before it is taken: ids, times and counts, and no attribute's value.

Spans, records and metrics of protobuf's classes and of `json_wire` have the same names.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from schemas.otel.bounds import LAST_NS, Bounds, Reason, Rejected
from schemas.otel.metrics import shape_of
from schemas.otel.readers import PROTOBUF, Reader, moment, whole
from schemas.otel.signals import MetricKind
from schemas.otel.traces import SPAN_ID_BYTES, TRACE_ID_BYTES, needed_id, parent_id

_LISTS: Mapping[MetricKind, tuple[str, ...]] = {
    "gauge": ("exemplars",),
    "sum": ("exemplars",),
    "histogram": ("bucket_counts", "explicit_bounds", "exemplars"),
    "exponential_histogram": ("exemplars",),
    "summary": ("quantile_values",),
}
"""What a data point may have too many of, beside the halves of an exponential histogram."""
_NO_TRACE_ID, _NO_SPAN_ID = bytes(TRACE_ID_BYTES), bytes(SPAN_ID_BYTES)


def check_span(sent: Any, reader: Reader, bounds: Bounds, _: Counter[Reason]) -> str:
    """Returns the id of a span, its trace's before its own. Raises `Rejected`."""
    return _of_protobuf(sent, bounds) if reader is PROTOBUF else _of_json(sent, reader, bounds)


def _of_protobuf(sent: Any, bounds: Bounds) -> str:
    """What `_of_json` does, in half the time: protobuf has seen to it that integers are such."""
    if not 0 < sent.start_time_unix_nano < LAST_NS or sent.end_time_unix_nano >= LAST_NS:
        raise Rejected("bad_time")
    trace_id, span_id, parent_span_id = sent.trace_id, sent.span_id, sent.parent_span_id
    if len(trace_id) != TRACE_ID_BYTES or trace_id == _NO_TRACE_ID:
        raise Rejected("bad_trace_id")
    if len(span_id) != SPAN_ID_BYTES or span_id == _NO_SPAN_ID:
        raise Rejected("bad_span_id")
    if parent_span_id and len(parent_span_id) != SPAN_ID_BYTES:
        raise Rejected("bad_parent_id")
    if len(sent.attributes) > bounds.attributes:
        raise Rejected("too_many_attributes")
    if events := sent.events:
        _check_events(events, bounds)
    if links := sent.links:
        _check_links(links, PROTOBUF, bounds)
    return f"{trace_id.hex()}-{span_id.hex()}"


def _of_json(sent: Any, reader: Reader, bounds: Bounds) -> str:
    if moment(sent.start_time_unix_nano) is None:
        raise Rejected("bad_time")
    moment(sent.end_time_unix_nano)
    trace_id = needed_id(reader, sent.trace_id, TRACE_ID_BYTES, "bad_trace_id")
    span_id = needed_id(reader, sent.span_id, SPAN_ID_BYTES, "bad_span_id")
    parent_id(reader, sent.parent_span_id)
    _check_attributes(sent.attributes, bounds)
    if sent.events:
        _check_events(sent.events, bounds)
    if sent.links:
        _check_links(sent.links, reader, bounds)
    for count in (
        sent.flags,
        sent.dropped_attributes_count,
        sent.dropped_events_count,
        sent.dropped_links_count,
    ):
        whole(count)
    return f"{trace_id}-{span_id}"


def _check_attributes(sent: Any, bounds: Bounds) -> None:
    if sent and len(sent) > bounds.attributes:
        raise Rejected("too_many_attributes")


def _check_events(sent: Any, bounds: Bounds) -> None:
    if len(sent) > bounds.events:
        raise Rejected("too_many_events")
    for one in sent:
        moment(one.time_unix_nano)
        _check_attributes(one.attributes, bounds)


def _check_links(sent: Any, reader: Reader, bounds: Bounds) -> None:
    if len(sent) > bounds.links:
        raise Rejected("too_many_links")
    for one in sent:
        needed_id(reader, one.trace_id, TRACE_ID_BYTES, "bad_trace_id")
        needed_id(reader, one.span_id, SPAN_ID_BYTES, "bad_span_id")
        _check_attributes(one.attributes, bounds)


def check_record(sent: Any, _: Reader, bounds: Bounds, __: Counter[Reason]) -> None:
    """Raises `Rejected` for a log record that cannot be taken."""
    moment(sent.time_unix_nano)
    moment(sent.observed_time_unix_nano)
    _check_attributes(sent.attributes, bounds)
    whole(sent.flags)
    whole(sent.dropped_attributes_count)


def check_metric(sent: Any, _: Reader, bounds: Bounds, rejected: Counter[Reason]) -> None:
    """Counts the data points that cannot be taken.

    Raises `Rejected` where it is no metric, or none of its points can.
    """
    shape = shape_of(sent)
    if shape is None or not sent.name:
        raise Rejected("no_data")
    points = shape.points.data_points or ()
    wrong: Counter[Reason] = Counter()
    for one in points:
        try:
            _check_point(one, shape.kind, bounds)
        except Rejected as error:
            wrong[error.reason] += 1
    if points and wrong.total() == len(points):
        raise Rejected(next(iter(wrong)))
    rejected += wrong


def _check_point(sent: Any, kind: MetricKind, bounds: Bounds) -> None:
    if moment(sent.time_unix_nano) is None:
        raise Rejected("bad_time")
    moment(sent.start_time_unix_nano)
    _check_attributes(sent.attributes, bounds)
    lists = [getattr(sent, name) for name in _LISTS[kind]]
    if kind == "exponential_histogram":
        lists += [half.bucket_counts for half in (sent.positive, sent.negative) if half]
    if any(one and len(one) > bounds.buckets for one in lists):
        raise Rejected("too_many_buckets")
