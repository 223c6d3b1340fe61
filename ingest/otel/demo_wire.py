"""The demo's spans, records and points as requests of OTLP in protobuf, as exporters send them."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import (
    SEVERITY_NUMBER_ERROR,
    SEVERITY_NUMBER_INFO,
    LogRecord,
)
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    AggregationTemporality,
    Metric,
    NumberDataPoint,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

Attributes = Mapping[str, str | int | float | bool]
Fields = dict[str, str | int | float | bool]


class Origin(NamedTuple):
    """Who sends: a service, and the library that saw it."""

    service: str
    library: str
    environment: str = "production"
    release: str = ""


class Made(NamedTuple):
    """A span. Ids are hex."""

    origin: Origin
    trace_id: str
    span_id: str
    parent_id: str
    name: str
    kind: str
    """As the protocol calls it: `SERVER`."""
    start_ns: int
    end_ns: int
    attributes: Attributes
    failed: str = ""
    """Why it failed."""


class Noted(NamedTuple):
    """A log record. The ids are empty where it is of no trace."""

    origin: Origin
    at_ns: int
    event: str
    body: str
    attributes: Attributes
    trace_id: str = ""
    span_id: str = ""
    failed: bool = False


class Counted(NamedTuple):
    """A point of a sum since the last one."""

    origin: Origin
    name: str
    unit: str
    from_ns: int
    at_ns: int
    value: float
    attributes: Attributes


def traces_request(made: Sequence[Made]) -> bytes:
    """Returns a request of `/v1/traces`."""
    request = ExportTraceServiceRequest()
    _fill(request.resource_spans, "scope_spans", "spans", made, _span)
    body: bytes = request.SerializeToString()
    return body


def logs_request(noted: Sequence[Noted]) -> bytes:
    """Returns a request of `/v1/logs`."""
    request = ExportLogsServiceRequest()
    _fill(request.resource_logs, "scope_logs", "log_records", noted, _record)
    body: bytes = request.SerializeToString()
    return body


def metrics_request(counted: Sequence[Counted]) -> bytes:
    """Returns a request of `/v1/metrics`."""
    request = ExportMetricsServiceRequest()
    _fill(request.resource_metrics, "scope_metrics", "metrics", counted, _metric)
    body: bytes = request.SerializeToString()
    return body


def _fill(
    senders: Any, of_library: str, members: str, items: Iterable[Any], make: Callable[[Any], Any]
) -> None:
    by_origin: dict[Origin, list[Any]] = defaultdict(list)
    for one in items:
        by_origin[one.origin].append(one)
    for origin, own in by_origin.items():
        sender = senders.add()
        about = {
            "service.name": origin.service,
            "deployment.environment.name": origin.environment,
            "service.version": origin.release,
            "telemetry.sdk.language": "python",
        }
        sender.resource.attributes.extend(
            _pairs({name: said for name, said in about.items() if said})
        )
        library = getattr(sender, of_library).add()
        library.scope.name = origin.library
        getattr(library, members).extend(make(one) for one in own)


def _span(one: Made) -> Span:
    return Span(
        trace_id=bytes.fromhex(one.trace_id),
        span_id=bytes.fromhex(one.span_id),
        parent_span_id=bytes.fromhex(one.parent_id),
        name=one.name,
        kind=Span.SpanKind.Value(f"SPAN_KIND_{one.kind}"),
        start_time_unix_nano=one.start_ns,
        end_time_unix_nano=one.end_ns,
        attributes=_pairs(one.attributes),
        status=Status(code=Status.STATUS_CODE_ERROR, message=one.failed) if one.failed else None,
        events=[_exception(one)] if one.failed else (),
    )


def _exception(one: Made) -> Any:
    kind, _, message = one.failed.partition(": ")
    about = {"exception.type": kind, "exception.message": message or kind}
    return Span.Event(name="exception", time_unix_nano=one.end_ns, attributes=_pairs(about))


def _record(one: Noted) -> LogRecord:
    return LogRecord(
        time_unix_nano=one.at_ns,
        observed_time_unix_nano=one.at_ns,
        severity_number=SEVERITY_NUMBER_ERROR if one.failed else SEVERITY_NUMBER_INFO,
        severity_text="ERROR" if one.failed else "INFO",
        event_name=one.event,
        body=AnyValue(string_value=one.body),
        attributes=_pairs(one.attributes),
        trace_id=bytes.fromhex(one.trace_id),
        span_id=bytes.fromhex(one.span_id),
    )


def _metric(one: Counted) -> Metric:
    metric = Metric(name=one.name, unit=one.unit)
    metric.sum.is_monotonic = True
    metric.sum.aggregation_temporality = AggregationTemporality.AGGREGATION_TEMPORALITY_DELTA
    metric.sum.data_points.append(
        NumberDataPoint(
            start_time_unix_nano=one.from_ns,
            time_unix_nano=one.at_ns,
            as_double=one.value,
            attributes=_pairs(one.attributes),
        )
    )
    return metric


def _pairs(attributes: Attributes) -> list[KeyValue]:
    return [KeyValue(key=name, value=_value(said)) for name, said in attributes.items()]


def _value(said: str | float) -> AnyValue:
    if isinstance(said, bool):
        return AnyValue(bool_value=said)
    if isinstance(said, int):
        return AnyValue(int_value=said)
    if isinstance(said, float):
        return AnyValue(double_value=said)
    return AnyValue(string_value=said)
