"""The step of metrics: decode, and a row of each data point."""

from collections.abc import Sequence

from clickhouse.otel.record_tables import metric_arrays, point_arrays
from processors.columns import Columns, Rows, SentChunk
from processors.otel.items import flattened, no_rows, read_some
from processors.otel.metric_rows import metric_rows
from schemas.otel.items import ItemDecoder
from schemas.otel.metrics import METRICS
from schemas.otel.record_rows import MetricRows


def build_metrics(sent: Sequence[SentChunk]) -> Columns:
    """Turns metrics into columns of two tables."""
    rows: list[MetricRows] = []
    dead: dict[int, str] = {}
    for chunk, metrics, ids in read_some(ItemDecoder(METRICS), sent, dead):
        told = zip(metrics, ids, strict=True)
        rows += [metric_rows(one, item_id, chunk.received_at_us) for one, item_id in told]
    if not rows:
        return no_rows(dead)
    points, owners = flattened([one.points for one in rows])
    tables = {
        "otel_metrics": Rows(metric_arrays([one.metric for one in rows])),
        "otel_points": Rows(point_arrays(points), owners),
    }
    return Columns([one.item_id for one in rows], tables, dead)
