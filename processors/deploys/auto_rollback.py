"""Goes back from deployments whose impact is bad, for apps that want it; one process.

The impact is looked at again and again, which finds chance differences more often than one look
does. So the rule asks for far more confidence than a verdict (`docs/deploy-impact.md`).
"""

import time
from collections.abc import Awaitable, Callable

import structlog

from clickhouse.failures import WarehouseError
from controlplane.database import Database
from controlplane.deploys.auto_rollback import Watched, list_watched, roll_back_by_rule
from controlplane.deploys.rows import Reach
from controlplane.failures import NotFound
from schemas.deploys.impact import Impact
from schemas.deploys.windows import DEFAULT_MINUTES, MINUTE_US

EVERY_S = 60.0
CONFIDENT = 0.999
"""How sure the verdict `worse` has to be."""
ReadImpact = Callable[[Reach, str, int], Awaitable[Impact]]

log = structlog.get_logger(__name__)


class AutoRollback:
    """Looks at what took over within the last hour; to be asked every `EVERY_S`."""

    def __init__(
        self,
        database: Database,
        read_impact: ReadImpact,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._database = database
        self._read_impact = read_impact
        self._clock = clock

    async def work(self) -> None:
        """Looks once."""
        since_us = int(self._clock() * 1e6) - DEFAULT_MINUTES * MINUTE_US
        for watched in await list_watched(self._database, since_us):
            try:
                await self._look(watched)
            except (NotFound, WarehouseError) as error:
                # One project that is gone, or too much to read of, is no reason to leave others.
                log.warning(
                    "impact cannot be read",
                    deployment_id=watched.deployment_id,
                    reason=str(error)[:200],
                )

    async def _look(self, watched: Watched) -> None:
        reach = Reach(project_id=watched.project_id)
        impact = await self._read_impact(reach, watched.deployment_id, DEFAULT_MINUTES)
        if impact.verdict != "worse" or impact.confidence < CONFIDENT:
            return
        why = f"worse, with a confidence of {impact.confidence}: {impact.reason}"
        asked = await roll_back_by_rule(self._database, watched, why)
        if asked is not None:
            log.info(
                "rolled back by rule",
                project_id=watched.project_id,
                deployment_id=watched.deployment_id,
                rollback_id=asked.id,
                confidence=impact.confidence,
            )
