"""Ends what issues are ignored until: a time, a number of events, a number of people.

What arrived since is counted in the store, where it is exact, and not event by event.
"""

import time
from collections.abc import Callable

from clickhouse.client import Warehouse
from clickhouse.errors.issue_details import count_since
from controlplane.database import Database
from controlplane.errors.ignored import AT_ONCE, Ignored, end_ignoring, list_ignored
from schemas.projects import ProjectContext

EVERY_S = 10.0
"""A look costs one statement, and one more for each issue that waits for a count."""


class IgnoredIssues:
    """Looks after ignored issues; to be asked again and again, in one process of all."""

    def __init__(
        self,
        database: Database,
        warehouse: Warehouse,
        now_us: Callable[[], int] = lambda: time.time_ns() // 1000,
    ) -> None:
        self._database = database
        self._warehouse = warehouse
        self._now_us = now_us
        self._due_us = 0

    async def work(self) -> None:
        """Opens the issues whose end has come, every `EVERY_S`."""
        now_us = self._now_us()
        if now_us < self._due_us:
            return
        after = None
        while True:
            found = await list_ignored(self._database, now_us, after)
            ended = [(one, why) for one in found if (why := await self._end(one, now_us))]
            if ended:
                await end_ignoring(self._database, ended, now_us)
            if len(found) < AT_ONCE:
                break
            after = found[-1].issue_id
        self._due_us = now_us + int(EVERY_S * 1_000_000)

    async def _end(self, one: Ignored, now_us: int) -> str:
        """Says why an issue is ignored no longer; empty where it still is."""
        if one.until_us is not None and one.until_us <= now_us:
            return "time"
        project = ProjectContext(one.project_id)
        since = await count_since(self._warehouse, project, one.group_hashes, one.since_us)
        if one.until_events is not None and since.events >= one.until_events:
            return "events"
        if one.until_people is not None and since.people >= one.until_people:
            return "people"
        return ""
