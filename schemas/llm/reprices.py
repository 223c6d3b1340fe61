"""Runs that price stored rows anew: what is known of one, and how far it is. No I/O."""

from datetime import datetime
from typing import Literal

from msgspec import Struct

from schemas.projects import ProjectId

State = Literal["waiting", "running", "cancelling", "done", "failed", "cancelled"]
OPEN: tuple[State, ...] = ("waiting", "running", "cancelling")
"""What is to be worked on."""


class Place(Struct, frozen=True):
    """Up to which row a run has come: rows are taken by project, kind, time and id."""

    project_id: ProjectId = ProjectId("")
    kind: str = ""
    at_us: int = -(1 << 62)
    item_id: str = ""


class Totals(Struct, frozen=True):
    """What a run has seen so far. Costs are the computed ones, in pico-dollars; unknown ones are 0.

    The unpriced are rows whose computed cost is unknown.
    """

    looked_at: int = 0
    changed: int = 0
    before_pico: int = 0
    after_pico: int = 0
    unpriced_before: int = 0
    unpriced_after: int = 0
    left: int = 0
    """Rows that could not be priced anew, for a bug of ours, and stay as they are."""

    def plus(self, other: "Totals") -> "Totals":
        """Returns the sums."""
        names = self.__struct_fields__
        return Totals(*(getattr(self, name) + getattr(other, name) for name in names))


class Pending(Struct, frozen=True):
    """A chunk that may be half done, declared before its first insert: where it ends."""

    place: Place
    totals: Totals
    is_stored: bool = False
    """Whether its changes are stored for certain, so that they must not be inserted again."""


class Progress(Struct, frozen=True):
    """How far a run is: all before `place` is done, in so many chunks."""

    place: Place = Place()
    chunk: int = 0
    pending: Pending | None = None
    totals: Totals = Totals()
    rows: int | None = None
    """How many there are to look at, once they were counted."""
    looked_at: int = 0
    """For the progress bar: rows looked at beyond what is done, too."""
    failure: str = ""
    """What went wrong last; a run that is not `failed` is tried again."""


class Run(Struct, frozen=True):
    """One pass over stored rows."""

    run_id: str
    project_id: ProjectId | None
    asked_at: datetime
    from_us: int
    to_us: int
    state: State
    progress: Progress
    is_attended: bool
    """Whether a process has said within seconds that it works on it."""
