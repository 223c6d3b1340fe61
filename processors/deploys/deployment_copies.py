"""Has the store's copy of deployments follow the control plane, for dashboards; one process."""

from uuid import UUID

from clickhouse.client import Warehouse
from clickhouse.deployments import DeploymentCopy, write_deployments
from controlplane.database import Database
from controlplane.deploys.copies import AT_ONCE, Changed, list_changed

EVERY_S = 10.0
AGAIN_US = 120_000_000
"""Each round looks back so far again: clocks of those who write deployments differ."""
FIRST_ID = str(UUID(int=0))


class DeploymentCopies:
    """Writes deployments that have changed; to be asked every `EVERY_S`."""

    def __init__(self, database: Database, warehouse: Warehouse) -> None:
        self._database = database
        self._warehouse = warehouse
        self._since_us = 0
        self._known: dict[str, DeploymentCopy] = {}
        """Of the time that is looked at again."""

    async def work(self) -> None:
        """Writes what is another than in the last round; all of them in the first."""
        after = (self._since_us, FIRST_ID)
        seen: dict[str, DeploymentCopy] = {}
        while changed := await list_changed(self._database, after):
            copies = {one.deployment.id: _copy(one) for one in changed}
            new = [one for key, one in copies.items() if self._known.get(key) != one]
            await write_deployments(self._warehouse, new)
            last = changed[-1].deployment
            after = (last.updated_us, last.id)
            self._since_us = max(self._since_us, last.updated_us - AGAIN_US)
            # Of all that the first round meets, only what the next one looks at again.
            seen |= copies
            seen = dict(list(seen.items())[-AT_ONCE:])
        self._known = seen or self._known


def _copy(one: Changed) -> DeploymentCopy:
    of = one.deployment
    return DeploymentCopy(
        project_id=of.project_id,
        deployment_id=of.id,
        environment=of.environment,
        kind=of.kind,
        origin=of.origin,
        status=of.status,
        phase=of.phase,
        commit_sha=of.commit_sha,
        created_us=of.created_us,
        began_us=of.started_us,
        switched_us=one.switched_us,
        ended_us=one.ended_us,
    )
