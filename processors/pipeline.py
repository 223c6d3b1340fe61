"""Puts the steps together: which topic means what, and what they ask of the store."""

import time
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Literal

from clickhouse.client import Warehouse
from clickhouse.llm.tables import encode_spans, encode_traces
from clickhouse.queries.stored import Pair, recent_hashes, stored_ids
from clickhouse.tables import encode_outcomes
from eventlog.topics import OUTCOMES, SPANS, TRACES
from processors.blocks import Step
from processors.events import EventKey, EventStep, Meaning
from processors.llm.cost.book import PriceBook
from processors.llm.spans import decode_span, span_row
from processors.llm.traces import decode_trace, trace_row
from processors.refusals import RefusalStep
from processors.seen import Hashes, SeenFilter
from schemas.projects import ProjectId
from schemas.rows import OutcomeRow, Position, Source


class Inserts:
    """What the sink asks of the store."""

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse

    async def insert(self, table: str, arrow_stream: bytes, token: str) -> None:
        """Inserts one block of rows, once for each token."""
        await self._warehouse.insert(table, arrow_stream, token)

    async def insert_past_views(self, table: str, arrow_stream: bytes, token: str) -> None:
        """Inserts rows that the store lost and its views have."""
        await self._warehouse.insert_past_views(table, arrow_stream, token)

    def encode_outcomes(self, rows: Sequence[OutcomeRow]) -> bytes:
        """Encodes rows of the ledger."""
        return encode_outcomes(rows)


class StoredEvents:
    """What an event step asks of the store, for one table."""

    def __init__(
        self, warehouse: Warehouse, table: Literal["traces", "spans"], window_s: int
    ) -> None:
        self._warehouse = warehouse
        self._table = table
        self._window_s = window_s

    async def stored_at(self, keys: Sequence[EventKey]) -> Mapping[EventKey, Position]:
        """Returns, for those of the keys that are stored, the log position of their row."""
        pairs = [Pair(ProjectId(project_id), event_id) for project_id, event_id in keys]
        found = await stored_ids(self._warehouse, self._table, pairs)
        return {(pair.project_id, pair.item_id): position for pair, position in found.items()}

    def recent_hashes(self, source: Source | None) -> AsyncIterator[Hashes]:
        """Yields the hashes of the ids received within the window."""
        return recent_hashes(
            self._warehouse,
            self._table,
            now_us=time.time_ns() // 1000,
            window_us=self._window_s * 1_000_000,
            source=source,
        )


def build_steps(
    warehouse: Warehouse, book: PriceBook, *, window_s: int, log2_filter_bits: int
) -> dict[str, Step]:
    """Returns the step of every topic that has an agent."""

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

    traces = Meaning("trace", "traces", build_trace, lambda row: row.trace_id, encode_traces)
    spans = Meaning("span", "spans", build_span, lambda row: row.span_id, encode_spans)

    def step(meaning: Meaning, table: Literal["traces", "spans"]) -> EventStep:
        seen = SeenFilter(log2_filter_bits, window_s)
        return EventStep(meaning, StoredEvents(warehouse, table, window_s), seen)

    return {
        TRACES.name: step(traces, "traces"),
        SPANS.name: step(spans, "spans"),
        OUTCOMES.name: RefusalStep(),
    }
