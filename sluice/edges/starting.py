"""What an edge process is started with."""

import socket
from typing import NamedTuple

from msgspec import Struct

from ingest.edge import EdgeLimits
from schemas.deploys.routing import LOOPBACK_APPS, NO_APPS_HOST
from schemas.settings import Settings
from sluice.connections import Bounds


class Start(Struct, frozen=True):
    """What an edge is told at its start."""

    settings: Settings
    limits: EdgeLimits
    bounds: Bounds
    database_url: str
    partitions: dict[str, int]
    proxies: list[str]
    graceful_s: int
    row: int
    """Of the tally, its own."""

    @property
    def apps_hosts(self) -> frozenset[str]:
        """Under which hosts apps have names."""
        return frozenset({self.settings.apps_host or LOOPBACK_APPS} - {NO_APPS_HOST})


class Ends(NamedTuple):
    """The files that an edge is given."""

    listener: socket.socket
    handing: socket.socket
    tally: int
    """See `SharedTally`."""
    lock: int
    """See `edges_lock`; held for as long as it is open."""
