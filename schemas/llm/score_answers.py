"""What is answered of scores. Fields are written in camelCase."""

from msgspec import Raw, Struct

from schemas.issues import Issue


class TakenScores(Struct, frozen=True):
    """The scores are durable; they can be read within a second."""

    status: str
    count: int
    ids: list[str]
    """Of those that were taken, in order."""
    rejected: list[Issue]
    """What was not taken: `path` begins with its number in the request."""


class LangfuseTaken(Struct, frozen=True):
    """The score is durable."""

    id: str


class LangfuseListTaken(Struct, frozen=True):
    """All scores of a list are durable."""

    message: str = "Accepted"


class LangfuseRejection(Struct, frozen=True):
    """Why one score of a list was not taken."""

    message: str


class LangfuseListResults(Struct, frozen=True):
    """How many scores of a list are durable, and why the others were not taken."""

    accepted: int
    rejected: int
    errors: list[LangfuseRejection]


class EventTaken(Struct, frozen=True):
    """An event of a batch that is durable."""

    id: str
    status: int


class EventRejected(Struct, frozen=True):
    """An event of a batch that was not taken, and why."""

    id: str
    status: int
    message: str
    error: str


class LangfuseBatchTaken(Struct, frozen=True):
    """What became of each event of a batch."""

    successes: list[EventTaken]
    errors: list[EventRejected]


class DeletedScore(Struct, frozen=True):
    """That the score is taken away is durable."""

    status: str
    id: str


class ScoreAnswer(Struct, frozen=True, rename="camel"):
    """One score as it is now. What is not set is `null`."""

    id: str
    name: str
    value: float | bool | str
    data_type: str
    source: str
    timestamp: str
    updated_at: str
    received_at: str
    trace_id: str | None
    span_id: str | None
    session_id: str | None
    user_id: str | None
    author: str | None
    environment: str | None
    comment: str | None
    metadata: Raw | None


class ScoreList(Struct, frozen=True, rename="camel"):
    """Scores, newest first."""

    scores: list[ScoreAnswer]
    next_cursor: str | None = None


class ScoreGroup(Struct, frozen=True, rename="camel"):
    """The scores of one name and type that have a key in common. Numbers are of those that have a
    value; of true and false they are shares."""

    name: str
    data_type: str
    key: dict[str, str | None]
    count: int
    average: float | None
    minimum: float | None
    maximum: float | None
    p50: float | None
    p90: float | None
    p95: float | None
    p99: float | None


class CategoryShare(Struct, frozen=True):
    """How often words were given."""

    value: str
    count: int


class RangeShare(Struct, frozen=True):
    """How many numbers lie from one to before another; the last range has its end too."""

    least: float
    most: float
    count: int


class ScoreSpread(Struct, frozen=True, rename="camel"):
    """How the values of a name are spread."""

    name: str
    data_type: str
    categories: list[CategoryShare]
    ranges: list[RangeShare]


class ScoreAnalytics(Struct, frozen=True, rename="camel"):
    """Scores in numbers: by name, how they spread, and by what was asked for."""

    names: list[ScoreGroup]
    spreads: list[ScoreSpread]
    groups: list[ScoreGroup]
    time_zone: str
