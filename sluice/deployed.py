"""What deployments are to the other systems: what changed when, and when to go back."""

from clickhouse.client import Warehouse
from controlplane.database import Database
from controlplane.deploys.rows import Reach
from processors.blocks import StoredLog
from processors.deploys import auto_rollback
from processors.deploys.auto_rollback import AutoRollback
from schemas.deploys.impact import Impact
from sluice.deploy_changes import changes_of, followers_of
from sluice.impacts import Impacts
from sluice.parts import Parts, Resources, Work
from sluice.upkeep import at_most


def open_parts(resources: Resources) -> Parts:
    """Makes what a process needs of it."""
    database = resources.database
    impacts = Impacts(database)

    def rollbacks(warehouse: Warehouse, _: StoredLog) -> Work:
        return at_most(_rule(database, impacts, warehouse).work, every_s=auto_rollback.EVERY_S)

    state = {"read_impact": impacts.read, "list_changes": changes_of(database)}
    alone = (rollbacks, *followers_of(database))
    return Parts(forms={}, steps={}, state=state, alone=alone)


def _rule(database: Database, impacts: Impacts, warehouse: Warehouse) -> AutoRollback:
    async def read_impact(reach: Reach, deployment_id: str, minutes: int) -> Impact:
        return await impacts.read(warehouse, reach, deployment_id, minutes)

    return AutoRollback(database, read_impact)
