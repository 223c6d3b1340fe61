"""What is answered of annotation queues."""

from typing import Literal

from msgspec import Struct

from schemas.llm.annotation import Rule, Value


class QueueAnswer(Struct, frozen=True, kw_only=True):
    """A queue, and how far it is."""

    id: str
    name: str
    description: str
    instructions: str
    scores: tuple[Rule, ...]
    reviewers: int
    created_at: str
    items: int
    done: int
    """Items that as many people are done with as the queue says."""
    reviews: int
    """How often somebody was done with an item."""


class QueueList(Struct, frozen=True):
    """The queues of a project, by name."""

    queues: list[QueueAnswer]


class PersonAnswer(Struct, frozen=True):
    """What one person did of a queue. Of an account that is gone name and e-mail are null."""

    name: str | None
    email: str | None
    done: int
    skipped: int


class QueueDetails(QueueAnswer, frozen=True, kw_only=True):
    """A queue, how far it is, and who did what."""

    people: list[PersonAnswer]


class ItemAnswer(Struct, frozen=True, kw_only=True):
    """One item: a call or trace, a span, or a session."""

    id: str
    number: int
    trace_id: str | None
    span_id: str | None
    session_id: str | None
    state: Literal["open", "done"]
    reviews: int
    added_at: str


class ItemList(Struct, frozen=True):
    """Items of a queue, in their order."""

    items: list[ItemAnswer]
    next_cursor: str | None = None


class AddedAnswer(Struct, frozen=True):
    """What came of adding: new items, and those that were there before or came twice."""

    added: int
    already: int


class NameAgreement(Struct, frozen=True, kw_only=True):
    """How far people agree on one score."""

    name: str
    level: Literal["nominal", "interval"]
    items: int
    """That two or more people gave a value."""
    values: int
    agreement: float | None
    """Of all pairs of values of one item, the share that is the same."""
    alpha: float | None
    """Krippendorff's alpha; null where no two values differ."""


class SaidAnswer(Struct, frozen=True):
    """What one person gave."""

    author: str
    value: Value


class DifferingAnswer(Struct, frozen=True, kw_only=True):
    """An item on which people differ."""

    name: str
    difference: float
    """0 to 1: see docs/scores.md."""
    item: ItemAnswer
    said: list[SaidAnswer]


class AgreementAnswer(Struct, frozen=True):
    """How far people agree on the scores of a queue."""

    scores: list[NameAgreement]
    differing: list[DifferingAnswer]
    """Those on which people differ most come first."""
    is_cut: bool
    """Whether there are more values than were compared."""


class TakenAnnotation(Struct, frozen=True):
    """What was said is durable."""

    status: str
    ids: list[str]
    """Of the scores."""
