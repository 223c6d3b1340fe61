"""Prompts in numbers, as they are answered."""

from msgspec import Struct

from schemas.answers import Number
from schemas.llm.answers import TokenTotals


class PromptScore(Struct, frozen=True, rename="camel"):
    """The scores of one name and type, of the calls that used a prompt."""

    name: str
    data_type: str
    count: int
    average: float | None
    """Of numbers; of booleans the share that is true; `None` of words."""


class PromptMoment(Struct, frozen=True, rename="camel"):
    """The calls of one period."""

    period: str
    start: str
    requests: int
    errors: int
    cost_cents: Number
    avg_latency: Number
    tokens: int


class PromptSums(Struct, kw_only=True, rename="camel"):
    """A prompt, or one version of it. Costs are US cents, latencies milliseconds."""

    prompt: str
    """Its name; `auto:` and a hash where nobody named it; `auto:other` for those beyond a bound."""
    version: str | None
    """Where one prompt was asked for."""
    versions: int
    text: str | None
    """How it begins; of a version all that it says. `None` where it is not known."""
    first_seen: str
    last_seen: str
    requests: int
    errors: int
    error_rate: Number
    sessions: int
    tokens: TokenTotals
    cost_cents: Number
    cost_per_request: Number
    unpriced_requests: int
    avg_latency: Number
    p50: Number
    p90: Number
    p95: Number
    p99: Number
    scores: list[PromptScore]
    over_time: list[PromptMoment] | None = None
    """Where `interval` asks for it."""


class PromptAnalytics(Struct, frozen=True, rename="camel"):
    """`GET /v1/analytics/prompts`: those with most calls first, 200 at most."""

    prompts: list[PromptSums]
    time_zone: str
    rows_from: str | None = None
    """Where the range begins before: calls of before may have been deleted, and are not counted."""
