"""From a plan to the command that starts it, and to the driver that runs commands here."""

import asyncio
import shlex
import sys

from deploys.cgroups import find_cgroups
from deploys.detecting import Plan
from deploys.drivers.bubblewrap import find_wrap
from deploys.drivers.driver import Driver, DriverUnavailable
from deploys.drivers.processes import ProcessDriver
from deploys.orphans import read_identity
from deploys.places import Places
from deploys.settings import DeployerSettings
from deploys.steps import PACKAGES


def start_text(plan: Plan) -> str:
    """Returns what is given to a shell, in the folder of a release, to start it."""
    if plan.kind != "static":
        return plan.start
    # By our own Python, whatever the release has, and whatever its environment says.
    code = (
        f"import sys; sys.path.append({PACKAGES!r}); from deploys.static_server import main; main()"
    )
    return f"exec {shlex.quote(sys.executable)} -I -c {shlex.quote(code)} {shlex.quote(plan.site)}"


async def open_driver(settings: DeployerSettings) -> Driver:
    """Returns the driver that is set. Raises `DriverUnavailable`, saying what is missing."""
    if sys.platform != "linux":
        raise DriverUnavailable("Deployments are run on Linux alone")
    return await asyncio.to_thread(_open, settings)


def _open(settings: DeployerSettings) -> Driver:
    identity = read_identity(Places(settings.folder))
    cgroups = find_cgroups(identity, settings.cgroup_folder)
    if settings.driver == "process":
        return ProcessDriver(settings, cgroups=cgroups)
    if settings.driver == "bubblewrap":
        wrap = find_wrap((settings.folder, *settings.hidden))
        return ProcessDriver(settings, cgroups=cgroups, name="bubblewrap", wrap=wrap)
    raise DriverUnavailable(f"There is no driver {settings.driver}")
