"""One call is one usage and one cost, whichever instrumentation tells it."""

import pytest

from processors.llm.cost.book import PriceBook
from processors.llm.cost.usage import Usage as Priced
from processors.otel.meaning import read_record, read_span
from schemas.otel.meanings import Call, Usage
from schemas.otel.signals import Span
from tests.unit.processors.otel.senders import SENDERS, Told

AT_US = 1_795_226_990_809_000
CALLS = (
    Told("openai", "gpt-4o-2024-11-20", 1_000, 500),
    Told("anthropic", "claude-sonnet-4-5-20250929", 2_000, 300),
    Told("google", "gemini-2.5-flash", 900, 120),
    Told("azure", "gpt-4o", 700, 90),
    Told("aws", "us.anthropic.claude-sonnet-4-5-20250929-v1:0", 800, 60),
    Told("mistral", "mistral-large-2411", 640, 32),
    Told("groq", "llama-3.3-70b-versatile", 333, 77),
    Told("x-ai", "grok-3", 410, 11),
    Told("cohere", "command-r-plus", 512, 64),
    Told("deepseek", "deepseek-chat", 128, 256),
    # Of these the reading of the totals decides what they cost.
    Told("openai", "gpt-5", 5_000, 900, read=4_096, thought=640),
    Told("anthropic", "claude-opus-4-5-20251101", 91_660, 1_200, read=84_562, written=7_096),
    Told("anthropic", "claude-sonnet-4-5-20250929", 10_000, 700, read=3_000, written=1_000),
    Told("google", "gemini-2.5-pro", 7_000, 1_500, read=2_048, thought=1_024),
    Told("azure", "gpt-4o", 3_000, 200, read=1_024),
    Told(
        "aws", "us.anthropic.claude-sonnet-4-5-20250929-v1:0", 9_000, 400, read=6_000, written=500
    ),
    Told("x-ai", "grok-3-mini", 4_000, 800, read=1_000, thought=500),
    Told("deepseek", "deepseek-chat", 2_000, 100, read=1_500),
)
CASES = [
    pytest.param(call, name, id=f"{call.provider}-{call.model[:18]}-{call.read}-{name}")
    for call in CALLS
    for name, sender in SENDERS.items()
    if sender.can_tell(call)
]


def read(call: Told, name: str) -> Call:
    sent = SENDERS[name].send(call)
    meaning = read_span(sent) if isinstance(sent, Span) else read_record(sent)
    assert meaning.kind == "llm"
    assert meaning.role == "inference"
    assert meaning.call is not None
    return meaning.call


def whole(usage: Usage) -> Usage:
    """No tokens read from a cache are none, whether that is said or not."""
    return Usage(
        usage.input_tokens,
        usage.output_tokens,
        usage.cache_read_tokens or 0,
        usage.cache_write_tokens or 0,
        None,
        usage.reasoning_tokens or 0,
    )


def cost(book: PriceBook, call: Call) -> int | None:
    """The cost without what is assumed of one sender alone."""
    usage = call.usage
    priced = Priced(
        usage.input_tokens,
        usage.output_tokens,
        usage.cache_read_tokens,
        usage.cache_write_tokens,
        None if call.writes_assumed else usage.cache_write_1h_tokens,
        usage.reasoning_tokens,
    )
    quote = book.price_used_or_requested(
        call.provider or "", call.model_used, call.model_requested or "", AT_US, priced
    )
    return quote and quote[0]


class TestOneCall:
    @pytest.mark.parametrize(("call", "name"), CASES)
    def test_has_the_same_usage_from_every_sender(self, call: Told, name: str) -> None:
        found = read(call, name)

        assert whole(found.usage) == Usage(
            call.into, call.out, call.read, call.written, None, call.thought
        )
        assert call.model in (found.model_used, found.model_requested)

    @pytest.mark.parametrize("call", CALLS, ids=lambda call: f"{call.provider}-{call.read}")
    def test_has_the_same_cost_from_every_sender(self, call: Told, book: PriceBook) -> None:
        costs = {
            name: cost(book, read(call, name))
            for name, sender in SENDERS.items()
            if sender.can_tell(call)
        }

        assert len(costs) >= 8
        assert len(set(costs.values())) == 1, costs
        assert None not in costs.values()

    def test_is_told_by_twelve_senders_and_of_eight_providers_at_least(self) -> None:
        plain = [call for call in CALLS if not call.parts]

        assert len({call.provider for call in plain}) >= 8
        assert all(
            sum(sender.can_tell(call) for sender in SENDERS.values()) >= 12 for call in plain
        )
