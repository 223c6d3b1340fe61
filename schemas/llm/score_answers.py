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
