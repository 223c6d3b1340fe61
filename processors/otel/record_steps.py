"""The step of log records: decode, read, mask, bill within the block, row."""

from collections.abc import Callable, Sequence

from clickhouse.otel.record_tables import told_log_arrays
from clickhouse.otel.tables import message_arrays, told_call_arrays, told_span_arrays
from processors.columns import Columns, Rows, SentChunk
from processors.errors.logs import Mask
from processors.llm.cost.own import Prices
from processors.otel.billing import mark_of
from processors.otel.items import fitting, flattened, no_rows, present, read_item
from processors.otel.marks import Marks
from processors.otel.meaning import read_record
from processors.otel.record_rows import Arrived, record_rows, record_scope
from schemas.otel.items import ItemDecoder
from schemas.otel.logs import LOGS
from schemas.otel.record_rows import RecordRows
from schemas.projects import ProjectId

MaskOf = Callable[[ProjectId], Mask]
"""What takes personal data out of the log records of a project."""


def build_records(prices: Prices, mask_of: MaskOf, sent: Sequence[SentChunk]) -> Columns:
    """Turns log records into columns of four tables."""
    decoder = ItemDecoder(LOGS)
    marks = Marks()

    def rows_of(chunk: SentChunk, body: bytes, item_id: str) -> tuple[ProjectId, RecordRows]:
        record = read_item(decoder, body)
        meaning = read_record(record)
        project_id = chunk.project_id
        mask, book = mask_of(project_id), prices.of(project_id)
        rows = record_rows(record, meaning, Arrived(item_id, chunk.received_at_us, mask, book))
        if rows.call is not None:
            scope = record_scope(record, meaning, item_id)
            marks.add(project_id, scope, mark_of(item_id, record.span_id, meaning, True))
        return project_id, rows

    found, dead = fitting(sent, rows_of)
    if not found:
        return no_rows(dead)
    for project_id, one in found:
        if one.call is not None:
            call = one.call.call
            call.billing = marks.billing(project_id, call.scope, one.item_id)
    return _columns([one for _, one in found], dead)


def _columns(rows: Sequence[RecordRows], dead: dict[int, str]) -> Columns:
    calls, call_items = present([one.call for one in rows])
    agents, agent_items = present([one.agent for one in rows])
    messages, owners = flattened([one.messages for one in rows])
    tables = {
        "logs": Rows(told_log_arrays([one.log for one in rows])),
        "traces": Rows(told_call_arrays(calls), call_items),
        "spans": Rows(told_span_arrays(agents), agent_items),
        "messages": Rows(message_arrays(messages), owners),
    }
    return Columns([one.item_id for one in rows], tables, dead)
