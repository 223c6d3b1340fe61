"""One call of a model, out of the attributes of its span."""

from decimal import Decimal, InvalidOperation

from processors.otel.conversations import Conversation
from processors.otel.names import CostRule
from processors.otel.plain import (
    at,
    first_text_of,
    flag_of,
    json_of,
    number_of,
    object_of,
    text_of,
)
from processors.otel.providers import read_provider
from processors.otel.reading import Reading
from processors.otel.usage import read_usage
from schemas.otel.meanings import Call, Usage
from schemas.otel.values import Attributes, Value

_MAX_USD = Decimal(10) ** 12
_MAX_ADDED = 64


def read_call(reading: Reading, talk: Conversation, first_token_ms: float | None) -> Call:
    """Reads a call. What was not sent is `None`. `first_token_ms` is of events, if it has any."""
    requested = reading.first("model_requested", text_of)
    provider = read_provider(reading, requested)
    settled = read_usage(reading, provider)
    said_ms = _first_token_ms(reading)
    return Call(
        provider=provider,
        model_requested=requested,
        model_used=reading.first("model_used", text_of),
        response_id=reading.first("response_id", text_of) or _id_within(reading.attributes),
        usage=settled.usage if settled else Usage(),
        semantics=settled.semantics if settled else "declared",
        writes_assumed=settled.writes_assumed if settled else False,
        terms=_terms(reading),
        reported_usd=_reported_usd(reading),
        finish_reason=reading.first("finish_reason", first_text_of),
        is_streaming=reading.first("streaming", flag_of),
        first_token_ms=first_token_ms if said_ms is None else said_ms,
        parameters=reading.gather(reading.names.parameters),
        input=talk.input,
        output=talk.output,
        tools=talk.tools,
    )


def _id_within(attributes: Attributes) -> str | None:
    """The provider's id in its raw answer, where an instrumentation keeps that alone."""
    for name in ("output.value", "response_data", "langfuse.observation.output"):
        if (held := attributes.get(name)) is not None:
            found = text_of(at(json_of(held), "id"))
            if found:
                return found
    return None


def _terms(reading: Reading) -> tuple[tuple[str, str], ...]:
    found = []
    for term, names in reading.present.terms.items():
        value = reading.first_of(names, text_of)
        if value is not None and value.lower() not in reading.names.terms_standard[term]:
            found.append((term, value.lower()))
    return tuple(found)


def _reported_usd(reading: Reading) -> Decimal | None:
    for rule in reading.names.cost:
        if rule.attribute not in reading.attributes:
            continue
        if rule.only and reading.flavour.name not in rule.only:
            continue
        amount = _amount(rule, reading.attributes[rule.attribute])
        if amount is not None and 0 <= amount <= _MAX_USD * rule.per_usd:
            reading.take(rule.attribute)
            return amount / rule.per_usd
    return None


def _amount(rule: CostRule, sent: Value) -> Decimal | None:
    if rule.sum:
        numbers = [number_of(one) for one in list(object_of(sent).values())[:_MAX_ADDED]]
        known = [Decimal(repr(one)) for one in numbers if one is not None]
        return sum(known, Decimal()) if known else None
    if rule.paths:
        held = object_of(sent)
        sent = next((at(held, path) for path in rule.paths if at(held, path) is not None), None)
    if isinstance(sent, bool) or not isinstance(sent, int | float | str):
        return None
    try:
        amount = Decimal(str(sent))
    except InvalidOperation:
        return None
    return amount if amount.is_finite() else None


def _first_token_ms(reading: Reading) -> float | None:
    for rule in reading.names.first_token:
        if rule.attribute not in reading.attributes:
            continue
        if rule.only and reading.flavour.name not in rule.only:
            continue
        found = number_of(reading.attributes[rule.attribute])
        if found is not None:
            reading.take(rule.attribute)
            return found * rule.ms
    return None
