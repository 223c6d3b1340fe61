"""Has each commit that takes over be a release of errors, deployed there; one process."""

import time
from collections.abc import Callable

from controlplane.database import Database
from controlplane.deploys.switches import MOST_RECENT, Recent, list_recent
from controlplane.errors.deployed import Deployed, note_deployed

EVERY_S = 5.0
FIRST_US = 7 * 86_400_000_000
"""How far the first round looks back."""
AGAIN_US = 120_000_000
"""How far each further round does: clocks of deployers differ."""


class DeployedReleases:
    """Follows what takes over; to be asked every `EVERY_S`."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._since_us = int(clock() * 1e6) - FIRST_US

    async def work(self) -> None:
        """Notes what has taken over since the last round. What was noted is not again."""
        recent = await list_recent(self._database, self._since_us)
        for one in recent:
            # Without it, its events name releases of their own, if any.
            if one.inject and one.commit_sha:
                await note_deployed(self._database, one.project_id, _deployed(one))
        if recent:
            overlap_us = 0 if len(recent) == MOST_RECENT else AGAIN_US
            self._since_us = max(self._since_us, recent[-1].at_us - overlap_us)


def _deployed(one: Recent) -> Deployed:
    return Deployed(
        id=one.deployment_id,
        version=one.commit_sha,
        environment=one.environment,
        name=one.commit_msg.partition("\n")[0],
        started_us=one.started_us,
        at_us=one.at_us,
    )
