"""From a plan to the command that starts it, and to the driver that runs commands here."""

import asyncio
import shlex
import sys

from deploys.cgroups import find_cgroups
from deploys.detecting import Plan
from deploys.drivers.bubblewrap import Bubblewrap
from deploys.drivers.docker import Docker
from deploys.drivers.driver import Driver, DriverUnavailable
from deploys.drivers.engine import Engine
from deploys.drivers.images import DockerImages
from deploys.drivers.processes import ProcessDriver
from deploys.orphans import read_identity
from deploys.places import Places
from deploys.settings import DeployerSettings, DriverName
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


def driver_name(plan: Plan, settings: DeployerSettings) -> DriverName:
    """Returns which driver starts a release.

    A static site runs no code of its project: our server for it is in no image, and needs none.
    """
    is_ours = plan.kind == "static" and settings.driver == "docker"
    return "process" if is_ours else settings.driver


def is_of_another(plan: Plan, driver: str, settings: DeployerSettings) -> bool:
    """Tells whether a release is of a driver whose releases the one that is set cannot start."""
    return plan.kind != "static" and (driver == "docker") != (settings.driver == "docker")


async def open_driver(settings: DeployerSettings) -> Driver:
    """Returns the driver that is set. Raises `DriverUnavailable`, saying what is missing."""
    if sys.platform != "linux":
        raise DriverUnavailable("Deployments are run on Linux alone")
    identity = read_identity(Places(settings.folder))
    if settings.driver == "docker":
        # Whether one answers is asked before each deployment: it may be started later than we are.
        engine = Engine(settings)
        docker = Docker(engine, identity, settings.docker_image)
        images = DockerImages(engine, identity)
        return ProcessDriver(settings, cgroups=None, sandbox=docker, images=images)
    return await asyncio.to_thread(_open, settings, identity)


def _open(settings: DeployerSettings, identity: str) -> Driver:
    is_bare = settings.driver == "process"
    sandbox = None if is_bare else Bubblewrap((settings.folder, *settings.hidden))
    cgroups = find_cgroups(identity, settings.cgroup_folder)
    return ProcessDriver(settings, cgroups=cgroups, sandbox=sandbox)
