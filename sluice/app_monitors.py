"""The monitor of a deployed app's own address, made by itself when the app first serves."""

import structlog

from controlplane.crypto import Vault
from controlplane.database import Database
from controlplane.deploys.apps import wants_monitor
from controlplane.failures import ControlPlaneError
from controlplane.uptime.monitors import MAX_MONITORS, add_monitor, list_monitors
from schemas.deploys.deployments import Deployment
from schemas.deploys.routing import PRODUCTION, segment_of
from schemas.settings import NO_REGION, Settings
from sluice.own_address import own_url

log = structlog.get_logger(__name__)


async def watch_app(
    database: Database, vault: Vault, settings: Settings, deployment: Deployment
) -> None:
    """Makes a monitor for an app that serves in production, unless there is one of its address.

    Where probes would be refused, as of a server on loopback, there is none.
    """
    is_reached = bool(settings.public_url) or settings.private_targets == "allow"
    if deployment.environment != PRODUCTION or not is_reached:
        return
    if settings.prober_region == NO_REGION:
        return
    project_id = deployment.project_id
    url = f"{own_url(settings)}/app/{segment_of(project_id, PRODUCTION)}/"
    try:
        if not await wants_monitor(database, project_id):
            return
        known = await list_monitors(database, vault, project_id, limit=MAX_MONITORS)
        if any(one.config.url == url for one in known):
            return
        fields = {"name": "Deployed app", "type": "http", "url": url, "interval_seconds": 60}
        await add_monitor(database, vault, project_id, fields)
    except ControlPlaneError as error:
        # The app serves all the same; the next deployment tries again.
        log.warning("no monitor was made for an app", project_id=project_id, reason=error.message)
