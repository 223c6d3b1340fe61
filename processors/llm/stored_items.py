"""Stored rows as the items they came from, as far as prices go, and what they cost now. Pure."""

from msgspec import Raw

from clickhouse.llm.reprice import Change, Stored
from processors.llm.cost.own import Book
from processors.llm.cost.told import Counts, priced_usage
from processors.llm.fields import UNPRICED
from processors.llm.spans import span_row
from processors.llm.traces import trace_row
from schemas.llm.wire import ABSENT, SpanItem, TraceItem
from schemas.times import from_us


def trace_change(stored: Stored, book: Book) -> Change | None:
    """Returns how the cost of a trace changes, `None` where it does not."""
    provider, model, used, _, _, _, environment, user_id, *more = stored.more
    billing, extras, *counts = more
    if stored.is_told:
        told = priced_usage(Counts(*counts), extras)
        quote = book.price_used_or_requested(provider, used, model, stored.at_us, told)
        priced = quote or UNPRICED
    else:
        item = _item(stored)
        row = trace_row(item, book)
        priced = row.computed_cost_pico, row.price_id
    return _change(
        stored,
        priced,
        user_id=user_id,
        provider=provider,
        model=model,
        environment=environment,
        billing=billing,
    )


def _item(stored: Stored) -> TraceItem:
    provider, model, used, latency_ms, request, response, _, _, _, _, *counts = stored.more
    return TraceItem(
        trace_id=stored.item_id,
        timestamp=from_us(stored.at_us).isoformat(),
        provider=provider,
        model_requested=model,
        model_used=used,
        request_body=_raw(request),
        response_body=_raw(response),
        metadata=_raw(stored.metadata),
        status=stored.status,
        latency_ms=latency_ms,
        input_tokens=counts[0],
        output_tokens=counts[1],
        cache_read_tokens=counts[2],
        cache_write_tokens=counts[3],
        reasoning_tokens=counts[4],
    )


def span_change(stored: Stored, book: Book) -> Change | None:
    """Returns how the cost of a span changes, `None` where it does not.

    What OpenTelemetry told costs nothing itself: the calls within it do.
    """
    if stored.is_told:
        return None
    source, kind, event_type, model, tool = stored.more
    row = span_row(
        SpanItem(
            span_id=stored.item_id,
            session_id=stored.session_id,
            timestamp=from_us(stored.at_us).isoformat(),
            source=source,
            kind=kind,
            event_type=event_type,
            status=stored.status,
            model=model,
            metadata=_raw(stored.metadata),
        ),
        book,
    )
    return _change(
        stored,
        (row.computed_cost_pico, row.price_id),
        source=source,
        span_kind=kind,
        tool=tool,
        model=model or "",
    )


def _change(
    stored: Stored,
    priced: tuple[int | None, str],
    *,
    user_id: str = "",
    provider: str = "",
    model: str = "",
    environment: str = "",
    source: str = "",
    span_kind: str = "",
    tool: str = "",
    billing: str = "",
) -> Change | None:
    new_pico, new_price_id = priced
    if new_pico == stored.old_pico:
        return None
    return Change(
        stored.item_id,
        stored.at_us,
        stored.received_day,
        stored.session_id,
        user_id,
        provider,
        model,
        stored.status,
        environment,
        source,
        span_kind,
        tool,
        stored.reported_pico,
        stored.old_pico,
        new_pico,
        stored.price_id,
        new_price_id,
        billing,
        is_told=stored.is_told,
    )


def _raw(text: bytes) -> Raw:
    return Raw(text) if text else ABSENT
