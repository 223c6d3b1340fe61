"""How long a project keeps things: days of each kind, rules for traces, days of sums. No I/O.

A trace is its calls, its agent spans and its spans of OpenTelemetry. A row of it is kept where one
of these holds: it is no older than `sample_from_days` and than the days of its kind; it is no older
than these and its trace is in the sample; a rule keeps its trace, whose days are not over.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Annotated, Literal, NamedTuple, get_args

import msgspec
from msgspec import Meta, Struct

MOST_DAYS = 3650
MOST_RULES = 10
WINDOW_DAYS = 7
"""Rows of one trace come in within so many days of one another, or are no whole."""
AHEAD_DAYS = 1
"""How far the clock of a sender may be ahead: rows of a later day may be among those that go."""

KeptKind = Literal[
    "calls",
    "agent_spans",
    "otel_spans",
    "messages",
    "scores",
    "logs",
    "metrics",
    "errors",
    "transactions",
    "sessions",
    "check_ins",
    "checks",
    "deploy_logs",
]
KINDS: tuple[KeptKind, ...] = get_args(KeptKind)
OF_TRACES: tuple[KeptKind, ...] = ("calls", "agent_spans", "otel_spans")
"""Kinds whose rows are parts of traces: rules are about these."""
Days = Annotated[int, Meta(ge=1, le=MOST_DAYS)]


class Tables(NamedTuple):
    """Where the rows of a kind are: those that people see, first."""

    title: str
    rows: tuple[str, ...]
    beside: tuple[str, ...] = ()
    """What stands beside rows and goes with them."""
    sums: tuple[str, ...] = ()
    """What outlives rows: answers over it are right without them."""

    @property
    def all(self) -> tuple[str, ...]:
        """Every table of the kind."""
        return (*self.rows, *self.beside, *self.sums)


TABLES_OF: Mapping[KeptKind, Tables] = {
    "calls": Tables(
        "Calls of models",
        ("traces",),
        (
            *("bill_marks", "bill_queue", "bill_changes", "cost_changes"),
            *("experiment_calls", "prompt_templates"),
        ),
        ("trace_sums", "session_sums", "key_days"),
    ),
    "agent_spans": Tables(
        "Agent spans", ("spans",), ("span_pairs", "span_marks"), ("spans_hourly",)
    ),
    "otel_spans": Tables(
        "Spans of OpenTelemetry",
        ("otel_spans",),
        ("otel_traces", "otel_service_hours", "otel_peer_hours"),
    ),
    "messages": Tables("Messages to models and back", ("messages",)),
    "scores": Tables("Scores", ("scores",)),
    "logs": Tables("Log records", ("logs",)),
    "metrics": Tables("Metrics of OpenTelemetry", ("otel_points",), ("otel_metrics",)),
    "errors": Tables("Errors", ("errors",), ("attachments", "feedback"), ("error_hours",)),
    "transactions": Tables(
        "Transactions",
        ("transactions", "transaction_spans", "streamed_spans"),
        ("transaction_hours", "transaction_days", "streamed_span_sums"),
    ),
    "sessions": Tables("Sessions of releases", ("session_updates",)),
    "check_ins": Tables("Check-ins", ("check_ins",)),
    "checks": Tables("Checks of monitors", ("checks",)),
    "deploy_logs": Tables("Lines of deployments", ("deploy_lines",)),
}
KIND_OF: Mapping[str, KeptKind] = {
    table: kind for kind, tables in TABLES_OF.items() for table in tables.all
}
SUMS = frozenset(table for tables in TABLES_OF.values() for table in tables.sums)
READERS_OF_MESSAGES: tuple[KeptKind, ...] = ("calls", "otel_spans", "logs")

When = Literal["error", "cost", "latency", "environment", "scored"]
NUMBERS: Mapping[str, str] = {"cost": "US dollars", "latency": "milliseconds"}
"""Rules whose value is a number, and of what."""
Percent = Annotated[float, Meta(ge=0, le=100)]


class KeepRule(Struct, frozen=True, omit_defaults=True):
    """Which traces are kept longer."""

    when: When
    """`error`: anything of it failed. `cost`, `latency`: all calls cost, or the longest took, at
    least so much. `environment`: a call is of it. `scored`: there is a score of it."""
    days: Days
    value: Annotated[str, Meta(max_length=200)] = ""
    """Dollars, milliseconds, or the name of an environment."""


class RetentionPolicy(Struct, frozen=True, omit_defaults=True):
    """What a project has set beside its days for everything; what is absent follows these."""

    kinds: dict[KeptKind, Days] = {}
    sums_days: Days | None = None
    """Of sums of calls, agent spans and errors: at least so long as rows."""
    rules: Annotated[tuple[KeepRule, ...], Meta(max_length=MOST_RULES)] = ()
    sample_from_days: Days | None = None
    """Up to which age every trace is kept; of older ones that no rule keeps a sample is."""
    sample_percent: Percent = 100.0

    def days_of(self, kind: KeptKind, usual: int) -> int:
        """Returns after how many days nothing of a kind is left, where rows are kept `usual`."""
        own = self.kinds.get(kind)
        if kind == "messages" and own is None:
            return max(self.days_of(one, usual) for one in READERS_OF_MESSAGES)
        days = usual if own is None else own
        if kind == "scores":
            # What a rule asks for: a score may have come in before the last row of its trace.
            asked = [rule.days + WINDOW_DAYS for rule in self.rules if rule.when == "scored"]
            return max((days, *asked))
        return max((days, *(rule.days for rule in self.rules))) if kind in OF_TRACES else days


NOTHING_SET = RetentionPolicy()


def first_received(rows_from: date) -> date:
    """Returns from which day of receipt on rows are whole, where by their own time it is that."""
    return rows_from - timedelta(days=AHEAD_DAYS)


def window_days(dedup_window_hours: int) -> int:
    """Returns within how many days no rule acts: a resent id is known by its row."""
    return max(WINDOW_DAYS, -(-dedup_window_hours // 24))


class RetentionChange(Struct, frozen=True, forbid_unknown_fields=True):
    """A policy as it is set: as a whole, in the place of the one before."""

    kinds: dict[KeptKind, Days] = {}
    sums_days: Days | None = None
    rules: Annotated[tuple[KeepRule, ...], Meta(max_length=MOST_RULES)] = ()
    sample_from_days: Days | None = None
    sample_percent: Percent = 100.0
    at_once: bool = False
    """Whether what it deletes is deleted within the hour, and not after a day."""

    @property
    def policy(self) -> RetentionPolicy:
        """What is kept of it."""
        return RetentionPolicy(
            self.kinds, self.sums_days, self.rules, self.sample_from_days, self.sample_percent
        )


class Stage(Struct, frozen=True):
    """What is left of the traces of a day at its age. The same stage deletes nothing twice."""

    rules: tuple[KeepRule, ...]
    """Those that keep traces at this age."""
    percent: float
    sampled: tuple[KeptKind, ...]
    """Kinds of which the sample is left, and what the rules keep."""
    ruled: tuple[KeptKind, ...]
    """Kinds of which only what the rules keep is left."""

    @property
    def text(self) -> str:
        """The stage as JSON, to be compared."""
        return msgspec.json.encode(self).decode()

    @property
    def name(self) -> str:
        """What people read of it."""
        return "sample" if self.sampled else "rules"


def stage_of(policy: RetentionPolicy, usual: int, age_days: int) -> Stage | None:
    """Returns what is left of traces that came in so many days ago, `None` where that is all.

    A kind of which no row is left is not in it: whole days are deleted otherwise.
    """
    begin = policy.sample_from_days
    sampled, ruled = [], []
    for kind in OF_TRACES:
        if age_days > policy.days_of(kind, usual):
            continue
        if age_days > policy.kinds.get(kind, usual):
            ruled.append(kind)
        elif begin is not None and age_days > begin and policy.sample_percent < 100:
            sampled.append(kind)
    if not sampled and not ruled:
        return None
    rules = sorted((one for one in policy.rules if age_days <= one.days), key=msgspec.json.encode)
    percent = policy.sample_percent if sampled else 0.0
    return Stage(tuple(rules), percent, tuple(sampled), tuple(ruled))


class InForce(NamedTuple):
    """The policies by which a project's rows go: what one of them keeps is kept.

    For a day after a change that is the one before, too.
    """

    policies: tuple[RetentionPolicy, ...] = (NOTHING_SET,)

    def days_of(self, kind: KeptKind, usual: int) -> int:
        """Returns after how many days nothing of a kind is left."""
        return max(one.days_of(kind, usual) for one in self.policies)

    def sums_days(self, usual: int) -> int:
        """Returns how long sums are kept, where that is not less than their rows are."""
        return max(usual if one.sums_days is None else one.sums_days for one in self.policies)

    def stage_of(self, usual: int, age_days: int) -> Stage | None:
        """Returns what is left of traces of an age; while two policies say otherwise, all."""
        first, *others = (stage_of(one, usual, age_days) for one in self.policies)
        return first if all(one == first for one in others) else None
