"""What deployments are to the other systems: what changed when, and when to go back."""

from clickhouse.client import Warehouse
from controlplane.database import Database
from controlplane.deploys.markers import Marker, list_switches
from controlplane.deploys.rows import Reach
from processors.blocks import StoredLog
from processors.deploys import auto_rollback, deployment_copies
from processors.deploys.auto_rollback import AutoRollback
from schemas.changes import Change
from schemas.deploys.impact import Impact
from schemas.projects import ProjectId
from sluice import deployed_releases
from sluice.impacts import Impacts
from sluice.parts import Parts, Resources, Work
from sluice.upkeep import at_most

PAGE = "deploys/{}"
"""Of a deployment, below the address of its project's pages."""


def open_parts(resources: Resources) -> Parts:
    """Makes what a process needs of it."""
    database = resources.database
    impacts = Impacts(database)

    def rollbacks(warehouse: Warehouse, _: StoredLog) -> Work:
        return at_most(_rule(database, impacts, warehouse).work, every_s=auto_rollback.EVERY_S)

    async def list_changes(project_id: ProjectId, from_us: int, to_us: int) -> list[Change]:
        switches = await list_switches(database, project_id, from_us, to_us)
        return [change_of(one) for one in switches]

    def releases(_: Warehouse, __: StoredLog) -> Work:
        following = deployed_releases.DeployedReleases(database)
        return at_most(following.work, every_s=deployed_releases.EVERY_S)

    def copies(warehouse: Warehouse, _: StoredLog) -> Work:
        copying = deployment_copies.DeploymentCopies(database, warehouse)
        return at_most(copying.work, every_s=deployment_copies.EVERY_S)

    state = {"read_impact": impacts.read, "list_changes": list_changes}
    return Parts(forms={}, steps={}, state=state, alone=(rollbacks, releases, copies))


def change_of(switch: Marker) -> Change:
    """Returns what charts say of a deployment that took over."""
    what = {"rollback": "Rollback to", "restart": "Restart of"}.get(switch.kind, "Deployment of")
    name = f"{what} {switch.commit_sha[:7] or 'an app'} to {switch.environment}"
    return Change(switch.at_us, name, PAGE.format(switch.deployment_id))


def _rule(database: Database, impacts: Impacts, warehouse: Warehouse) -> AutoRollback:
    async def read_impact(reach: Reach, deployment_id: str, minutes: int) -> Impact:
        return await impacts.read(warehouse, reach, deployment_id, minutes)

    return AutoRollback(database, read_impact)
