"""The deployer as a part of a process. It begins with the first app: who has none pays for none."""

from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import structlog

from controlplane.crypto import Vault
from controlplane.database import Database
from controlplane.deploys.keys import keys_for_app
from controlplane.deploys.queue import has_apps
from controlplane.deploys.rights import refuse_deploying
from controlplane.failures import Forbidden, Unavailable
from eventlog.log import EventLog
from schemas.deploys.deployments import Deployment, Job
from schemas.projects import UserId
from sluice.app_monitors import watch_app
from sluice.deploys import deploy_rules_of
from sluice.own_address import own_url
from sluice.process import Process

if TYPE_CHECKING:
    from api.deploys.proxy.routes import Routes
    from deploys.deployer import Deployer
    from deploys.settings import DeployerSettings

WORK_EVERY_S = 0.5
CLOSE_S = 15.0
"""More than a deployer takes to stop: it ends the commands of builds that are under way."""
DRAIN_LEAST_S = 2.0
"""Other processes that pass requests on hear of a switch within a second."""

log = structlog.get_logger(__name__)


class Deploying:
    """The deployer of this process, once there is something to deploy."""

    def __init__(
        self,
        process: Process,
        database: Database,
        vault: Vault,
        event_log: EventLog,
        routes: "Routes | None",
    ) -> None:
        self._process = process
        self._database, self._vault, self._log = database, vault, event_log
        self._routes = routes
        self._deployer: Deployer | None = None
        self._is_impossible = False

    async def work(self) -> None:
        """Does what is due now."""
        if self._deployer is None and not await self._begin():
            return
        assert self._deployer is not None
        await self._deployer.work()

    async def stop(self) -> None:
        """Gives up what is under way; apps run on."""
        if self._deployer is not None:
            await self._deployer.stop()

    async def _begin(self) -> bool:
        try:
            if self._is_impossible or not await has_apps(self._database):
                return False
        except Unavailable:
            return False
        # Not before: what it imports takes a part of a second.
        from deploys.drivers.driver import DriverUnavailable

        try:
            self._deployer = await self._open()
        except DriverUnavailable as error:
            self._is_impossible = True
            log.error("nothing can be deployed here", reason=str(error))
            return False
        return True

    async def _open(self) -> "Deployer":
        from deploys.bench import Bench, Installation
        from deploys.deployer import Deployer
        from deploys.lines.sending import sender
        from deploys.places import Places
        from deploys.ports import Ports
        from deploys.releases import Releases
        from deploys.starting import open_driver

        settings = deployer_settings_of(self._process)
        places = Places(settings.folder)
        at = Installation(
            database=self._database,
            vault=self._vault,
            send=sender(self._log),
            inject=self._inject,
            switched=self._switched,
            drain=self._drain,
            permit=self._permit,
            drain_least_s=DRAIN_LEAST_S,
        )
        bench = Bench(
            name=self._process.settings.deploy_name,
            settings=settings,
            driver=await open_driver(settings),
            places=places,
            releases=Releases(places),
            ports=Ports(settings.first_port, settings.last_port),
            at=at,
        )
        return Deployer(bench, parallel=self._process.settings.deploy_parallel)

    async def _inject(self, job: Job) -> Mapping[str, str]:
        if not job.config.inject:
            return {}
        keys = await keys_for_app(self._database, self._vault, job.deployment.project_id)
        url = own_url(self._process.settings)
        parts = urlsplit(url)
        found = {
            "SLUICE_URL": url,
            "SLUICE_API_KEY": keys.api_key,
            "SLUICE_DEPLOYMENT_ID": job.deployment.id,
            "SLUICE_PROJECT_ID": job.deployment.project_id,
            "SENTRY_ENVIRONMENT": job.deployment.environment,
        }
        if keys.dsn_key:
            found["SENTRY_DSN"] = f"{parts.scheme}://{keys.dsn_key}@{parts.netloc}/{keys.number}"
        if job.deployment.commit_sha:
            found["SENTRY_RELEASE"] = job.deployment.commit_sha
        return found

    async def _switched(self, deployment: Deployment) -> None:
        if self._routes is not None:
            await self._routes.refresh()
        await watch_app(self._database, self._vault, self._process.settings, deployment)
        log.info("an app serves", project_id=deployment.project_id, port=deployment.port)

    async def _permit(self, owner: UserId | None) -> bool:
        try:
            by = deploy_rules_of(self._process.settings).by
            await refuse_deploying(self._database, by, owner)
        except Forbidden:
            return False
        return True

    async def _drain(self, instance_id: str, timeout_s: float) -> None:
        if self._routes is not None:
            await self._routes.drain(instance_id, timeout_s)


def deployer_settings_of(process: Process) -> "DeployerSettings":
    """Returns what a deployer is set up with."""
    from deploys.drivers.driver import DriverUnavailable
    from deploys.settings import DeployerSettings

    settings, paths = process.settings, process.paths
    if settings.deploy_driver == "none":
        raise DriverUnavailable("SLUICE_DEPLOY_DRIVER is none")
    return DeployerSettings(
        folder=paths.deploys,
        driver=settings.deploy_driver,
        private_allowed=settings.private_targets == "allow",
        hidden=(paths.data_dir,),
        docker_host=settings.deploy_docker_host,
        docker_image=settings.deploy_docker_image,
        build_seconds=settings.deploy_build_timeout_s,
        health_seconds=settings.deploy_health_timeout_s,
        first_port=settings.deploy_first_port,
        last_port=min(settings.deploy_first_port + 8999, 65535),
    )


def add_deployer(
    process: Process,
    database: Database,
    vault: Vault,
    log: EventLog,
    routes: "Routes | None" = None,
) -> None:
    """Adds the deployer, unless the settings want none.

    `routes` are those of a process that passes requests on itself.
    """
    if process.settings.deploy_driver == "none":
        return
    deploying = Deploying(process, database, vault, log, routes)
    process.upkeep.append((WORK_EVERY_S, deploying.work))
    process.close_within("deployer", deploying.stop, CLOSE_S)
