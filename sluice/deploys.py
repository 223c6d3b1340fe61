"""The system `deploys`, put together from its sub-packages."""

from litestar import Router

from api.deploys.app import routers
from api.deploys.callers import DeployRules
from api.deploys.dns_proofs import check_domain, prove_by_dns
from api.deploys.log_access import LogAccess
from api.errors.agents.projects import HANDLERS as FOR_TOKENS
from api.local_peers import is_loopback
from api.rates import Rates
from schemas.settings import Settings
from sluice.parts import Parts, Resources, System


def open_parts(resources: Resources) -> Parts:
    """Makes what a process needs of it."""
    settings = resources.settings
    state = {
        "deploy_rules": deploy_rules_of(settings),
        "deploy_reader": LogAccess(resources.database),
        "deploy_rates": Rates(settings.deploy_requests_per_minute),
        "check_domain": check_domain,
        "prove_domain": prove_by_dns,
        "private_repositories": settings.private_targets == "allow",
    }
    return Parts(forms={}, steps={}, state=state)


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


SYSTEM = System(
    open=open_parts, routers=lambda key, session: [], queries=(), own_routers=own_routers
)
