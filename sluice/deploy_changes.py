"""What deployments are to others: lines on charts, releases of errors, rows of dashboards."""

from collections.abc import Awaitable, Callable
from functools import partial

from clickhouse.client import Warehouse
from controlplane.database import Database
from controlplane.deploys.markers import Marker, list_switches
from processors.blocks import StoredLog
from processors.deploys import deployment_copies
from processors.deploys.deployment_copies import DeploymentCopies
from schemas.changes import Change
from schemas.projects import ProjectId
from sluice import deployed_releases
from sluice.deployed_releases import DeployedReleases
from sluice.parts import Work
from sluice.upkeep import at_most

PAGE = "deploys/deployments/{}"
"""Of a deployment, below the address of its project's pages."""


def changes_of(database: Database) -> Callable[[ProjectId, int, int], Awaitable[list[Change]]]:
    """Returns what charts ask for the deployments that took over: the state's `list_changes`."""
    return partial(_list_changes, database)


def change_of(switch: Marker) -> Change:
    """Returns what charts say of a deployment that took over."""
    what = {"rollback": "Rollback to", "restart": "Restart of"}.get(switch.kind, "Deployment of")
    name = f"{what} {switch.commit_sha[:7] or 'an app'} to {switch.environment}"
    return Change(switch.at_us, name, PAGE.format(switch.deployment_id))


def followers_of(database: Database) -> list[Callable[[Warehouse, StoredLog], Work]]:
    """Returns what one process does so that releases and dashboards know of deployments."""

    def releases(_: Warehouse, __: StoredLog) -> Work:
        return at_most(DeployedReleases(database).work, every_s=deployed_releases.EVERY_S)

    def copies(warehouse: Warehouse, _: StoredLog) -> Work:
        copying = DeploymentCopies(database, warehouse)
        return at_most(copying.work, every_s=deployment_copies.EVERY_S)

    return [releases, copies]


async def _list_changes(
    database: Database, project_id: ProjectId, from_us: int, to_us: int
) -> list[Change]:
    switches = await list_switches(database, project_id, from_us, to_us)
    return [change_of(one) for one in switches]
