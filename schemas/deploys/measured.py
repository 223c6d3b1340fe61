"""What was measured around a switch, in the form in which it is compared. Pure, no clock."""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from schemas.deploys.chances import Counts

BLOCKS = 30
"""Each time is cut into so many parts, to see how much a measure varies by itself."""
JOINED = 5
"""So many blocks are one, where bursts of several blocks are looked for."""
BUCKETS_OF_MATTER = 9
BUCKET = 1.2 ** (1 / BUCKETS_OF_MATTER)
"""Durations are counted by buckets, each so many times as long as the one before: 2 %. What
matters, a fifth more, is a whole number of them."""
Histogram = Mapping[int, int]
"""How many durations of nanoseconds there are in each bucket, `BUCKET` to the power of its key."""


class Measured(Struct, frozen=True, kw_only=True):
    """What the store has of one time, by block."""

    minutes: Sequence[float]
    """How long each block is."""
    errors: Sequence[int]
    transactions: Sequence[int]
    failed: Sequence[int]
    durations: Sequence[Histogram]
    """Of transactions."""
    calls: Sequence[int]
    """Of LLMs."""
    calls_failed: Sequence[int]
    calls_priced: Sequence[int]
    cost_cents: Sequence[float]


class Rare(Struct, frozen=True):
    """Something that a long time is needed for, to know how often it happens."""

    reference: Counts
    """The long time before, in parts as long as the time after."""
    before: Counts
    after: Counts


class NewIssue(Struct, frozen=True, kw_only=True):
    """An issue that was first seen after the switch."""

    id: str
    number: int
    title: str
    """As the sender gave it: never to be trusted."""
    level: str
    first_seen_us: int


class Facts(Struct, frozen=True, kw_only=True):
    """What the control plane knows of the time."""

    sends_errors: bool
    """Whether the project has ever sent one: no error is good news only then."""
    new_issues: Rare | None
    """`None` where it is not known; events are hours."""
    newest: Sequence[NewIssue]
    """Some of them, the first ones first."""
    down: Rare | None
    """Minutes in which a monitor was down, of those that count; `None` without monitors."""


class Sides(Struct, frozen=True, kw_only=True):
    """All that is compared."""

    before: Measured
    after: Measured
    week_before: Measured
    week_after: Measured
    facts: Facts
