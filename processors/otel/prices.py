"""What a call costs, by the prices of its project."""

from processors.llm.cost.own import Book
from processors.llm.cost.told import Counts, Told, encode_told, priced_usage
from processors.llm.fields import UNPRICED
from schemas.otel.meanings import Call, Usage


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
    return encode_told(told)


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
