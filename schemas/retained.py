"""What people are told of retention: what is stored, what goes next, what went. No I/O."""

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import NamedTuple

from msgspec import UNSET, Struct, UnsetType

from schemas.retention import OF_TRACES, KeptKind, RetentionPolicy, Stage, stage_of

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
    """Of sums of calls and agent spans, as the project has set them; `null`: as the server has."""
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
    """Of the kinds that could be counted, as `bytes`: at least so many."""
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


class Outlook(NamedTuple):
    """By what the next rows of a project go."""

    policy: RetentionPolicy
    usual: int
    """Days of what has none of its own."""
    from_day: date
    """The first day on which anything may go by it."""
    thinned: Mapping[date, str]
    """The stages of days that are done already."""
    window_days: int

    def stage(self, day: date) -> Stage | None:
        """Returns what is to be left of a day of traces, if that is not done."""
        age = (self.from_day - day).days
        stage = stage_of(self.policy, self.usual, age) if age > self.window_days else None
        return None if stage is None or self.thinned.get(day) == stage.text else stage


def next_gone(stored: Stored, kind: KeptKind, outlook: Outlook) -> NextGone | None:
    """Returns what goes of a kind on the next day on which anything may."""
    due: dict[tuple[date, str], int] = {}
    for day, rows in stored.days.items():
        on, rule = _next_of(day, kind, outlook)
        if on is not None:
            due[on, rule] = due.get((on, rule), 0) + rows
    if not due:
        return None
    (first, rule), rows = min(due.items())
    return NextGone(str(first), rows, stored.bytes_of(rows), rule)


def _next_of(day: date, kind: KeptKind, outlook: Outlook) -> tuple[date | None, str]:
    stage = outlook.stage(day) if kind in OF_TRACES else None
    if stage is not None and kind in (*stage.sampled, *stage.ruled):
        return outlook.from_day, stage.name
    for age, rule in _ends(kind, outlook.policy, outlook.usual):
        if age >= FOREVER_DAYS:
            continue
        on = day + timedelta(days=max(age, outlook.window_days + 1) if rule != "days" else age)
        if rule == "days" or on > outlook.from_day:
            return max(on, outlook.from_day), rule
    return None, ""


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
