"""Checks of what deployed apps run in: is it on this machine, and does it work?"""

import asyncio

from deploys.drivers.bubblewrap import Bubblewrap
from deploys.drivers.driver import DriverUnavailable
from deploys.drivers.engine import Engine
from deploys.settings import DeployerSettings
from schemas.settings import Settings
from sluice.checks import Finding, error, first_line, ok
from sluice.paths import Paths

ANOTHER = "or choose another: SLUICE_DEPLOY_DRIVER, docs/deploy-runner.md"


def check_driver(settings: Settings, paths: Paths) -> Finding:
    """Tries `bubblewrap` or `docker`, whichever is set."""
    name = settings.deploy_driver
    try:
        if name == "bubblewrap":
            Bubblewrap(())
        else:
            host = settings.deploy_docker_host
            engine = Engine(DeployerSettings(folder=paths.deploys, docker_host=host))
            asyncio.run(engine.check())
    except DriverUnavailable as failure:
        fix = f"start it, and let this user open its socket; {ANOTHER}"
        if name == "bubblewrap":
            fix = f"install it, or permit user namespaces; {ANOTHER}"
        return error("deployments", first_line(failure), fix)
    return ok("deployments", f"{name} works")
