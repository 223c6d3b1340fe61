"""Puts the steps together: which topic means what, and what they ask of the store."""

import time
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from clickhouse.client import Warehouse
from clickhouse.queries.stored import Pair, recent_hashes, stored_rows
from eventlog.topics import OUTCOMES
from processors.blocks import EventKey, KindStep, Step
from processors.events import EventStep
from processors.refusals import RefusalStep
from processors.seen import Hashes, SeenFilter
from schemas.kinds import SYSTEMS, Table, kinds_of
from schemas.projects import ProjectId
from schemas.rows import Position, Source


class StoredEvents:
    """What the steps of events ask of the store."""

    def __init__(self, warehouse: Warehouse, window_s: int) -> None:
        self._warehouse = warehouse
        self._window_s = window_s

    async def stored_at(
        self, table: Table, keys: Sequence[EventKey]
    ) -> Mapping[EventKey, Position]:
        """Returns, for those of the keys that are stored, the log position of their row."""
        pairs = [Pair(ProjectId(project_id), event_id) for project_id, event_id in keys]
        found = await stored_rows(self._warehouse, table, pairs)
        return {(pair.project_id, pair.item_id): Position(*at) for pair, at in found.items()}

    async def kept_values(
        self, table: Table, keys: Sequence[EventKey]
    ) -> Mapping[EventKey, Sequence[Any]]:
        """Returns, for those of the keys that are stored, what their row has in `Table.kept`."""
        pairs = [Pair(ProjectId(project_id), event_id) for project_id, event_id in keys]
        found = await stored_rows(self._warehouse, table, pairs, table.kept)
        return {(pair.project_id, pair.item_id): values for pair, values in found.items()}

    def recent_hashes(self, table: Table, source: Source | None) -> AsyncIterator[Hashes]:
        """Yields the hashes of the ids received within the window."""
        return recent_hashes(
            self._warehouse,
            table,
            now_us=time.time_ns() // 1000,
            window_us=self._window_s * 1_000_000,
            source=source,
        )


def build_steps(
    warehouse: Warehouse,
    kind_steps: Mapping[str, KindStep],
    *,
    window_s: int,
    log2_filter_bits: int,
) -> dict[str, Step]:
    """Returns the step of every topic that has an agent, from those of the kinds by name."""
    store = StoredEvents(warehouse, window_s)

    def new_filter() -> SeenFilter:
        return SeenFilter(log2_filter_bits, window_s)

    steps: dict[str, Step] = {OUTCOMES.name: RefusalStep()}
    for topic in (topic.name for system in SYSTEMS for topic in system.topics):
        of_topic = [kind_steps[kind.name] for kind in kinds_of(topic)]
        steps[topic] = EventStep(of_topic, store, new_filter)
    return steps
