"""What probers are told to look at: the monitors of their share of a region."""

import hashlib
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet

import msgspec

from controlplane.crypto import Vault
from controlplane.database import Database
from controlplane.uptime.monitors import list_due, mark_of_due
from controlplane.uptime.prober_regions import projects_with_own, take_share
from controlplane.uptime.sharing import Dealt
from schemas.projects import ProjectId
from schemas.uptime.monitors import Monitor, target_of
from schemas.uptime.probing import LEASE_S, SHARDS, TargetsAnswer, TargetsAsk, shard_of
from schemas.uptime.targets import Target

EVERY_SHARD = Dealt(dict.fromkeys(range(SHARDS), 0), ask_again_s=0.5)
"""It asks in its own process, so it may ask often."""
FOR_EVER_S = 1e9
MARK_CHARS = 32


async def targets_of_project(
    database: Database, vault: Vault, project_id: ProjectId, ask: TargetsAsk
) -> TargetsAnswer:
    """Returns what a prober of one project is to look at. Raises `Conflict`."""
    dealt = await take_share(database, project_id, ask)
    mark = _mark([*await mark_of_due(database, project_id), *dealt.shards])
    targets = None
    if mark != ask.known:
        targets = _targets(await list_due(database, vault, project_id), ask.region, dealt.shards)
    return _answer(project_id, dealt, LEASE_S, mark, targets)


async def targets_of_installation(
    database: Database, vault: Vault, ask: TargetsAsk
) -> TargetsAnswer:
    """Returns what one of the installation's probers is to look at, of all projects.

    Where a project has probers of its own in the region, its monitors are theirs. Raises
    `Conflict`.
    """
    dealt = await take_share(database, None, ask)
    return await _of_all(database, vault, ask, dealt, LEASE_S)


async def targets_of_only_prober(
    database: Database, vault: Vault, ask: TargetsAsk
) -> TargetsAnswer:
    """As `targets_of_installation`, for a prober that shares with no other: it needs no lease."""
    return await _of_all(database, vault, ask, EVERY_SHARD, FOR_EVER_S)


async def _of_all(
    database: Database, vault: Vault, ask: TargetsAsk, dealt: Dealt, lease_s: float
) -> TargetsAnswer:
    own = await projects_with_own(database, ask.region)
    mark = _mark([*await mark_of_due(database), *dealt.shards, *sorted(own)])
    targets = None
    if mark != ask.known:
        targets = _targets(await list_due(database, vault), ask.region, dealt.shards, own)
    return _answer(ProjectId(""), dealt, lease_s, mark, targets)


def _targets(
    due: Iterable[Monitor],
    region: str,
    shards: Iterable[int],
    left_out: AbstractSet[ProjectId] = frozenset(),
) -> list[Target]:
    wanted = set(shards)
    return [
        target_of(one)
        for one in due
        if one.config.type != "heartbeat"
        and region in one.config.regions
        and shard_of(one.monitor_id) in wanted
        and one.project_id not in left_out
    ]


def _mark(parts: Sequence[object]) -> str:
    told = msgspec.json.encode([str(part) for part in parts])
    return hashlib.sha256(told).hexdigest()[:MARK_CHARS]


def _answer(
    project_id: ProjectId, dealt: Dealt, lease_s: float, mark: str, targets: list[Target] | None
) -> TargetsAnswer:
    return TargetsAnswer(
        project_id=project_id,
        shards=dealt.shards,
        lease_seconds=lease_s,
        ask_again_seconds=dealt.ask_again_s,
        mark=mark,
        targets=targets,
    )
