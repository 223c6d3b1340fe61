"""What rows of every kind share: where in the log they came from, and the ledger of outcomes."""

from msgspec import Struct

from schemas.projects import ProjectId


class Source(Struct, frozen=True):
    """One partition of one log."""

    log_id: str
    partition: int


class Position(Struct, frozen=True):
    """Where in the log a row came from: what makes a replay recognisable."""

    log_id: str
    partition: int
    offset: int


class OutcomeRow(Struct, kw_only=True, frozen=True):
    """Items of one kind that had one outcome in one minute. A replayed dead letter counts back."""

    project_id: ProjectId
    kind: str
    outcome: str
    reason: str
    minute_us: int
    count: int
