"""The system `deploys`, put together from its sub-packages."""

from functools import partial

from litestar import Router

from api.deploys.app import routers
from api.deploys.callers import DeployRules
from api.deploys.domains.proving import Prover
from api.deploys.log_access import LogAccess
from api.errors.agents.projects import HANDLERS as FOR_TOKENS
from api.local_peers import is_loopback
from api.pages.deploys.pages import SECTIONS
from api.rates import Rates
from clickhouse.client import Warehouse
from controlplane.database import Database
from controlplane.deploys.rows import Reach
from processors.blocks import StoredLog
from processors.deploys import auto_rollback
from processors.deploys.auto_rollback import AutoRollback
from processors.deploys.steps import steps
from schemas.deploys.domains import checked_domain
from schemas.deploys.impact import Impact
from schemas.deploys.routing import NO_APPS_HOST
from schemas.settings import Settings
from sluice.deploy_changes import changes_of, followers_of
from sluice.impacts import Impacts
from sluice.own_address import own_hosts
from sluice.parts import Parts, Resources, System, Work
from sluice.repository_looks import Looker
from sluice.upkeep import at_most


def open_parts(resources: Resources) -> Parts:
    """Makes what a process needs of it."""
    settings = resources.settings
    database = resources.database
    impacts = Impacts(database)
    private_allowed = settings.private_targets == "allow"

    def rollbacks(warehouse: Warehouse, _: StoredLog) -> Work:
        return at_most(_rule(database, impacts, warehouse).work, every_s=auto_rollback.EVERY_S)

    state = {
        "read_impact": impacts.read,
        "list_changes": changes_of(database),
        "deploy_rules": deploy_rules_of(settings),
        "deploy_reader": LogAccess(resources.database),
        "deploy_rates": Rates(settings.deploy_requests_per_minute),
        "check_domain": partial(
            checked_domain, own_hosts=own_hosts(settings), apps_host=_apps_host_of(settings)
        ),
        "prove_domain": Prover(private_allowed=private_allowed).prove,
        "private_repositories": private_allowed,
        "look": Looker(
            resources.cache / "looks",
            private_allowed=private_allowed,
            has_docker=settings.deploy_driver == "docker",
        ).look,
    }
    return Parts(forms={}, steps=steps(), state=state, alone=(rollbacks, *followers_of(database)))


def own_routers() -> list[Router]:
    """Returns the API of deployments; agents of `errors` ask at some of its paths."""
    return routers(FOR_TOKENS)


def deploy_rules_of(settings: Settings) -> DeployRules:
    """Returns who may run code: by default everybody where nobody else can reach us.

    A proxy on the same machine makes the world reach a server that listens on loopback alone.
    """
    if settings.deploy_by != "auto":
        return DeployRules(settings.deploy_by, is_default=False)
    alone = is_loopback(settings.host) and not settings.trusted_proxies and not settings.public_url
    return DeployRules("anyone" if alone else "admins", is_default=True)


def _apps_host_of(settings: Settings) -> str:
    return "" if settings.apps_host == NO_APPS_HOST else settings.apps_host


def _rule(database: Database, impacts: Impacts, warehouse: Warehouse) -> AutoRollback:
    async def read_impact(reach: Reach, deployment_id: str, minutes: int) -> Impact:
        return await impacts.read(warehouse, reach, deployment_id, minutes)

    return AutoRollback(database, read_impact)


SYSTEM = System(
    open=open_parts,
    # Lines come from the deployer, which writes them into the log itself. Whoever could send one
    # could take the number, and so the place, of one that a deployment is yet to print.
    routers=lambda _key, _session: [],
    queries=(),
    own_routers=own_routers,
    pages=SECTIONS,
)
