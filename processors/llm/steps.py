"""The steps of the system `llm`: what makes an item of each kind a row."""

from collections.abc import Mapping
from typing import Any

from clickhouse.llm.tables import encode_spans, encode_traces
from processors.events import Meaning
from processors.llm.cost.book import PriceBook
from processors.llm.spans import decode_span, span_row
from processors.llm.traces import decode_trace, trace_row
from schemas.kinds import SPAN, TRACE
from schemas.projects import ProjectId
from schemas.rows import Position


def meanings(book: PriceBook) -> Mapping[str, Meaning]:
    """Returns them by the name of their kind."""

    def build_trace(
        body: bytes, *, project_id: ProjectId, received_at_us: int, position: Position
    ) -> Any:
        return trace_row(
            decode_trace(body),
            project_id=project_id,
            received_at_us=received_at_us,
            position=position,
            book=book,
        )

    def build_span(
        body: bytes, *, project_id: ProjectId, received_at_us: int, position: Position
    ) -> Any:
        return span_row(
            decode_span(body),
            project_id=project_id,
            received_at_us=received_at_us,
            position=position,
            book=book,
        )

    return {
        TRACE.name: Meaning(TRACE, build_trace, lambda row: row.trace_id, encode_traces),
        SPAN.name: Meaning(SPAN, build_span, lambda row: row.span_id, encode_spans),
    }
