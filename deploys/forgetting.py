"""Removes what is kept of apps that are deployed no more: nobody's code outlives its project."""

import asyncio

import structlog

from controlplane.deploys.ending import list_gone
from controlplane.deploys.instances import forget_releases, list_releases
from deploys.bench import Bench
from deploys.pruning import remove_images
from schemas.projects import ProjectId

log = structlog.get_logger(__name__)


async def forget_gone(bench: Bench) -> None:
    """Removes releases, copies of repositories and caches of all apps of which nothing runs here
    and that somebody has ended or deleted. Raises `Unavailable`.
    """
    apps = await asyncio.to_thread(bench.releases.apps)
    gone = await list_gone(bench.at.database, apps)
    for app in gone:
        # In this order: nobody goes back to what is half gone.
        known = await list_releases(bench.at.database, ProjectId(app), bench.name)
        await forget_releases(bench.at.database, [one.id for one in known])
        await asyncio.to_thread(bench.releases.forget, app, apps[app])
        log.info("removed what was kept of an app", project_id=app)
    if gone:
        await remove_images(bench)
