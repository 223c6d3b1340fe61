"""Resolves issues that were not seen for as long as their project says; in one process of all."""

import time

import structlog

from controlplane.database import Database
from controlplane.errors.aging import resolve_old_issues

EVERY_S = 60.0

log = structlog.get_logger(__name__)


class OldIssues:
    """Looks after issues that grow old; to be asked again and again."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._due_at = 0.0

    async def work(self) -> None:
        """Looks, every `EVERY_S`."""
        if time.monotonic() < self._due_at:
            return
        if count := await resolve_old_issues(self._database):
            log.info("old issues resolved", count=count)
        self._due_at = time.monotonic() + EVERY_S
