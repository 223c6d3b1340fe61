"""The history of a monitor from its checks, in whatever order and however often they come. Pure.

History is a function of the *set* of checks: each region's are folded in the order of their slots.
The last ones are kept (the *tail*), so that a check that comes a little late takes its place among
them. One that is older than the tail is only noted as late: its region is read anew from the store.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from processors.uptime.advance import PolicyOf, fold, unknown_since
from schemas.uptime.states import (
    Flip,
    MonitorHistory,
    RegionHistory,
    RegionState,
    Rewritten,
    Seen,
)

TAIL = 32
"""How many checks of a region are kept: a quarter of an hour at 30 s."""


class Advanced(NamedTuple):
    """A history with more checks in it, and what is different for it."""

    history: MonitorHistory
    rewritten: tuple[Rewritten, ...]


def note(
    history: MonitorHistory, checks: Mapping[str, Iterable[Seen]], policy_of: PolicyOf
) -> Advanced:
    """Puts checks, by region, into a history. A repeat changes nothing."""
    regions, late = dict(history.regions), dict(history.late)
    for region, some in checks.items():
        known = regions.get(region, RegionHistory())
        fresh, old = _sorted_in(known, some)
        if old:
            late[region] = min(old[0].slot_us, late.get(region, old[0].slot_us))
        regions[region] = RegionHistory(known.base, fresh)
    newest = max((seen.revision for some in regions.values() for seen in some.tail), default=0)
    grown = MonitorHistory(regions, late, max(history.revision, newest), history.calm_us)
    rewritten = _differences(history, grown, policy_of)
    return Advanced(_shortened(grown, policy_of), rewritten)


def rebuild(
    history: MonitorHistory,
    region: str,
    anchor: Flip | None,
    checks: Sequence[Seen],
    policy_of: PolicyOf,
) -> Advanced:
    """Reads a region anew from an anchor on: its checks since then, in order and each once.

    `anchor` is of `anchor_of`.
    """
    checks = [seen for seen in checks if seen.outcome != "inconclusive"]
    since_us = -1 if anchor is None else anchor.at_us
    # Checks that are older than the anchor are late, if more of them come.
    before_us = since_us - 1 if anchor else -1
    start = RegionState(anchor.before if anchor else "unknown", before_us, before_us)
    late = {name: slot_us for name, slot_us in history.late.items() if name != region}
    regions = {**history.regions, region: RegionHistory(start, tuple(checks))}
    grown = MonitorHistory(regions, late, history.revision, history.calm_us)
    horizon_us = horizon_of(grown)
    rewritten = [Rewritten(region, since_us, _flips(regions[region], horizon_us, policy_of))]
    # What this region's last check says of the others' silence may be new too.
    others = MonitorHistory({k: v for k, v in history.regions.items() if k != region})
    rewritten += _differences(others, others, policy_of, horizon_of(history), horizon_us)
    return Advanced(_shortened(grown, policy_of), tuple(rewritten))


def anchor_of(flips: Sequence[Flip], late_us: int) -> Flip | None:
    """Returns the last flip behind which a history may be read anew; `None` is the beginning.

    Into silence is none: it is known by what comes behind. Nor is a second flip of one slot, whose
    checks it does not begin with.
    """
    found, before_us = None, -2
    for flip in flips:
        if flip.at_us < late_us and flip.after != "unknown" and flip.at_us - before_us > 1:
            found = flip
        before_us = flip.at_us
    return found


def horizon_of(history: MonitorHistory) -> int:
    """Returns the newest slot of which anything is known; -1 where there is none."""
    slots = [
        max(known.base.last_us, *(seen.slot_us for seen in known.tail))
        if known.tail
        else known.base.last_us
        for known in history.regions.values()
    ]
    return max(slots, default=-1)


def _sorted_in(known: RegionHistory, checks: Iterable[Seen]) -> tuple[tuple[Seen, ...], list[Seen]]:
    """Returns the tail with the checks that belong into it, and those that are older than it."""
    there = {(seen.slot_us, seen.attempt): seen for seen in known.tail}
    old = []
    for seen in sorted(checks):
        if seen.outcome == "inconclusive":
            continue
        if seen.slot_us <= known.base.last_us:
            old.append(seen)
        else:
            there.setdefault((seen.slot_us, seen.attempt), seen)
    return tuple(sorted(there.values())), old


def _differences(
    before: MonitorHistory,
    after: MonitorHistory,
    policy_of: PolicyOf,
    *horizons: int,
) -> tuple[Rewritten, ...]:
    then_us, now_us = horizons or (horizon_of(before), horizon_of(after))
    found = []
    for region, grown in after.regions.items():
        known = before.regions.get(region, RegionHistory())
        flips = _flips(grown, now_us, policy_of)
        if flips != _flips(known, then_us, policy_of):
            found.append(Rewritten(region, grown.base.since_us + 1, flips))
    return tuple(found)


def _flips(known: RegionHistory, horizon_us: int, policy_of: PolicyOf) -> tuple[Flip, ...]:
    """Returns the flips of a tail, with the silence behind it where others were heard since."""
    state, flips = fold(known.base, known.tail, policy_of)
    silent = unknown_since(state, horizon_us)
    if silent is not None and state.state != "unknown":
        flips.append(Flip(max(silent, state.since_us + 1), state.state, "unknown"))
    return tuple(flips)


def _shortened(history: MonitorHistory, policy_of: PolicyOf) -> MonitorHistory:
    regions = {}
    for region, known in history.regions.items():
        cut = _cut(known.tail)
        base, _ = fold(known.base, known.tail[:cut], policy_of)
        regions[region] = RegionHistory(base, known.tail[cut:])
    return replace(history, regions=regions)


def _cut(tail: Sequence[Seen]) -> int:
    """Returns how many checks leave the tail: whole slots, for a base ends with a slot."""
    cut = max(0, len(tail) - TAIL)
    while 0 < cut < len(tail) and tail[cut].slot_us == tail[cut - 1].slot_us:
        cut -= 1
    return cut
