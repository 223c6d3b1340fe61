"""Items of annotation queues that are about a person: found, told in an export, removed.

An item is a pointer. Once its call is blanked there is nothing to look at, and that this person was
looked at is theirs too. What people said of it is in the store, and is blanked there.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import delete, select

from controlplane.database import Database
from controlplane.llm.queue_items import Target
from controlplane.llm.queue_models import ItemRow, QueueRow
from controlplane.many_rows import parts
from controlplane.rules import as_uuid
from schemas.llm.targets import call_of, is_otel_trace
from schemas.projects import ProjectId
from schemas.times import iso_ms


class Subjects(NamedTuple):
    """What items of queues are about, or which of it is a person's."""

    calls: Collection[str] = frozenset()
    """Calls, and spans of OpenTelemetry: `trace-span`."""
    traces: Collection[str] = frozenset()
    """Whole traces of OpenTelemetry."""
    spans: Collection[str] = frozenset()
    """Of agents."""
    sessions: Collection[str] = frozenset()

    def has(self, target: Target) -> bool:
        """Tells whether an item of this target is about one of these."""
        return any(
            one in of for some, of in zip(_subject(target), self, strict=True) for one in some
        )


class About(NamedTuple):
    """One item of a queue."""

    id: UUID
    queue: str
    number: int
    added_us: int
    target: Target

    def told(self) -> dict[str, Any]:
        """Return it as an export has it."""
        own = {"queue": self.queue, "number": self.number, "added_at": iso_ms(self.added_us)}
        return own | {name: text or None for name, text in self.target._asdict().items()}


async def list_about(database: Database, project_id: ProjectId) -> list[About]:
    """Return the items of all queues of a project: 500,000 at most, as queues are bounded."""
    query = (
        select(
            *(ItemRow.id, QueueRow.name, ItemRow.number, ItemRow.added_us),
            *(ItemRow.trace_id, ItemRow.span_id, ItemRow.session_id),
        )
        .join(QueueRow, QueueRow.id == ItemRow.queue_id)
        .where(QueueRow.project_id == as_uuid(project_id))
        .order_by(QueueRow.name, ItemRow.number)
    )
    async with database.reading() as session:
        rows = await session.execute(query)
        return [About(*row[:4], Target(*row[4:])) for row in rows]


def subjects_of(items: Iterable[About]) -> Subjects:
    """Return what items are about."""
    found: tuple[set[str], ...] = (set(), set(), set(), set())
    for item in items:
        for own, more in zip(found, _subject(item.target), strict=True):
            own |= more
    return Subjects(*found)


async def remove_about(database: Database, items: Sequence[About]) -> None:
    """Remove items, with who looked at them. May be repeated."""
    async with database.session() as session:
        for some in parts([one.id for one in items]):
            await session.execute(delete(ItemRow).where(ItemRow.id.in_(some)))


def _subject(target: Target) -> tuple[set[str], set[str], set[str], set[str]]:
    trace, span, session = target
    whole = is_otel_trace(trace) and not span
    return (
        {call_of(trace, span)} - {""},
        {trace} if whole else set(),
        {span} if span and not trace else set(),
        {session} - {""},
    )
