"""Runs of datasets as they are answered: what they came to, item by item, and how two differ."""

from collections.abc import Mapping, Sequence

from msgspec import Raw, Struct

from schemas.answers import Number
from schemas.llm.paired import Method


class RunScoreAnswer(Struct, frozen=True, kw_only=True):
    """The scores of one name in one run."""

    name: str
    data_type: str
    average: Number | None
    """Of the items' averages; null of words."""
    items: int
    """That have such a score."""
    scores: int


class RunAnswer(Struct, frozen=True, kw_only=True):
    """One run of a dataset."""

    name: str
    description: str
    metadata: Raw | None
    """Null of a run that was not announced."""
    version: int
    """Of the dataset: as the calls say, or when it was announced, or at its first call."""
    items: int
    """Of which there are calls."""
    missing: int
    """Items of the version that have no call yet."""
    tries: int
    """Of items, repetitions too."""
    calls: int
    failed: int
    """Tries of which a call failed."""
    unpriced_calls: int
    """Calls whose cost is not known, and not in `cost_cents`."""
    cost_cents: Number
    tokens: int
    latency_p50_ms: Number | None
    """Of tries."""
    latency_p95_ms: Number | None
    first_at: str | None
    """When its first call began; null before there is one."""
    last_at: str | None
    """When its last call ended."""
    rows_from: str | None
    """Where the run began before: calls of before may have been deleted, and are not counted."""
    scores: Sequence[RunScoreAnswer]


class RunList(Struct, frozen=True, kw_only=True):
    """The runs of a dataset, those with the newest calls first."""

    runs: Sequence[RunAnswer]


class ScoreWord(Struct, frozen=True, kw_only=True):
    """A score of words."""

    name: str
    text: str


class Result(Struct, frozen=True, kw_only=True):
    """What one item came to in one run."""

    tries: int
    calls: int
    failed: int
    cost_cents: Number | None
    """Of one try; null where the cost of a call is not known."""
    tokens: Number
    """Of one try."""
    latency_ms: Number
    """Of one try."""
    trace_id: str
    """The last call of the last try."""
    output: str
    """What it answered, up to 1,000 characters."""
    error: str
    """What went wrong in it, up to 1,000 characters; else empty."""
    scores: Mapping[str, Number]
    """Averages, by name."""
    words: Sequence[ScoreWord]
    """The newest of scores that are words."""


class ItemResult(Struct, frozen=True, kw_only=True):
    """One item with what it came to."""

    id: str
    input: str | None
    """JSON, up to 1,000 characters; null where the version has no such item."""
    expected_output: str | None
    """The same; null where nothing is expected."""
    result: Result | None
    """Null in the list of a run before its first call of it."""


class ResultList(Struct, frozen=True, kw_only=True):
    """The items of a run, by id."""

    dataset: str
    run: RunAnswer
    items: Sequence[ItemResult]
    total: int


class MeasureDifference(Struct, frozen=True, kw_only=True):
    """How one measure differs over the items that both runs have it of: b minus a."""

    measure: str
    """`score.NAME`, `cost` in cents, `latency` in milliseconds, `tokens`, or `failures`: the share
    of tries that failed."""
    pairs: int
    a: Number
    """The mean."""
    b: Number
    difference: Number
    """The mean of b minus a."""
    low: Number | None
    """Where the 95 % interval of the mean difference begins; null where there are too few items."""
    high: Number | None
    chance: Number | None
    """That chance alone makes a difference so great, to either side, in view of all the measures
    that are looked at (Holm)."""
    is_more_than_chance: bool
    """Whether that is below 5 %."""
    method: Method | None
    """How the interval was found: docs/experiments.md."""


class ItemComparison(Struct, frozen=True, kw_only=True):
    """One item in both runs."""

    id: str
    input: str | None
    expected_output: str | None
    a: Result | None
    """Null where the run has no call of it."""
    b: Result | None
    differences: Mapping[str, Number]
    """By measure, where both have it: b minus a."""


class Comparison(Struct, frozen=True, kw_only=True):
    """Two runs of a dataset beside each other."""

    dataset: str
    a: RunAnswer
    b: RunAnswer
    both: int
    """Items of which both runs have calls."""
    only_a: int
    only_b: int
    measures: Sequence[MeasureDifference]
    sorted_by: str
    """The measure whose greatest loss comes first: a score that fell, or a cost that rose."""
    items: Sequence[ItemComparison]
    total: int
