"""The steps of the system `otel`, by kind, and that of spans."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial

from clickhouse.llm.score_tables import arrays_of
from clickhouse.log_attributes import encode_attributes
from clickhouse.otel.tables import (
    message_arrays,
    otel_span_arrays,
    told_call_arrays,
    told_span_arrays,
)
from processors.blocks import Beside, KindStep, StoredItems, nothing
from processors.columns import Build, Columns, Rows, SentChunk
from processors.llm.cost.own import Prices
from processors.llm.known_templates import KnownTemplates, Used
from processors.llm.steps import note_unpriced_calls
from processors.otel.billing import mark_of, scope_of
from processors.otel.inherited import Placed, inherit
from processors.otel.items import flattened, no_rows, present, read_some
from processors.otel.marks import Marks
from processors.otel.meaning import read_span
from processors.otel.metric_steps import build_metrics
from processors.otel.prompts import used_in, with_templates
from processors.otel.record_steps import MaskOf, build_records
from processors.otel.said import item_id_of, parent_item_id_of
from processors.otel.scores import span_scores
from processors.otel.span_rows import rows_of
from schemas.kinds import OTEL_METRIC, OTEL_RECORD, OTEL_SPAN
from schemas.otel.items import ItemDecoder
from schemas.otel.meanings import Meaning
from schemas.otel.rows import SpanRows
from schemas.otel.signals import Span
from schemas.otel.traces import TRACES


def steps(
    current: Callable[[], Prices],
    masking: Callable[[], MaskOf],
    *,
    templates: KnownTemplates | None = None,
    follow: Callable[[StoredItems], Awaitable[None]] = nothing,
) -> Mapping[str, KindStep]:
    """Returns them by the name of their kind.

    `current` gives the prices, and `masking` what masks log records, as they are now. `templates`
    are those of the process. `follow` is what the control plane does of calls that are stored.
    """
    templates = templates or KnownTemplates()

    def spans(sent: Sequence[SentChunk]) -> Columns:
        return build_spans(current(), sent, templates)

    def records(sent: Sequence[SentChunk]) -> Columns:
        return build_records(current(), masking(), sent, templates=templates)

    def records_beside(spans: Sequence[SentChunk]) -> Build:
        return partial(build_records, current(), masking(), spans=spans, templates=templates)

    def note(stored: StoredItems) -> None:
        note_unpriced_calls("traces", stored)
        templates.note(stored)

    return {
        OTEL_SPAN.name: KindStep(OTEL_SPAN, spans, note, follow),
        OTEL_RECORD.name: KindStep(
            OTEL_RECORD, records, note, follow, beside=Beside(OTEL_SPAN, records_beside)
        ),
        OTEL_METRIC.name: KindStep(OTEL_METRIC, build_metrics),
    }


def build_spans(
    prices: Prices, sent: Sequence[SentChunk], templates: KnownTemplates | None = None
) -> Columns:
    """Turns spans into columns of six tables. Templates that are known are left out."""
    marks = Marks()
    found: list[Placed] = []
    used: list[Used] = []
    dead: dict[int, str] = {}
    for chunk, spans, _ in read_some(ItemDecoder(TRACES), sent, dead):
        project_id, book = chunk.project_id, prices.of(chunk.project_id)
        meanings = [read_span(one) for one in spans]
        told = list(zip(spans, meanings, strict=True))
        rows = [
            _scored(rows_of(span, meaning, book, encode_attributes), span, meaning, chunk)
            for span, meaning in told
        ]
        used += used_in([one.call for one in rows], len(found), chunk)
        found += [Placed(project_id, one) for one in rows]
        for span, meaning in told:
            mark = mark_of(item_id_of(span), parent_item_id_of(span), meaning, False)
            marks.add(project_id, scope_of(span.trace_id, meaning), mark)
    if not found:
        return no_rows(dead)
    for project_id, one in found:
        if one.call is not None:
            call = one.call.call
            call.billing = marks.billing(project_id, call.scope, one.item_id)
    inherit(found)
    columns = _columns([one for _, one in found], dead)
    return with_templates(columns, used, templates)


def _scored(rows: SpanRows, span: Span, meaning: Meaning, chunk: SentChunk) -> SpanRows:
    if not span.events:
        return rows
    scores = span_scores(span, meaning, rows.item_id, chunk.received_at_us)
    return rows._replace(scores=scores) if scores else rows


def _columns(rows: Sequence[SpanRows], dead: dict[int, str]) -> Columns:
    calls, call_items = present([one.call for one in rows])
    agents, agent_items = present([one.agent for one in rows])
    messages, owners = flattened([one.messages for one in rows])
    scores, scored = flattened([one.scores for one in rows])
    tables = {
        "otel_spans": Rows(otel_span_arrays([one.span for one in rows])),
        "traces": Rows(told_call_arrays(calls), call_items),
        "spans": Rows(told_span_arrays(agents), agent_items),
        "messages": Rows(message_arrays(messages), owners),
        "scores": Rows(arrays_of(scores), scored),
    }
    return Columns([one.item_id for one in rows], tables, dead)
