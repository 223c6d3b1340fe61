"""The rows of log records and metrics of OpenTelemetry, as their pure steps make them.

As `schemas.otel.rows`: without what every table has, times in microseconds since 1970 UTC.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from msgspec import Struct

from schemas.errors.rows import LogRow
from schemas.llm.score_rows import ScoreRow
from schemas.otel.rows import MessageRow, ToldCall, ToldSpan


class ToldLog(NamedTuple):
    """A row of table `logs`, with what only records of OpenTelemetry have."""

    log: LogRow
    convention: str
    input_messages: Sequence[bytes]
    output_messages: Sequence[bytes]


class RecordRows(NamedTuple):
    """All rows of one log record."""

    item_id: str
    log: ToldLog
    call: ToldCall | None
    agent: ToldSpan | None
    messages: Sequence[MessageRow]
    scores: Sequence[ScoreRow] = ()


class MetricRow(Struct, gc=False, kw_only=True):
    """A row of table `otel_metrics`."""

    timestamp_us: int
    name: str
    description: str
    unit: str
    kind: str
    temporality: str
    is_monotonic: bool
    points: int
    service: str
    environment: str
    host: str
    library: str
    resource: Mapping[str, Any]


class PointRow(Struct, gc=False, kw_only=True):
    """A row of table `otel_points`."""

    number: int
    series: str
    timestamp_us: int
    started_us: int
    """0 where nobody says."""
    name: str
    unit: str
    kind: str
    temporality: str
    is_monotonic: bool
    service: str
    environment: str
    value: float | None
    whole: int | None
    count: int | None
    sum: float | None
    min: float | None
    max: float | None
    bounds: Sequence[float]
    counts: Sequence[int]
    scale: int | None
    zero_count: int
    zero_threshold: float
    positive_offset: int
    positive_counts: Sequence[int]
    negative_offset: int
    negative_counts: Sequence[int]
    quantiles: Sequence[float]
    quantile_values: Sequence[float]
    flags: int
    exemplar_times_us: Sequence[int]
    exemplar_values: Sequence[float]
    exemplar_trace_ids: Sequence[str]
    exemplar_span_ids: Sequence[str]
    exemplar_attributes: Sequence[bytes]
    measure: str
    session_id: str
    user_id: str
    model: str
    type: str
    attributes: Mapping[str, Any]


class MetricRows(NamedTuple):
    """All rows of one metric."""

    item_id: str
    metric: MetricRow
    points: list[PointRow]
