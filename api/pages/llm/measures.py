"""What can be measured of calls: each with its unit, its definition and its place in an answer."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from api.pages.parts.charts import Unit
from api.pages.parts.sheets import Kind
from schemas.llm.answers import AnalyticsAnswer

UNITS: Mapping[Unit, str] = {"count": "", "usd": "_usd", "ms": "_ms", "percent": "_percent"}


class Measure(NamedTuple):
    """One figure of a group of calls."""

    name: str
    title: str
    unit: Unit
    meaning: str
    of: Callable[[Any], float | None]
    """Of a `Group`; unless `is_spread`, of a `SummedGroup` too."""
    order: str
    """By which the largest groups are found; a name that `order` of analytics takes."""
    total: Callable[[AnalyticsAnswer], float | None] | None = None
    """Of the whole range; only what adds up has the rest of its groups shown as one."""
    is_summed: bool = False
    """Whether it is 0 where there is no call; else nothing is known there."""
    is_spread: bool = False
    """Whether it takes more than one statement: sessions, and percentiles."""


def total_of(measure: Measure, answer: AnalyticsAnswer) -> float | None:
    """Returns a figure of a whole range, `None` where no call has one."""
    if measure.total is None or not (answer.total_requests or measure.is_summed):
        return None
    return measure.total(answer)


def value_at(measure: Measure, moments: Mapping[int, Any], at: int) -> float | None:
    """Returns a figure of a bucket, `None` where no call has one."""
    if at in moments:
        return measure.of(moments[at])
    return 0.0 if measure.is_summed else None


def named(measure: Measure) -> str:
    """Returns the name of a measure with its unit, as a file has it."""
    return measure.name + UNITS[measure.unit]


def kind_of(measure: Measure) -> Kind:
    """Returns what the values of a measure are in a file."""
    return "count" if measure.unit == "count" else "number"


def in_unit(measure: Measure, value: float | None) -> float | None:
    """Returns a value in the unit that `named` says: money in dollars."""
    return value / 100 if measure.unit == "usd" and value is not None else value


def _errors(answer: AnalyticsAnswer) -> float:
    return round(answer.error_rate * answer.total_requests / 100)


def _unpriced(answer: AnalyticsAnswer) -> float:
    return sum(model.requests for model in answer.unpriced)


MEASURES: Mapping[str, Measure] = {
    measure.name: measure
    for measure in (
        Measure(
            *("calls", "Calls", "count", "LLM calls that were received, failed ones too"),
            of=lambda group: group.requests,
            order="requests",
            total=lambda answer: answer.total_requests,
            is_summed=True,
        ),
        Measure(
            *("cost", "Cost", "usd", "The cost that counts in this project; unknown ones add 0"),
            of=lambda group: group.cost_cents,
            order="cost",
            total=lambda answer: answer.total_cost,
            is_summed=True,
        ),
        Measure(
            *("cost_per_call", "Cost per call", "usd", "The cost that counts, by the calls"),
            of=lambda group: group.cost_cents / group.requests if group.requests else None,
            order="cost",
            total=lambda answer: answer.total_cost / answer.total_requests,
        ),
        Measure(
            *("errors", "Errors", "count", "Calls whose status is error"),
            of=lambda group: group.errors,
            order="errors",
            total=_errors,
            is_summed=True,
        ),
        Measure(
            *("error_rate", "Error rate", "percent", "Share of calls whose status is error"),
            of=lambda group: group.error_rate,
            order="error_rate",
            total=lambda answer: answer.error_rate,
        ),
        Measure(
            *("tokens", "Tokens", "count", "Input and output tokens together"),
            of=lambda group: group.tokens.total,
            order="tokens",
            total=lambda answer: answer.total_tokens.total,
            is_summed=True,
        ),
        Measure(
            *("input_tokens", "Input tokens", "count", "Tokens of prompts, cached ones included"),
            of=lambda group: group.tokens.input,
            order="input_tokens",
            total=lambda answer: answer.total_tokens.input,
            is_summed=True,
        ),
        Measure(
            *("output_tokens", "Output tokens", "count", "Tokens of answers"),
            of=lambda group: group.tokens.output,
            order="output_tokens",
            total=lambda answer: answer.total_tokens.output,
            is_summed=True,
        ),
        Measure(
            *("avg", "Average latency", "ms", "Mean of the latencies"),
            of=lambda group: group.avg_latency,
            order="latency",
            total=lambda answer: answer.latency.avg,
        ),
        Measure(
            *("p50", "Latency p50", "ms", "Half of the calls took no longer"),
            of=lambda group: group.p50,
            order="latency",
            total=lambda answer: answer.latency.p50,
            is_spread=True,
        ),
        Measure(
            *("p95", "Latency p95", "ms", "95 of 100 calls took no longer"),
            of=lambda group: group.p95,
            order="latency",
            total=lambda answer: answer.latency.p95,
            is_spread=True,
        ),
        Measure(
            *("p99", "Latency p99", "ms", "99 of 100 calls took no longer"),
            of=lambda group: group.p99,
            order="latency",
            total=lambda answer: answer.latency.p99,
            is_spread=True,
        ),
        Measure(
            *("sessions", "Sessions", "count", "Different sessions that had a call"),
            of=lambda group: group.sessions,
            order="requests",
            total=lambda answer: answer.total_sessions,
            is_spread=True,
        ),
        Measure(
            *("unpriced", "Unpriced calls", "count", "Calls whose cost is unknown"),
            of=lambda group: group.unpriced_requests,
            order="unpriced",
            total=_unpriced,
            is_summed=True,
        ),
    )
}
