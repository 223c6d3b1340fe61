"""Items of annotation queues that are about a person: found, told in an export, removed.

An item is a pointer. Once its call is blanked there is nothing to look at, and that this person was
looked at is theirs too. What people said of it is in the store, and is blanked there.
"""

from collections.abc import AsyncIterator, Collection, Iterable, Sequence
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


async def list_about(database: Database, project_id: ProjectId) -> AsyncIterator[list[About]]:
    """Yield the items of each queue of a project: 10,000 at most, and 500,000 in all."""
    of_project = QueueRow.project_id == as_uuid(project_id)
    columns = (ItemRow.id, ItemRow.number, ItemRow.added_us)
    target = (ItemRow.trace_id, ItemRow.span_id, ItemRow.session_id)
    async with database.reading() as session:
        query = select(QueueRow.id, QueueRow.name).where(of_project)
        queues = list(await session.execute(query.order_by(QueueRow.name)))
    for queue_id, name in queues:
        items = select(*columns, *target).where(ItemRow.queue_id == queue_id)
        # All of them together would take seconds in which nobody else is answered.
        async with database.reading() as session:
            rows = list(await session.execute(items.order_by(ItemRow.number)))
        yield [About(row[0], name, *row[1:3], Target(*row[3:])) for row in rows]


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
