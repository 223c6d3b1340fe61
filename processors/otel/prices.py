"""What a call costs, by the prices of its project."""

from typing import NamedTuple

import msgspec
from msgspec import Struct

from processors.llm.cost.own import Book
from processors.llm.cost.usage import Extras
from processors.llm.cost.usage import Usage as PricedUsage
from processors.llm.fields import UNPRICED
from schemas.otel.meanings import Call, Usage


class Told(Struct, frozen=True, omit_defaults=True):
    """What table `traces` keeps for prices beside its counts."""

    cache_write_1h_tokens: int | None = None
    input_audio_tokens: int | None = None
    output_audio_tokens: int | None = None
    input_image_tokens: int | None = None
    terms: tuple[tuple[str, str], ...] = ()


class Counts(NamedTuple):
    """Those counts of a call that have columns."""

    input_tokens: int | None
    output_tokens: int | None
    cache_read_tokens: int | None
    cache_write_tokens: int | None
    reasoning_tokens: int | None


_NOTHING = Told()
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Told).decode


def counts_of(usage: Usage) -> Counts:
    """Returns the counts that have columns."""
    return Counts(
        usage.input_tokens,
        usage.output_tokens,
        usage.cache_read_tokens,
        usage.cache_write_tokens,
        usage.reasoning_tokens,
    )


def told_of(call: Call) -> bytes:
    """Returns what has no column, as JSON; empty where there is nothing."""
    usage = call.usage
    told = Told(
        usage.cache_write_1h_tokens,
        usage.input_audio_tokens,
        usage.output_audio_tokens,
        usage.input_image_tokens,
        call.terms,
    )
    return b"" if told == _NOTHING else _encode(told)


def priced_usage(counts: Counts, told: bytes) -> PricedUsage:
    """Returns the usage that prices are asked with, from the columns of a row."""
    more = _decode(told) if told else _NOTHING
    extras = Extras(
        input_audio_tokens=more.input_audio_tokens,
        output_audio_tokens=more.output_audio_tokens,
        input_image_tokens=more.input_image_tokens,
        terms=more.terms,
    )
    return PricedUsage(
        counts.input_tokens,
        counts.output_tokens,
        counts.cache_read_tokens,
        counts.cache_write_tokens,
        more.cache_write_1h_tokens,
        counts.reasoning_tokens,
        None if extras == Extras() else extras,
    )


def cost_of(call: Call, told: bytes, book: Book, at_us: int) -> tuple[int | None, str]:
    """Returns a call's cost in pico-dollars and the id of its price; `None` and empty without."""
    quote = book.price_used_or_requested(
        call.provider or "",
        call.model_used,
        call.model_requested or "",
        at_us,
        priced_usage(counts_of(call.usage), told),
    )
    return quote or UNPRICED
