"""The prober of `sluice up`: it looks at the monitors of all projects that name its region.

What it sees goes into the log as what is sent over HTTP does. It begins with the first monitor:
who has none pays for none.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec

from controlplane.crypto import Vault
from controlplane.database import Database
from controlplane.uptime.monitors import list_due, mark_of_due
from eventlog.log import EventLog
from eventlog.producer import Items, produce
from probes.settings import ProberSettings
from schemas.kinds import CHECK
from schemas.projects import ProjectId
from schemas.uptime.checks import Check
from schemas.uptime.monitors import target_of
from schemas.uptime.rows import check_id
from sluice.process import Process

if TYPE_CHECKING:
    from probes.prober import Prober

FOLLOW_MONITORS_EVERY_S = 1.0
"""How late a change of a monitor may be seen."""
CLOSE_S = 6.0
"""More than a prober takes to stop: it waits 4 s for checks under way."""


class Probing:
    """Holds the prober, and tells it of the monitors. One for each process."""

    def __init__(
        self, database: Database, vault: Vault, log: EventLog, settings: ProberSettings
    ) -> None:
        self._database = database
        self._vault = vault
        self._log = log
        self._settings = settings
        self._mark: object = None
        self._prober: Prober | None = None
        self._running: asyncio.Task[None] | None = None

    async def follow(self) -> None:
        """Has what is looked at be what people want. Raises what has ended the prober."""
        if self._running is not None and self._running.done():
            ended, self._prober, self._running, self._mark = self._running, None, None, None
            ended.result()
        mark = await mark_of_due(self._database)
        if mark == self._mark:
            return
        due = await list_due(self._database, self._vault)
        targets = [
            target_of(one)
            for one in due
            if one.config.type != "heartbeat" and self._settings.region in one.config.regions
        ]
        if self._prober is not None:
            self._prober.set_targets(targets)
        elif targets:
            from probes.prober import Prober  # 0.12 s, for who has a monitor

            self._prober = Prober(targets, self._send, self._settings)
            self._running = asyncio.create_task(self._prober.run())
        self._mark = mark

    async def stop(self) -> None:
        """Ends it; what it has seen is in the log, or in its file for the next start."""
        if self._prober is not None:
            await self._prober.stop()

    async def _send(self, checks: Sequence[Check]) -> None:
        for project_id, items in items_of(checks).items():
            await produce(self._log, project_id, [items], time.time_ns())


def items_of(checks: Sequence[Check]) -> Mapping[ProjectId, Items]:
    """Returns checks as the log has them, by project."""
    found: dict[ProjectId, tuple[list[bytes], list[str]]] = {}
    for one in checks:
        bodies, ids = found.setdefault(one.project_id, ([], []))
        bodies.append(msgspec.json.encode(one))
        ids.append(check_id(one.monitor_id, one.region, one.slot_us, one.attempt))
    return {project_id: Items(CHECK, *pair) for project_id, pair in found.items()}


def add_prober(process: Process, database: Database, vault: Vault, log: EventLog) -> None:
    """Adds the prober, unless the settings name no region for it."""
    settings = process.settings
    if not settings.prober_region:
        return
    probing = Probing(
        database,
        vault,
        log,
        ProberSettings(
            region=settings.prober_region,
            private_allowed=settings.private_targets == "allow",
            spool_path=process.paths.checks,
        ),
    )
    process.upkeep.append((FOLLOW_MONITORS_EVERY_S, probing.follow))
    process.close_within("prober", probing.stop, CLOSE_S)
