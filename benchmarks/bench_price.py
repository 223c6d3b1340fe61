"""How fast calls are counted and priced on one core: `python -m benchmarks.bench_price`."""

from __future__ import annotations

import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from processors.llm.cost.book import PriceBook
from processors.llm.cost.cache import load_book
from processors.llm.cost.usage import SentCounts, Usage, usage_of

SEED = 20251121
CALLS = 100_000
ROUNDS = 5
NOW_US = 1_795_000_000_000_000

# What traffic looks like: few models, most of them priced flat, some by tier or by date.
MODELS = (
    ("openai", "gpt-4o"),
    ("openai", "gpt-4o-mini-2024-07-18"),
    ("openai", "gpt-5.5"),
    ("anthropic", "claude-sonnet-4-5"),
    ("anthropic", "claude-opus-4-5-20251101"),
    ("google", "gemini-2.5-pro"),
    ("openrouter", "deepseek/deepseek-chat-v3.1"),
    ("deepseek", "deepseek-chat"),
)
ANTHROPIC = {
    "input_tokens": 21,
    "cache_creation_input_tokens": 2000,
    "cache_read_input_tokens": 188_086,
    "output_tokens": 393,
}


def main() -> None:
    with tempfile.TemporaryDirectory() as directory:
        compiled_s = _seconds(lambda: load_book(Path(directory)))
        loaded_s = _seconds(lambda: load_book(Path(directory)))
        book = load_book(Path(directory))
        size = sum(path.stat().st_size for path in Path(directory).iterdir())
    print(f"{book.snapshot}: compiled in {compiled_s:.2f} s, loaded in {loaded_s * 1000:.1f} ms,")
    print(f"{size / 1000:.0f} kB, {len(book.providers)} providers")
    if "genai_prices" in sys.modules:
        raise SystemExit("genai_prices was imported")
    rng = random.Random(SEED)
    names = [rng.choice(MODELS) for _ in range(CALLS)]
    tokens = [(rng.randint(1, 300_000), rng.randint(1, 4000)) for _ in names]
    flat = [Usage(*pair) for pair in tokens]
    cached = [Usage(i, o, cache_read_tokens=i // 2, reasoning_tokens=o // 3) for i, o in tokens]
    hostile = [("openai", f"no-such-model-{number}") for number in range(CALLS // 10)]
    _report("one flat model", _pricing(book, [("openai", "gpt-4o")] * CALLS, flat), CALLS)
    _report("eight models, plain counts", _pricing(book, names, flat), CALLS)
    _report("eight models, cached and reasoning", _pricing(book, names, cached), CALLS)
    _report("unknown names, each new", _pricing(book, hostile, flat), len(hostile))
    _report("usage_of, plain counts", _counting(None), CALLS)
    _report("usage_of, Anthropic's object", _counting(ANTHROPIC), CALLS)


def _pricing(
    book: PriceBook, names: list[tuple[str, str]], usages: list[Usage]
) -> Callable[[], None]:
    def run() -> None:
        price = book.price
        for (provider, model), usage in zip(names, usages, strict=False):
            price(provider, model, NOW_US, usage)

    return run


def _counting(raw: object) -> Callable[[], None]:
    def run() -> None:
        for _ in range(CALLS):
            usage_of(SentCounts(21, 393), raw)

    return run


def _seconds(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def _report(what: str, run: Callable[[], None], count: int) -> None:
    best = min(_seconds(run) for _ in range(ROUNDS))
    print(f"{what:<36} {count / best:>12,.0f} /s {best / count * 1e6:>8.2f} us")


if __name__ == "__main__":
    main()
