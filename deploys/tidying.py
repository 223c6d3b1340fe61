"""Removes from the disk what nobody goes back to: of previews that have ended, and of projects."""

import asyncio

import structlog

from controlplane.deploys.instances import forget_releases, list_environments, list_instances
from deploys.bench import Bench
from deploys.pruning import remove_images
from deploys.releases import Releases

log = structlog.get_logger(__name__)


async def tidy(bench: Bench) -> None:
    """Removes releases of environments that have ended, and all of apps that are deployed no more.

    What a preview served is built again where somebody wants it back.
    """
    database, releases = bench.at.database, bench.releases
    # Looked at first: what comes between is of an environment that is known.
    found, apps = await asyncio.to_thread(releases.all), await asyncio.to_thread(releases.apps)
    known = await list_environments(database)
    live = await list_instances(database, bench.name, ("starting", "serving", "draining"))
    known |= {(one.project_id, one.environment) for one in live}
    gone = {one.id for one in found if (one.app, one.environment) not in known}
    ended = apps - {app for app, _ in known}
    if not gone and not ended:
        return
    # In this order: a deployer that begins removes what nobody knows.
    gone -= await forget_releases(database, bench.name, gone)
    await asyncio.to_thread(_remove, releases, gone, ended)
    await remove_images(bench)
    log.info("removed what nobody goes back to", releases=len(gone), apps=len(ended))


def _remove(releases: Releases, gone: set[str], ended: set[str]) -> None:
    for release_id in gone:
        releases.remove(release_id)
    for app in ended:
        releases.forget(app, ())
