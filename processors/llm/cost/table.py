"""The price table as it is stored: providers, match clauses, dated prices, integer rates.

Forms only. `compile` writes them, `cache` reads them back, `book` prices with them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from msgspec import Struct

TERMS_FILE = Path(__file__).with_name("terms.toml")

# Raised whenever the forms or the way they are filled change: an older cached file is then ignored.
FORMAT = 4

# What a sender can report and a rate can charge, in the order of `Rate.coefficients`.
COUNTERS = (
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "cache_write_1h_tokens",
    "reasoning_tokens",
    "input_audio_tokens",
    "output_audio_tokens",
    "cache_audio_read_tokens",
    "input_image_tokens",
    "output_image_tokens",
    "cache_image_read_tokens",
    "input_video_tokens",
    "output_video_tokens",
    "citation_tokens",
    "web_searches",
    "preview_searches",
    "file_searches",
    "search_sources",
    "code_executions",
    "containers",
    "audio_ms",
)


class Rate(Struct, frozen=True, array_like=True):
    """One linear price: (per_request + sum of coefficient x count) / divisor pico-dollars.

    Counts are inclusive totals, so the coefficient of a part is what it costs beyond its whole:
    cache_read's is (cache read rate - input rate) and usually negative.
    """

    above: int  # applies when the total input is strictly greater; -1 for the base rate
    per_request: int
    coefficients: tuple[int, ...]
    priced: int  # bit i: the price list names COUNTERS[i] itself
    divisor: int  # 1 unless a list price is finer than a pico-dollar a token, 10^6 where rounded
    known: int  # bit i: COUNTERS[i] has a rate, or is included in that of its whole
    search_once: bool  # a call that searches is charged one search, however many it makes


class Epoch(Struct, frozen=True, array_like=True):
    """The price of a model while a condition holds."""

    when: Literal["always", "from", "daily"]
    start_us: int  # "from": microseconds since 1970; "daily": since midnight UTC
    end_us: int  # "daily" only, exclusive; before start_us when the span crosses midnight
    rates: tuple[Rate, ...]  # ascending `above`; empty: charged by what no trace reports
    since_us: int = -(2**62)  # "daily" only: from then on
    working_days_since_us: int = 2**62  # "daily" only: from then on not on Saturdays and Sundays


class Variant(Struct, frozen=True, array_like=True):
    """The prices of a model under a term of the call, such as ("service_tier", "flex")."""

    seller: str  # the provider that sells on this term; others do not
    term: tuple[str, str]
    start_us: int  # microseconds since 1970; a later one replaces an earlier one
    epochs: tuple[Epoch, ...]


class Factor(Struct, frozen=True, array_like=True):
    """What the token rates of some models are multiplied by under a term of the call."""

    seller: str
    models: str  # a regex on the model's id in the list
    term: tuple[str, str]
    start_us: int
    numerator: int
    denominator: int


class Model(Struct, frozen=True, array_like=True):
    """A model's prices; the last epoch that holds counts, the first when none does."""

    id: str
    epochs: tuple[Epoch, ...]
    variants: tuple[Variant, ...] = ()  # ascending start


class Clause(Struct, frozen=True, array_like=True):
    """A condition on a lower-case name; `text` is lower case except in a regex."""

    kind: Literal["equals", "starts_with", "ends_with", "contains", "regex", "or", "and"]
    text: str
    parts: tuple[Clause, ...] = ()


class Provider(Struct, frozen=True, array_like=True):
    """A seller; a name means the model of the lowest index that `equals` or `patterns` give."""

    id: str
    provider_match: Clause | None
    model_match: Clause | None
    fallbacks: tuple[str, ...]
    models: tuple[Model, ...]
    equals: dict[str, int]
    patterns: tuple[tuple[int, Clause], ...]  # ascending index; every clause but plain equality


class PriceTable(Struct, frozen=True, array_like=True):
    """Every price of one snapshot; `snapshot` names it for good."""

    snapshot: str
    providers: tuple[Provider, ...]
    factors: tuple[Factor, ...] = ()  # ascending start
