"""What is answered of lists of sessions and users. Fields are written in camelCase."""

from msgspec import Struct


class SubjectSums(Struct, frozen=True, rename="camel", kw_only=True):
    """What all sessions, or all users, of a list add up to. `null` is unknown."""

    count: int
    calls: int
    errors: int
    tokens: int
    cost_cents: float | None
    median_cost_cents: float | None
    """Of what one of them cost."""
    latency_ms: float | None
    """The mean of all their calls."""


class SubjectScore(Struct, frozen=True, rename="camel", kw_only=True):
    """What the scores of the name that is asked for come to."""

    name: str
    average: float | None
    """Of booleans the share that is true; null where there are none."""
    count: int


class SessionSummary(Struct, frozen=True, rename="camel", kw_only=True):
    """What the calls of a session add up to, as far as they fit the filter."""

    session_id: str
    first_seen: str
    last_seen: str
    """When its last call began."""
    duration_ms: float
    """From the begin of the first call to that of the last one."""
    calls: int
    errors: int
    input_tokens: int
    output_tokens: int
    cost_cents: float | None
    latency_ms: float
    users: list[str]
    """20 at most, as of models and environments."""
    models: list[str]
    environments: list[str]
    score: SubjectScore | None
    """Null where no name is asked for."""


class SessionList(Struct, frozen=True, rename="camel"):
    """Sessions in the order asked for."""

    sessions: list[SessionSummary]
    totals: SubjectSums | None
    """Of the whole list; on its first page."""
    next_cursor: str | None


class UserSummary(Struct, frozen=True, rename="camel", kw_only=True):
    """What the calls of a user add up to, as far as they fit the filter."""

    user: str
    first_seen: str
    last_seen: str
    first_seen_ever: str
    """Of all calls that are kept, whatever the filter."""
    last_seen_ever: str
    calls: int
    errors: int
    tokens: int
    cost_cents: float | None
    latency_ms: float
    score: SubjectScore | None
    """Null where no name is asked for."""


class UserList(Struct, frozen=True, rename="camel"):
    """Users in the order asked for."""

    users: list[UserSummary]
    totals: SubjectSums | None
    """Of the whole list; on its first page."""
    next_cursor: str | None


class RetainedCohort(Struct, frozen=True, rename="camel"):
    """The users who were first seen in one period."""

    period: str
    """Its first local day."""
    begin: str
    """Its first moment, in UTC."""
    users: int
    seen: list[int]
    """How many of them had a call in this period, in the next one, and so on."""


class RetentionAnswer(Struct, frozen=True, rename="camel", kw_only=True):
    """Cohorts, the oldest first. The last period may not be over."""

    period: str
    time_zone: str
    kept_from: str | None
    """When the oldest call that is kept began: nobody was first seen before."""
    cohorts: list[RetainedCohort]
