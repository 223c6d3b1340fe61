"""What the control plane holds of a person's calls: items of datasets and of annotation queues.

The store says which calls, spans and sessions are theirs, as long as it names them.
"""

from collections.abc import AsyncIterator, Collection
from typing import Any

from clickhouse.personal import Parent
from clickhouse.persons import Asked, Whose, list_calls, list_owned
from controlplane.database import Database
from controlplane.llm.dataset_erasing import (
    Sources,
    erase_items,
    find_items,
    list_sources,
    read_rows,
)
from controlplane.llm.queue_erasing import (
    About,
    Subjects,
    list_about,
    remove_about,
    subjects_of,
)

SESSIONS = (
    Parent("traces", "session_id", only_theirs="user_id"),
    Parent("otel_spans", "session_id", only_theirs="user_id"),
)
"""A session is a person's where it names them and nobody else."""


class DatasetItems:
    """Items of datasets: they leave every version."""

    kind = "items of datasets"

    async def count(self, database: Database, store: Asked, whose: Whose) -> int:
        """Return how many versions of items there are."""
        sources = await _sources(database, store, whose)
        return len(await find_items(database, whose.project_id, whose.person, sources))

    async def rows(
        self, database: Database, store: Asked, whose: Whose
    ) -> AsyncIterator[dict[str, Any]]:
        """Yield all versions of them."""
        sources = await _sources(database, store, whose)
        keys = await find_items(database, whose.project_id, whose.person, sources)
        async for row in read_rows(database, keys):
            yield row

    async def erase(self, database: Database, store: Asked, whose: Whose) -> None:
        """Remove them. May be repeated."""
        sources = await _sources(database, store, whose)
        await erase_items(database, whose.project_id, whose.person, sources)


class QueueItems:
    """Items of annotation queues."""

    kind = "items of annotation queues"

    async def count(self, database: Database, store: Asked, whose: Whose) -> int:
        """Return how many there are."""
        return sum([len(some) async for some in _about(database, store, whose)])

    async def rows(
        self, database: Database, store: Asked, whose: Whose
    ) -> AsyncIterator[dict[str, Any]]:
        """Yield what they are about."""
        async for some in _about(database, store, whose):
            for one in some:
                yield one.told()

    async def erase(self, database: Database, store: Asked, whose: Whose) -> None:
        """Remove them. May be repeated."""
        async for some in _about(database, store, whose):
            await remove_about(database, some)


ITEMS = (DatasetItems(), QueueItems())


async def _sources(database: Database, store: Asked, whose: Whose) -> Sources:
    calls: set[str] = set()
    sessions: set[str] = set()
    async for some in list_sources(database, whose.project_id):
        calls |= set(await list_calls(store, whose, some.calls))
        sessions |= await _sessions(store, whose, some.sessions)
    return Sources(sorted(calls), sorted(sessions))


async def _about(database: Database, store: Asked, whose: Whose) -> AsyncIterator[list[About]]:
    """Yields what is theirs of each queue that has items."""
    async for every in list_about(database, whose.project_id):
        if every:
            theirs = await _theirs(store, whose, subjects_of(every))
            yield [one for one in every if theirs.has(one.target)]


async def _theirs(store: Asked, whose: Whose, asked: Subjects) -> Subjects:
    spans = Parent("otel_spans", "item_id")
    traces = Parent("otel_spans", "trace_id", only_theirs="user_id")
    return Subjects(
        calls={
            *await list_calls(store, whose, asked.calls),
            *await list_owned(store, whose, spans, asked.calls),
        },
        traces={
            *await list_calls(store, whose, asked.traces),
            *await list_owned(store, whose, traces, asked.traces),
        },
        spans=await list_owned(store, whose, Parent("spans", "span_id"), asked.spans),
        sessions=await _sessions(store, whose, asked.sessions),
    )


async def _sessions(store: Asked, whose: Whose, ids: Collection[str]) -> set[str]:
    found = [await list_owned(store, whose, one, ids) for one in SESSIONS]
    return set().union(*found)
