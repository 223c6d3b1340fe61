"""The step of log records: decode, read, mask, bill within the block, row."""

from collections.abc import Callable, Sequence

from clickhouse.llm.score_tables import arrays_of
from clickhouse.otel.record_tables import told_log_arrays
from clickhouse.otel.tables import message_arrays, told_call_arrays, told_span_arrays
from processors.columns import Columns, Rows, SentChunk
from processors.errors.logs import Mask
from processors.llm.cost.own import Prices
from processors.llm.known_templates import KnownTemplates, Used
from processors.otel.billing import mark_of, scope_of
from processors.otel.items import flattened, no_rows, present, read_some
from processors.otel.marks import Marks
from processors.otel.meaning import read_record, read_span
from processors.otel.prompts import used_in, with_templates
from processors.otel.record_rows import Arrived, record_rows, record_scope
from processors.otel.said import item_id_of, parent_item_id_of
from schemas.otel.items import ItemDecoder
from schemas.otel.logs import LOGS
from schemas.otel.record_rows import RecordRows
from schemas.otel.traces import TRACES
from schemas.projects import ProjectId

MaskOf = Callable[[ProjectId], Mask]
"""What takes personal data out of the log records of a project."""


def build_records(
    prices: Prices,
    mask_of: MaskOf,
    sent: Sequence[SentChunk],
    spans: Sequence[SentChunk] = (),
    templates: KnownTemplates | None = None,
) -> Columns:
    """Turns log records into columns of six tables.

    `spans` are those of the same block: what one of them tells too is billed there.
    """
    marks = Marks()
    found: list[tuple[ProjectId, RecordRows]] = []
    used: list[Used] = []
    dead: dict[int, str] = {}
    for chunk, records, ids in read_some(ItemDecoder(LOGS), sent, dead):
        project_id, received_at_us = chunk.project_id, chunk.received_at_us
        mask, book = mask_of(project_id), prices.of(project_id)
        for record, item_id in zip(records, ids, strict=True):
            meaning = read_record(record)
            rows = record_rows(record, meaning, Arrived(item_id, received_at_us, mask, book))
            if rows.call is not None:
                scope = record_scope(record, meaning, item_id)
                marks.add(project_id, scope, mark_of(item_id, None, meaning, True))
                used += used_in([rows.call], len(found), chunk)
            found.append((project_id, rows))
    if not found:
        return no_rows(dead)
    owners = {owner for owner, one in found if one.call is not None}
    _add_spans(marks, [one for one in spans if one.project_id in owners])
    for project_id, one in found:
        if one.call is not None:
            call = one.call.call
            call.billing = marks.billing(project_id, call.scope, one.item_id)
    columns = _columns([one for _, one in found], dead)
    return with_templates(columns, used, templates)


def _add_spans(marks: Marks, sent: Sequence[SentChunk]) -> None:
    """Adds spans. Why one cannot be read is said by their own step."""
    for chunk, some, _ in read_some(ItemDecoder(TRACES), sent, {}):
        for span in some:
            meaning = read_span(span)
            mark = mark_of(item_id_of(span), parent_item_id_of(span), meaning, False)
            marks.add(chunk.project_id, scope_of(span.trace_id, meaning), mark)


def _columns(rows: Sequence[RecordRows], dead: dict[int, str]) -> Columns:
    calls, call_items = present([one.call for one in rows])
    agents, agent_items = present([one.agent for one in rows])
    messages, owners = flattened([one.messages for one in rows])
    scores, scored = flattened([one.scores for one in rows])
    tables = {
        "logs": Rows(told_log_arrays([one.log for one in rows])),
        "traces": Rows(told_call_arrays(calls), call_items),
        "spans": Rows(told_span_arrays(agents), agent_items),
        "messages": Rows(message_arrays(messages), owners),
        "scores": Rows(arrays_of(scores), scored),
    }
    return Columns([one.item_id for one in rows], tables, dead)
