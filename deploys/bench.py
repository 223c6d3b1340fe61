"""What all deployments of one deployer share: its driver, folders and ports, and whom it tells."""

from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple

from controlplane.crypto import Vault
from controlplane.database import Database
from deploys.drivers.driver import Driver
from deploys.lines.writing import Send
from deploys.places import Places
from deploys.ports import Ports
from deploys.releases import Releases
from deploys.settings import DeployerSettings
from schemas.deploys.deployments import Deployment, Job
from schemas.projects import UserId

Inject = Callable[[Job], Awaitable[Mapping[str, str]]]
"""Returns what an app finds of Sluice in its environment, beside what its owner has set."""
Switched = Callable[[Deployment], Awaitable[None]]
"""Is told of each deployment that serves from now on, before the one before is drained."""
Drain = Callable[[str, float], Awaitable[object]]
"""Returns when this process passes nothing on to an instance any more, or so many seconds are over.
"""


Permit = Callable[[UserId | None], Awaitable[bool]]
"""Tells whether code may still run for the owner of an app."""


class Installation(NamedTuple):
    """What a deployer has of the installation that it is a part of."""

    database: Database
    vault: Vault
    send: Send
    inject: Inject
    switched: Switched
    drain: Drain
    permit: Permit
    drain_least_s: float
    """So long requests may still come to an instance that serves no more: as late as any proxy
    hears of a switch."""


class Bench(NamedTuple):
    """What a deployer works with on its machine."""

    name: str
    """Of the deployer: it is known by it after a restart."""
    settings: DeployerSettings
    driver: Driver
    places: Places
    releases: Releases
    ports: Ports
    at: Installation
