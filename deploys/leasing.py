"""Holds the lease of a deployment while it is worked on, and hears of its end."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import structlog

from controlplane.database import Database
from controlplane.deploys.queue import LEASE_US, keep, standing
from controlplane.failures import Unavailable
from schemas.deploys.deployments import Held

LOOK_EVERY_S = 0.5
KEEP_EVERY_S = 4.0
HELD_FOR_S = LEASE_US / 1_000_000

log = structlog.get_logger(__name__)


class Lease:
    """Says whether to go on: `ended` is set when the work is to be given up."""

    def __init__(self, database: Database, held: Held) -> None:
        self._database = database
        self.held = held
        self.ended = asyncio.Event()
        self.is_lost = False
        """Whether somebody else has the deployment by now: nothing may be noted of it."""

    async def hold(self) -> None:
        """Keeps the lease until it ends."""
        loop = asyncio.get_running_loop()
        kept_at = loop.time()
        while not self.ended.is_set():
            await asyncio.sleep(LOOK_EVERY_S)
            is_due = loop.time() - kept_at >= KEEP_EVERY_S
            try:
                found = await (keep if is_due else standing)(self._database, self.held)
            except Unavailable:
                # Nobody else can take it meanwhile either, but they may as soon as it is over.
                found = "lost" if loop.time() - kept_at > HELD_FOR_S else "held"
                is_due = False
            if is_due:
                kept_at = loop.time()
            if found != "held":
                self.is_lost = found == "lost"
                self.ended.set()


@asynccontextmanager
async def leased(database: Database, held: Held) -> AsyncIterator[Lease]:
    """Holds a lease for as long as the context lasts."""
    lease = Lease(database, held)
    holding = asyncio.create_task(lease.hold())
    try:
        yield lease
    finally:
        holding.cancel()
        with suppress(asyncio.CancelledError):
            await holding
