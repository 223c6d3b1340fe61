"""What programs with an API token are answered of LLM calls: the shapes of Open Sentry.

Costs are US dollars, shares percent, times ISO texts in UTC. What is unknown is `null`.
"""

from msgspec import Struct

from schemas.answers import Number


class AiStats(Struct, rename="camel", kw_only=True):
    """The calls of a range, added up."""

    count: int
    total_cost_usd: Number
    total_input_tokens: int
    total_output_tokens: int
    avg_latency_ms: Number
    error_rate: Number
    cache_hit_rate: Number
    """Of the input tokens, how many were read from a cache."""
    total_cached_tokens: int
    total_cache_write_tokens: int


class AiToday(Struct, rename="camel"):
    """The calls of this day, in UTC."""

    count: int
    total_cost_usd: Number


class AiModel(Struct, rename="camel", kw_only=True):
    """The calls of one model in the range."""

    model: str
    provider: str
    count: int
    total_cost_usd: Number
    total_tokens: int
    cached_tokens: int
    cache_hit_rate: Number


class Generation(Struct, rename="camel", kw_only=True):
    """One call, without its bodies: of `output` and `error` the first 200 characters."""

    trace_id: str
    session_id: str | None
    timestamp: str
    provider: str
    model: str
    model_used: str | None
    status: str
    input_tokens: int | None
    output_tokens: int | None
    cached_input_tokens: int | None
    total_cost_usd: Number | None
    latency_ms: Number
    environment: str | None
    user: str | None
    output: str
    error: str


class Ai(Struct, rename="camel"):
    """The LLM calls of a project; `byModel` has the greatest costs first, 100 at most."""

    stats: AiStats
    today: AiToday
    by_model: list[AiModel]
    generations: list[Generation]
    """The newest 100 of the range."""


class GenerationList(Struct, rename="camel"):
    """A page of calls, newest first; `nextCursor` is where the next one begins."""

    traces: list[Generation]
    next_cursor: str | None
