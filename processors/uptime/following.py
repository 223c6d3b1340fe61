"""What stored checks do to states, flips and incidents; may be repeated, by several processes."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import partial
from types import MappingProxyType
from typing import TypeAlias
from uuid import UUID

import pyarrow as pa
import structlog
from msgspec.structs import replace

from clickhouse.client import Warehouse
from clickhouse.uptime.checks import OfRegion, read_seen
from controlplane.database import Database
from controlplane.uptime.expiries import note_endings
from controlplane.uptime.histories import (
    Change,
    Past,
    Standing,
    list_late,
    read_flips,
    read_past,
    read_standings,
    write_changes,
)
from processors.blocks import StoredItems
from processors.uptime.advance import PolicyOf
from processors.uptime.expiring import endings_of
from processors.uptime.heartbeats import note_heard_of
from processors.uptime.history import Advanced, anchor_of, horizon_of, note, rebuild
from processors.uptime.incidents import calm_at, due
from processors.uptime.quorum import combine
from processors.uptime.telling import turns_of
from schemas.kinds import CHECK
from schemas.uptime.states import OF_MONITOR, Flip, Policy, Rewritten, Seen, State
from schemas.uptime.stretches import Stretch

COLUMNS = ("monitor_id", "region", "slot", "attempt", "outcome", "revision")
LATE_AT_ONCE = 20
Checks: TypeAlias = Mapping[str, Mapping[str, Iterable[Seen]]]
"""By monitor and region."""
Causes: TypeAlias = Mapping[str, Mapping[str, str]]
"""By monitor and outcome, what the newest of its checks says to people."""

log = structlog.get_logger(__name__)


def follower(database: Database) -> Callable[[StoredItems], Awaitable[None]]:
    """Returns what `KindStep.follow` takes."""
    return partial(follow, database)


async def follow(database: Database, stored: StoredItems) -> None:
    """Has states and incidents follow checks that are stored. A repeat changes nothing."""
    rows = stored.batch.rows(CHECK.tables[0], stored.items)
    causes = causes_of(rows)
    for project_id, checks in (await asyncio.to_thread(checks_of, rows)).items():
        await note_checks(database, project_id, checks, causes)
    for project_id, endings in endings_of(rows).items():
        await note_endings(database, UUID(project_id), endings, _now_us())
    await note_heard_of(database, rows)


def checks_of(rows: pa.RecordBatch) -> dict[str, dict[str, dict[str, list[Seen]]]]:
    """Returns rows of table `checks` by project, monitor and region."""
    found: dict[str, dict[str, dict[str, list[Seen]]]] = {}
    columns = {name: rows.column(name) for name in COLUMNS}
    columns["slot"] = columns["slot"].cast(pa.int64())
    values = [column.to_pylist() for column in columns.values()]
    projects = rows.column("project_id").to_pylist()
    for project_id, monitor_id, region, *seen in zip(projects, *values, strict=True):
        of_monitor = found.setdefault(project_id, {}).setdefault(monitor_id, {})
        of_monitor.setdefault(region, []).append(Seen(*seen))
    return found


def causes_of(rows: pa.RecordBatch) -> dict[str, dict[str, str]]:
    """Returns what the newest failed and the newest degraded check of each monitor says."""
    found: dict[str, dict[str, tuple[int, str]]] = {}
    columns = [rows.column(name).to_pylist() for name in ("monitor_id", "outcome", "message")]
    slots = rows.column("slot").cast(pa.int64()).to_pylist()
    for slot, monitor_id, outcome, message in zip(slots, *columns, strict=True):
        if outcome in ("fail", "degraded"):
            newest = found.setdefault(monitor_id, {})
            newest[outcome] = max(newest.get(outcome, (-1, "")), (slot, message))
    return {
        monitor_id: {outcome: message for outcome, (_, message) in newest.items()}
        for monitor_id, newest in found.items()
    }


async def note_checks(
    database: Database, project_id: str, checks: Checks, causes: Causes = MappingProxyType({})
) -> None:
    """Puts checks into the histories of a project's monitors; those of others stay as they are.

    `causes` are only told: nothing depends on them.
    """
    left = list(checks)
    while left:
        known = await read_standings(database, left)
        changes = []
        for standing in known.values():
            if standing.project_id == project_id:
                some = _of_its_regions(standing, checks[standing.monitor_id])
                advanced = note(standing.history, some, _policy_of(standing.policies))
                change = await _change(database, standing, advanced)
                if change:
                    changes.append(replace(change, causes=causes.get(standing.monitor_id, {})))
        left = [*await write_changes(database, changes, _now_us())] if changes else []


class LateChecks:
    """Reads regions anew of which checks came very late; to be asked again and again."""

    def __init__(self, database: Database, warehouse: Warehouse) -> None:
        self._database = database
        self._warehouse = warehouse

    async def work(self) -> None:
        """Reads some anew."""
        monitor_ids = await list_late(self._database, LATE_AT_ONCE)
        known = await read_standings(self._database, monitor_ids) if monitor_ids else {}
        for standing in known.values():
            for region, slot_us in standing.history.late.items():
                change = await self._read_anew(standing, region, slot_us)
                if change is not None:
                    await write_changes(self._database, [change], _now_us())
                # With more regions than one: the next time, for this one has changed the monitor.
                break
            log.info("late checks were read", monitor_id=standing.monitor_id)

    async def _read_anew(self, standing: Standing, region: str, slot_us: int) -> Change | None:
        flips = await read_flips(self._database, standing.monitor_id, region, slot_us)
        anchor = anchor_of(flips, slot_us)
        from_us = 0 if anchor is None else anchor.at_us
        of = OfRegion(standing.monitor_id, region)
        seen = await read_seen(self._warehouse, standing.project_id, of, from_us)
        policy_of = _policy_of(standing.policies)
        advanced = rebuild(standing.history, region, anchor, seen, policy_of)
        return await _change(self._database, standing, advanced)


async def _change(database: Database, known: Standing, advanced: Advanced) -> Change | None:
    """Works out what a monitor is by its new history; `None` where nothing is new."""
    history, rewritten = advanced
    now_us = _now_us()
    is_calm = 0 < history.calm_us <= now_us
    if history == known.history and not rewritten and not is_calm:
        return None
    moments = [one.from_us for one in rewritten]
    first = known.history.revision
    moments += [
        one.from_us for one in known.policies if 0 < first < one.revision <= history.revision
    ]
    last_us = horizon_of(history)
    if not moments and known.state != "down" and not is_calm:
        return Change(known, history, known.state, known.since_us, last_us)
    from_us = min(moments, default=last_us)
    past = await read_past(database, known, from_us, now_us)
    flips = _monitor_flips(known.policies, past, rewritten, from_us)
    whole = [*(flip for flip in past.monitor if flip.at_us < from_us), *flips]
    starts = [from_us, *(flip.at_us for flip in whole[:1])]
    starts += [one.started_us for one in past.incidents]
    bounds = Stretch(min(starts), now_us)
    incidents = due(whole, bounds, past.overlays, past.incidents, past.earlier)
    calm_us = calm_at(whole, bounds, past.overlays, past.earlier)
    return Change(
        known,
        replace(history, calm_us=calm_us),
        whole[-1].after if whole else "unknown",
        whole[-1].at_us if whole else None,
        last_us,
        [*rewritten, Rewritten(OF_MONITOR, from_us, tuple(flips))],
        incidents,
        turns_of(Flip(known.since_us or -1, "unknown", known.state), whole, past.overlays),
    )


def _of_its_regions(
    known: Standing, checks: Mapping[str, Iterable[Seen]]
) -> Mapping[str, Iterable[Seen]]:
    """Leaves out regions that the monitor never had: anybody with its key can name some."""
    names = {name for policy in known.policies for name in policy.names}
    return {region: seen for region, seen in checks.items() if region in names}


def _monitor_flips(
    policies: Iterable[Policy], past: Past, rewritten: Iterable[Rewritten], from_us: int
) -> list[Flip]:
    """Returns the flips of a monitor since a moment, with regions as they are now."""
    regions = dict(past.regions)
    for one in rewritten:
        kept = [flip for flip in regions.get(one.region, ()) if flip.at_us < one.from_us]
        regions[one.region] = [*kept, *one.flips]
    states = {region: _state_at(flips, from_us) for region, flips in regions.items()}
    later = {
        region: [flip for flip in flips if flip.at_us >= from_us]
        for region, flips in regions.items()
    }
    start = _state_at(past.monitor, from_us)
    return combine(start, states, later, list(policies), from_us)


def _state_at(flips: Iterable[Flip], at_us: int) -> State:
    """Returns the state before a moment."""
    state: State = "unknown"
    for flip in flips:
        if flip.at_us < at_us:
            state = flip.after
    return state


def _policy_of(policies: Iterable[Policy]) -> PolicyOf:
    by_revision = {one.revision: one for one in policies}
    oldest = min(by_revision)

    def policy_of(revision: int) -> Policy:
        known = by_revision.get(revision)
        if known is None:
            known = by_revision[max((one for one in by_revision if one < revision), default=oldest)]
        return known

    return policy_of


def _now_us() -> int:
    return time.time_ns() // 1000
