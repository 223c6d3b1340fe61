"""What people are told of retention: what is stored, what goes next, what went. No I/O."""

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import NamedTuple

from msgspec import UNSET, Struct, UnsetType

from schemas.retention import OF_TRACES, KeptKind, RetentionPolicy

FOREVER_DAYS = 100_000
"""As many days are never over: the days of a server that keeps everything."""


class NextGone(Struct, frozen=True, rename="camel"):
    """What goes next of a kind."""

    on: str
    """The day, in UTC."""
    rows: int
    """At most: a rule keeps some of them."""
    bytes: int
    rule: str
    """`days`, `sample` or `rules`."""


class KindKept(Struct, frozen=True, rename="camel"):
    """A kind as it is stored."""

    kind: str
    title: str
    days: int | None
    """After which nothing of it is left; `null` for never."""
    own_days: int | None
    """What the project has set for it."""
    rows: int
    bytes: int
    """About: by the average row of its tables."""
    oldest: str | None
    next: NextGone | None


class RemovedLine(Struct, frozen=True, rename="camel"):
    """What went on a day."""

    on: str
    kind: str
    rule: str
    rows: int


class RetentionAnswer(Struct, frozen=True, rename="camel"):
    """`GET /v1/retention`."""

    days: int | None
    """Of the project, for all that has none of its own; `null` for ever."""
    sums_days: int | None
    """Of sums of calls and agent spans, where these go sooner; `null` for ever."""
    policy: RetentionPolicy
    kinds: list[KindKept]
    removed: list[RemovedLine]
    rows_from: str | None
    """Before it, rows may be gone that sums count."""
    acts_at: str | UnsetType = UNSET
    """Until then what `before` keeps is kept as well."""
    before: RetentionPolicy | UnsetType = UNSET


class KindGone(Struct, frozen=True, rename="camel"):
    """What a change would delete of a kind."""

    kind: str
    title: str
    rows: int | None
    """`null` where they are too many to count."""
    bytes: int | None


class RetentionPreview(Struct, frozen=True, rename="camel"):
    """`POST /dashboard/api/retention/preview`: what would be deleted if a change counted now."""

    kinds: list[KindGone]
    rows: int
    bytes: int


class Stored(NamedTuple):
    """The rows of a kind by the day on which they came in, and the bytes of a row."""

    days: Mapping[date, int]
    row_bytes: float

    @property
    def rows(self) -> int:
        """How many there are."""
        return sum(self.days.values())

    def bytes_of(self, rows: int) -> int:
        """Returns what rows take on disk, about."""
        return round(rows * self.row_bytes)


def next_gone(
    stored: Stored, kind: KeptKind, policy: RetentionPolicy, usual: int, from_day: date
) -> NextGone | None:
    """Returns what goes of a kind on the next day on which anything may, from `from_day` on.

    A day of rows that is due is taken to go then: what a rule has left of it already, stays.
    """
    due: dict[tuple[date, str], int] = {}
    for day, rows in stored.days.items():
        for age, rule in _ends(kind, policy, usual):
            if age >= FOREVER_DAYS:
                continue
            on = day + timedelta(days=age)
            if rule == "days" or on >= from_day:
                key = (max(on, from_day), rule)
                due[key] = due.get(key, 0) + rows
                break
    if not due:
        return None
    (on, rule), rows = min(due.items())
    return NextGone(str(on), rows, stored.bytes_of(rows), rule)


def _ends(kind: KeptKind, policy: RetentionPolicy, usual: int) -> Iterator[tuple[int, str]]:
    """Yields at which ages something of a kind goes, in order, and by what."""
    last = policy.days_of(kind, usual)
    if kind in OF_TRACES:
        own = policy.kinds.get(kind, usual)
        found = {own: "rules"} | {rule.days: "rules" for rule in policy.rules if rule.days > own}
        if policy.sample_from_days is not None and policy.sample_from_days < own:
            found[policy.sample_from_days] = "sample"
        for age in sorted(found):
            if age < last:
                yield age + 1, found[age]
    yield last + 1, "days"
