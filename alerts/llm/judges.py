"""Tells people of judges that fail and of those of which that is over: in one process of all."""

import time
from collections.abc import Callable

import structlog

from controlplane.database import Database
from controlplane.llm.judge_troubles import tell_troubles

LOOK_EVERY_US = 5_000_000

log = structlog.get_logger(__name__)


class JudgeTroubles:
    """Looks after judges. Several may run at once for a moment: each trouble is told once."""

    def __init__(
        self, database: Database, now_us: Callable[[], int] = lambda: time.time_ns() // 1000
    ) -> None:
        self._database = database
        self._now_us = now_us
        self._due_us = 0

    async def work(self) -> None:
        """Does what is due; cheap when nothing is."""
        now_us = self._now_us()
        if now_us < self._due_us:
            return
        for one in await tell_troubles(self._database, now_us):
            said = "judge fails" if one.state == "fails" else "judge fails no more"
            log.info(said, project_id=one.project_id, judge_id=one.judge_id)
        self._due_us = now_us + LOOK_EVERY_US
