"""Probers of this installation: their monitors from the control plane, what they see into the log.

The prober of `sluice up` begins with the first monitor: who has none pays for none.
"""

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence

import msgspec

from controlplane.crypto import Vault
from controlplane.database import Database
from controlplane.failures import Conflict, Unavailable
from controlplane.uptime.probed import targets_of_installation, targets_of_only_prober
from eventlog.log import EventLog
from eventlog.producer import Items, produce
from probes.following import Following, SourceAway, SourceRejects
from probes.settings import ProberSettings
from schemas.kinds import CHECK
from schemas.projects import ProjectId
from schemas.settings import NO_REGION
from schemas.uptime.checks import Check
from schemas.uptime.probing import TargetsAnswer, TargetsAsk
from schemas.uptime.rows import check_id
from sluice.canaries import canary_of
from sluice.process import Process

FOLLOW_MONITORS_EVERY_S = 1.0
"""How late a change of a monitor may be seen."""
CLOSE_S = 8.0
"""More than a prober takes to stop: it waits 4 s for checks under way, and says that it leaves."""
ONLY = "only-prober"
"""What it is called that shares with no other."""

Tell = Callable[[Database, Vault, TargetsAsk], Awaitable[TargetsAnswer]]


class ControlPlane:
    """The source of a prober that is a part of the installation."""

    def __init__(self, database: Database, vault: Vault, tell: Tell) -> None:
        self._database = database
        self._vault = vault
        self._tell = tell

    async def ask(self, ask: TargetsAsk) -> TargetsAnswer:
        """Takes a share. Raises `SourceAway`, `SourceRejects`."""
        try:
            return await self._tell(self._database, self._vault, ask)
        except Unavailable as error:
            raise SourceAway(error.message) from error
        except Conflict as error:
            raise SourceRejects(error.message) from error


class ToLog:
    """Where a prober of the installation sends what it saw."""

    def __init__(self, log: EventLog) -> None:
        self._log = log

    async def send(self, checks: Sequence[Check]) -> None:
        """Returns when the checks are durable. Raises as `EventLog.append` does."""
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


def add_only_prober(process: Process, database: Database, vault: Vault, log: EventLog) -> None:
    """Adds the prober of `sluice up`, unless the settings name no region for it."""
    settings = process.settings
    if settings.prober_region == NO_REGION:
        return
    following = Following(
        ControlPlane(database, vault, targets_of_only_prober),
        ToLog(log).send,
        ProberSettings(
            region=settings.prober_region,
            private_allowed=settings.private_targets == "allow",
            spool_path=process.paths.checks,
        ),
        holder=ONLY,
        canary=canary_of(settings),
    )
    add_following(process, following)


def add_following(process: Process, following: Following) -> None:
    """Adds a prober to a process."""
    process.upkeep.append((FOLLOW_MONITORS_EVERY_S, following.follow))
    process.close_within("prober", following.stop, CLOSE_S)


def shared_source(database: Database, vault: Vault) -> ControlPlane:
    """Returns the source of one of the installation's probers, of which there may be many."""
    return ControlPlane(database, vault, targets_of_installation)
