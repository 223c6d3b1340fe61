"""Issues: what a block of events says of them, what they are narrowed to, and what is told."""

from collections.abc import Mapping
from typing import Literal, NamedTuple, get_args

from msgspec import Struct

from schemas.errors.releases import ReleaseStatus
from schemas.projects import ProjectId, UserId

Status = Literal["open", "resolved", "ignored"]
STATUSES: tuple[Status, ...] = get_args(Status)
Resolution = Literal["now", "in_release", "in_next_release"]
IssueSort = Literal["last_seen", "first_seen", "events", "people"]
Change = Literal[
    "created", "resolved", "regressed", "ignored", "unignored", "opened", "assigned", "merged",
    "unmerged", "split_off",
]  # fmt: skip
"""What can happen to an issue, as its history names it."""


class Named(NamedTuple):
    """A release, and when an event named it. The release is first: see `Sighting`."""

    at_us: int
    release: str


class Sighting(Struct, frozen=True, kw_only=True):
    """What the events of one fingerprint in one block say of their issue."""

    project_id: ProjectId
    fingerprint: str
    group_hash: int
    """What the store calls the fingerprint: `sipHash64` of it."""
    others: tuple[str, ...] = ()
    """What other versions of grouping make of the events."""
    first_us: int
    last_us: int
    """When the first and the last of them happened, in microseconds since 1970 UTC."""
    type: str = ""
    title: str
    culprit: str = ""
    level: str = "error"
    platform: str = ""
    """These five are those of the newest event."""
    first_release: Named | None = None
    last_release: Named | None = None
    """Of the earliest and the newest event that name a release."""
    arrivals: Mapping[str, int]
    """When the last event of each release arrived; the empty text for those that name none."""


class IssueFilter(Struct, frozen=True, kw_only=True):
    """Which issues, by what the control plane knows. Bounds are inclusive."""

    statuses: tuple[Status, ...] = STATUSES
    levels: tuple[str, ...] = ()
    without_levels: tuple[str, ...] = ()
    platforms: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    assignee: UserId | Literal["none", "any"] | None = None
    texts: tuple[str, ...] = ()
    """Each stands in the title, the type or the culprit, in capitals or not."""
    without_texts: tuple[str, ...] = ()
    first_release: str | None = None
    regressed: bool = False
    """Only those that were reopened by an event."""
    first_seen_from_us: int | None = None
    first_seen_to_us: int | None = None
    last_seen_from_us: int | None = None
    last_seen_to_us: int | None = None
    group_hashes: tuple[int, ...] | None = None
    """Only issues that one of these belongs to; `None` for all."""


class ErrorFilter(Struct, frozen=True, kw_only=True):
    """Which events, by what the store knows. Bounds are inclusive; times as above."""

    from_us: int | None = None
    to_us: int | None = None
    environment: str | None = None
    release: str | None = None
    user: str | None = None
    transaction: str | None = None
    server_name: str | None = None
    handled: bool | None = None
    tags: tuple[tuple[str, str], ...] = ()
    """Pairs of a key and a value; all keys must match, each by one of its values."""
    without: tuple[tuple[str, str], ...] = ()
    """Pairs of `environment`, `release`, `user` or a tag's key and a value; none may match."""

    @property
    def narrows(self) -> bool:
        """Whether it asks for more than a time."""
        return self != ErrorFilter(from_us=self.from_us, to_us=self.to_us)

    @property
    def reads_rows(self) -> bool:
        """Whether it asks for what the hours of table `error_hours` cannot tell."""
        by_rows = (self.user, self.transaction, self.server_name, self.handled)
        tags = any(name not in ("environment", "release") for name, _ in self.without)
        return bool(self.tags) or tags or any(one is not None for one in by_rows)


class IssueRow(Struct, frozen=True, kw_only=True):
    """One issue as the control plane has it. Times are microseconds since 1970 UTC."""

    id: str
    project_id: ProjectId
    number: int
    type: str
    title: str
    culprit: str
    level: str
    platform: str
    status: Status
    resolution: Resolution | None
    resolved_us: int | None
    resolved_by: UserId | None
    resolved_in_release: str | None
    ignored_us: int | None
    ignored_until_us: int | None
    ignored_until_events: int | None
    ignored_until_people: int | None
    assignee_id: UserId | None
    first_seen_us: int
    last_seen_us: int
    first_release: str
    last_release: str
    regressed_us: int | None
    times_regressed: int
    created_us: int
    group_hashes: tuple[int, ...] = ()
    """What the store knows its events by; more than one after a merge or a change of grouping."""
    fingerprints: tuple[str, ...] = ()
    """The same in full, where one issue is asked for."""
    assignee: str | None = None
    """The name of who it is assigned to."""


class IssueCounts(Struct, frozen=True):
    """Of one issue in a range."""

    events: int = 0
    people: int = 0
    unhandled: int = 0


class ActivityRow(Struct, frozen=True, kw_only=True):
    """Something that happened to an issue."""

    id: str
    project_id: ProjectId
    issue_id: str
    at_us: int
    kind: Change
    user_id: UserId | None
    user_name: str | None
    data: Mapping[str, str | int | None]
    number: int = 0
    title: str = ""
    """Of the issue, where several are told of."""


class ReleaseRow(Struct, frozen=True, kw_only=True):
    """A version of what a project runs."""

    version: str
    first_seen_us: int
    last_seen_us: int | None
    released_us: int | None = None
    ref: str = ""
    url: str = ""
    environment: str = ""
    status: ReleaseStatus = "open"
