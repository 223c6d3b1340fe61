"""The cost of a stored call, worked out again and told part by part. Pure, as the steps are."""

import re
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from processors.llm.cost.call import read_call
from processors.llm.cost.explain import Explanation, Part
from processors.llm.cost.match import RULES, PriceMatch
from processors.llm.cost.own import OWN, Book
from processors.llm.cost.reasons import meaning_of
from processors.llm.cost.table import Epoch, Rate
from processors.llm.cost.told import Counts as ToldCounts
from processors.llm.cost.told import priced_usage
from processors.llm.cost.usage import Usage
from processors.llm.fields import PICO_PER_CENT, PICO_PER_USD, read_object
from processors.llm.spans import usage_and_reported
from schemas.answers import Number
from schemas.llm import costs
from schemas.llm.answers import SpanAnswer, TraceAnswer
from schemas.llm.wire import Counts
from schemas.times import from_us, parse_timestamp_us

_PLACE = re.compile(r"(?:\+(?P<term>[^#/]+))?#(?P<epoch>\d+)\.(?P<rate>\d+)")
_NO_PLACE = (None, None)
_PER = {"audio_ms": 60_000}
_DAY_US = 86_400_000_000


def explain_trace(book: Book, row: TraceAnswer) -> costs.CostAnswer:
    """Tells the cost of a trace. May be asked again: the row stays as it is."""
    sent = (
        row.input_tokens,
        row.output_tokens,
        row.cache_read_tokens,
        row.cache_write_tokens,
        row.reasoning_tokens,
    )
    stated_usd = None
    if row.told is not None:
        usage = priced_usage(ToldCounts(*sent), row.told)
    else:
        bodies = bytes(row.request_body or b""), bytes(row.response_body or b"")
        call = read_call(Counts(*sent), *bodies)
        usage, stated_usd = call.usage, call.stated_usd
    at_us = parse_timestamp_us(row.timestamp)
    name, explained = book.explain_used_or_requested(
        row.provider, row.model_used, row.model_requested, at_us, usage
    )
    told = _Told(row.trace_id, _reporter(row, stated_usd), name)
    return _answer(row, told, book.find(row.provider, name), explained)


def explain_span(book: Book, row: SpanAnswer) -> costs.CostAnswer:
    """Tells the cost of a span. One that is no model's answer costs nothing that is known."""
    metadata = read_object(bytes(row.metadata or b""))
    usage, _ = usage_and_reported(row.kind, metadata)
    name = row.model or ""
    reporter: costs.Reporter | None = None if row.reported_cost_cents is None else "sender"
    explained = Explanation(None, None, reasons=("counts",))
    if row.model and usage != Usage():
        at_us = parse_timestamp_us(row.timestamp)
        explained = book.explain(None, row.model, at_us, usage)
    return _answer(row, _Told(row.span_id, reporter, name), book.find(None, name), explained)


class _Told(NamedTuple):
    id: str
    reported_by: costs.Reporter | None
    name: str


def _reporter(row: TraceAnswer, stated_usd: Decimal | None) -> costs.Reporter | None:
    if row.reported_cost_cents is None:
        return None
    is_stated = stated_usd is not None and float(stated_usd * 100) == row.reported_cost_cents
    return "answer" if is_stated else "sender"


def _answer(
    row: TraceAnswer | SpanAnswer, told: _Told, match: PriceMatch | None, explained: Explanation
) -> costs.CostAnswer:
    cost_cents = _number(explained.cost_pico_usd, PICO_PER_CENT)
    snapshot = explained.price_id if cost_cents is not None else None
    differs = (cost_cents, snapshot) != (row.computed_cost_cents, row.price_snapshot)
    return costs.CostAnswer(
        id=told.id,
        timestamp=row.timestamp,
        cost_cents=row.cost_cents,
        cost_source=row.cost_source,
        reported_cost_cents=row.reported_cost_cents,
        reported_by=told.reported_by,
        computed_cost_cents=row.computed_cost_cents,
        price_snapshot=row.price_snapshot,
        now=costs.CostNow(cost_cents, snapshot, differs),
        matched=_matched(match, told.name, explained.price_id or ""),
        epoch=_epoch(match, explained.price_id, parse_timestamp_us(row.timestamp)),
        parts=[_part(part) for part in explained.parts],
        modifiers=[
            costs.CostModifier(one.key, one.value, _number(one.factor, 1))
            for one in explained.modifiers
        ],
        reasons=[costs.Reason(word, meaning_of(word)) for word in explained.reasons],
    )


def _matched(match: PriceMatch | None, name: str, price_id: str) -> costs.Matched | None:
    if price_id.startswith(f"{OWN}/"):
        _, provider, model = price_id.split("/", 2)
        model = model.rpartition("#")[0]
        seller = match.seller_id if match else provider
        return costs.Matched(provider, model, seller, name, "own", RULES["own"])
    if match is None:
        return None
    rule = match.rule
    return costs.Matched(
        match.provider_id, match.model.id, match.seller_id, name, rule, RULES[rule]
    )


def _epoch(match: PriceMatch | None, price_id: str | None, at_us: int) -> costs.Epoch | None:
    epoch, rate = _place(match, price_id or "", at_us)
    if epoch is None or rate is None:
        return None
    since_us = epoch.start_us if epoch.when == "from" else epoch.since_us
    hours = None
    if epoch.when == "daily":
        hours = f"{_clock(epoch.start_us)} to {_clock(epoch.end_us)} UTC"
    return costs.Epoch(
        since=_moment(since_us),
        hours=hours,
        working_days_since=_moment(epoch.working_days_since_us),
        above_input_tokens=rate.above if rate.above >= 0 else None,
    )


def _place(
    match: PriceMatch | None, price_id: str, at_us: int
) -> tuple[Epoch, Rate] | tuple[None, None]:
    """The epoch and the rate that a price id names, under the term in it."""
    found = _PLACE.search(price_id)
    if match is None or found is None:
        return _NO_PLACE
    epochs = match.model.epochs
    if term := found["term"]:
        begun = (v for v in match.model.variants if v.start_us <= at_us)
        meant = [v.epochs for v in begun if (v.seller, "=".join(v.term)) == (match.seller_id, term)]
        epochs = meant[-1] if meant else ()
    index, rate = int(found["epoch"]), int(found["rate"])
    if index >= len(epochs) or rate >= len(epochs[index].rates):
        return _NO_PLACE
    return epochs[index], epochs[index].rates[rate]


def _part(part: Part) -> costs.CostPart:
    per = 1_000_000 if part.name.endswith("_tokens") else _PER.get(part.name, 1)
    rate = None if part.rate_pico is None else part.rate_pico * per
    return costs.CostPart(
        part.name,
        part.units,
        _number(rate, PICO_PER_USD),
        per,
        _number(part.amount_pico, PICO_PER_CENT),
    )


def _number(value: Fraction | int | None, divisor: int) -> Number | None:
    if value is None:
        return None
    exact = Fraction(value) / divisor
    return exact.numerator if exact.denominator == 1 else float(exact)


def _moment(at_us: int) -> str | None:
    return f"{from_us(at_us):%Y-%m-%dT%H:%M:%SZ}" if abs(at_us) < 2**61 else None


def _clock(at_us: int) -> str:
    return f"{from_us(at_us % _DAY_US):%H:%M}"
