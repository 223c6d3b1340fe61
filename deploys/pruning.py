"""Removes releases that are too many, and images whose release is gone."""

import asyncio

import structlog

from controlplane.deploys.instances import forget_releases, list_instances, list_releases
from deploys.bench import Bench
from deploys.drivers.driver import StartFailed
from schemas.deploys.deployments import Job
from schemas.projects import ProjectId

log = structlog.get_logger(__name__)


async def prune(bench: Bench, job: Job) -> None:
    """Removes releases of an app's environment beyond those to keep.

    None that runs, and none that a rollback waits for or starts.
    """
    deployment = job.deployment
    of_ours = await list_releases(bench.at.database, ProjectId(deployment.project_id), bench.name)
    kept = {one.place: one.id for one in of_ours}
    live = await list_instances(bench.at.database, bench.name, ("starting", "serving", "draining"))
    running = {one.release_id for one in live}
    surplus = await asyncio.to_thread(
        bench.releases.surplus,
        deployment.project_id,
        deployment.environment,
        count=job.config.max_deployments,
        keep=[place for place, release_id in kept.items() if release_id in running],
    )
    # What is not known yet belongs to a build that is about to make it known.
    known = [place for place in surplus if place in kept]
    # In this order: a deployer that begins removes what nobody knows.
    spared = await forget_releases(bench.at.database, bench.name, known)
    for place in set(known) - spared:
        await asyncio.to_thread(bench.releases.remove, place)
    await remove_images(bench)


async def remove_images(bench: Bench) -> None:
    """Removes images without a folder of their release. What cannot be is left for the next time.

    A release has its folder before its image, so one that is being built keeps what it has made.
    """
    images = bench.driver.images
    if images is None:
        return
    try:
        made = await images.names()
        for name in set(made).difference(await asyncio.to_thread(bench.releases.names)):
            await images.remove(name)
    except StartFailed as error:
        log.warning("images were not removed", reason=str(error))
