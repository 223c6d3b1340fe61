"""The demo's monitors: their checks go through the log, and their past follows as agents make it.

The checks come first: while nobody knows the monitors, the server stores them and makes nothing of
them. Then the monitors are made as if three months ago, and all checks are put in at once and in
order, by what the agent uses too. Block by block, from several partitions, most would come late.
"""

import asyncio
import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

import httpx
import msgspec
from msgspec import Struct

from controlplane.uptime.backdating import backdate_monitor, backdate_pause
from controlplane.uptime.ids import new_id
from controlplane.uptime.monitors import add_monitor, list_monitors, pause_monitor
from ingest.uptime.app import MAX_CHECKS
from ingest.uptime.demo import CHECKOUT, DAY_US, DAYS, HOUR_US, MINUTE_US, SHOP, Watched, checks_of
from processors.uptime.following import note_checks
from schemas.kinds import CHECK
from schemas.times import from_us
from schemas.uptime.checks import SentCheck
from schemas.uptime.states import Seen
from schemas.uptime.targets import MonitorId
from sluice.demo_incidents import Place, escalate, publish, tell
from sluice.demo_requests import Sender, accepted, post, read

MOST = 200
STORED_WITHIN_S = 60
POLL_S = 0.2


class Planned(Struct, frozen=True):
    """A monitor of the demo that is there, or is to be."""

    watched: Watched
    monitor_id: MonitorId
    begin_us: int
    """When its three months began."""
    since_us: int
    """What was seen before is sent already."""
    is_new: bool

    def checks(self, now_us: int) -> Iterator[SentCheck]:
        """Yields what was seen since then."""
        return checks_of(self.watched, self.monitor_id, self.begin_us, self.since_us, now_us)


async def plan(place: Place, now_us: int) -> list[Planned]:
    """Returns the monitors; those of an earlier call keep their past."""
    listed = await list_monitors(place.database, place.vault, place.project_id, limit=MOST)
    known = {one.config.name: one for one in listed}
    found, begin_us = [], now_us - DAYS * DAY_US
    for watched in SHOP:
        one = known.get(watched.name)
        if one is None:
            new = MonitorId(new_id("mon"))
            found.append(Planned(watched, new, begin_us, begin_us, is_new=True))
        else:
            since_us = (one.last_us or one.created_us) + 1
            made = (one.monitor_id, one.created_us, since_us)
            found.append(Planned(watched, *made, is_new=False))
    return found


def send_checks(sender: Sender, monitors: Sequence[Planned], now_us: int) -> int:
    """Sends what was seen and waits until it is stored; returns how many. Raises `CommandError`."""
    before = _stored(sender.client)
    task = sender.progress.add_task("checks", total=None)
    sent = 0
    for batch in _batches(one for planned in monitors for one in planned.checks(now_us)):
        content = msgspec.json.encode(batch)
        headers = {"Content-Type": "application/json"}
        accepted(post(sender.client, "/v1/checks", content=content, headers=headers))
        sent += len(batch)
        sender.progress.update(task, completed=sent)
    sender.progress.update(task, total=sent)
    deadline = time.monotonic() + STORED_WITHIN_S
    while _stored(sender.client) < before + sent and time.monotonic() < deadline:
        time.sleep(POLL_S)
    return sent


async def make(place: Place, monitors: Sequence[Planned], now_us: int) -> str:
    """Makes those that are new, with all that follows from their checks, and publishes a page.

    Returns the slug of that page.
    """
    await escalate(place)
    for planned in monitors:
        if planned.is_new:
            await _make(place, planned, now_us)
    return await publish(place, {one.watched.name: one.monitor_id for one in monitors})


async def _make(place: Place, planned: Planned, now_us: int) -> None:
    watched, monitor_id = planned.watched, planned.monitor_id
    end_us = planned.begin_us + DAYS * DAY_US
    fields = {**watched.config, "maintenance_windows": _windows(watched, end_us)}
    await add_monitor(*place, fields, monitor_id=monitor_id)
    await backdate_monitor(place.database, monitor_id, planned.begin_us)
    seen = await asyncio.to_thread(_seen, planned, now_us)
    await note_checks(place.database, place.project_id, {monitor_id: seen})
    if watched.paused_h is not None:
        await pause_monitor(place.database, place.vault, (place.project_id, monitor_id))
        paused_us = end_us - int(watched.paused_h * HOUR_US)
        await backdate_pause(place.database, monitor_id, paused_us)
    await tell(place, watched, monitor_id, end_us)


def _seen(planned: Planned, now_us: int) -> dict[str, list[Seen]]:
    found: dict[str, list[Seen]] = {}
    for one in planned.checks(now_us):
        of_region = found.setdefault(one.region, [])
        of_region.append(Seen(one.slot_us, one.attempt, one.outcome, one.revision))
    return found


def _stored(client: httpx.Client) -> int:
    """Returns how many checks of the project are stored, with all that follows from them."""
    totals: dict[str, int] = read(client, "/v1/outcomes", {"kind": CHECK.name})["totals"]
    return sum(totals.values())


def _batches(checks: Iterable[SentCheck]) -> Iterator[list[SentCheck]]:
    iterator = iter(checks)
    while batch := list(islice(iterator, MAX_CHECKS)):
        yield batch


def _windows(watched: Watched, end_us: int) -> list[dict[str, str]]:
    """One that was and one that will be, of the checkout."""
    if watched.name != CHECKOUT:
        return []
    begins = (end_us - 30 * DAY_US - 2 * HOUR_US, end_us + 3 * DAY_US)
    return [
        {"starts_at": _iso(begin_us), "ends_at": _iso(begin_us + 90 * MINUTE_US)}
        for begin_us in begins
    ]


def _iso(us: int) -> str:
    return from_us(us).isoformat(timespec="seconds")
