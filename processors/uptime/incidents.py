"""Which incidents a monitor has, from the times at which it was down. Pure.

1. An incident begins when the monitor is down, and not before maintenance ends. While a monitor is
   paused there is none: a pause ends it.
2. It ends when the monitor is up or degraded again. That it is unknown ends nothing.
3. Down again within `REOPEN_US` is the same incident.
4. What a person has resolved stays so. The monitor has to be up once before it has another one.
5. An incident whose time turns out never to have been is withdrawn.
6. While a monitor flaps (`schemas.uptime.flapping`) its incident stays open, and takes what comes.
"""

from collections.abc import Sequence
from typing import NamedTuple

from schemas.uptime.flapping import calm_after, changes_of
from schemas.uptime.incidents import REOPEN_US, Due, OfItself, Resolution
from schemas.uptime.measures import Overlays, stretches_of
from schemas.uptime.states import Flip
from schemas.uptime.stretches import FOREVER_US, Stretch, merged, without


class _Group(NamedTuple):
    """Stretches of being down that are one incident."""

    pieces: list[Stretch]
    calm_us: int = 0
    """Until when it is open although the monitor is up, for that flaps; 0 where it does not."""

    @property
    def start_us(self) -> int:
        return self.pieces[0].start_us

    @property
    def end_us(self) -> int:
        return max(self.pieces[-1].end_us, self.calm_us)


class _Calm(NamedTuple):
    """What is known of how often a monitor changes."""

    changes: Sequence[int]
    paused: Sequence[Stretch]

    def after(self, piece: Stretch) -> int:
        """Returns until when a monitor flaps after an outage, or is paused; 0 if it does not."""
        calm_us = calm_after(self.changes, piece.end_us)
        if calm_us is None:
            return 0
        ends = [one.start_us for one in self.paused if one.end_us > piece.end_us]
        return max(piece.end_us, min([calm_us, *ends]))


def due(
    flips: Sequence[Flip],
    bounds: Stretch,
    overlays: Overlays,
    known: Sequence[OfItself],
    earlier: Sequence[Flip] = (),
) -> list[Due]:
    """Returns the incidents since a moment until now that have to be made or changed.

    `flips` are those since then, with the one before, if any. `known` are the incidents that were
    not over by `REOPEN_US` before. `earlier` are the flips of the hour before, by which it is told
    whether the monitor flapped.
    """
    from_us, now_us = bounds
    paused = merged(overlays.paused)
    begun = _begun(_outages(flips, from_us, paused), overlays, now_us)
    by_hand = sorted((one for one in known if one.resolution == "manual"), key=_start_of)
    calm = _Calm(changes_of([*earlier, *flips], (*overlays.maintenance, *paused)), paused)
    wanted = [one for one in begun if not _is_settled(one, by_hand)]
    groups = _grouped(wanted, calm, now_us)
    left = sorted((one for one in known if one.resolution != "manual"), key=_start_of)
    found = []
    for group in groups:
        mine = next((one for one in left if _meets(one, group)), None)
        if mine is not None:
            left.remove(mine)
        told = _due(group, mine, paused)
        if mine is None or told != Due(*mine):
            found.append(told)
    found += [
        Due(one.incident_id, one.started_us, one.started_us, "withdrawn", one.reopened)
        for one in left
        if one.started_us >= from_us and one.resolution != "withdrawn"
    ]
    # What is closed comes first: a monitor has one open incident at a time.
    return sorted(found, key=lambda one: one.resolved_us is None)


def _outages(flips: Sequence[Flip], from_us: int, paused: Sequence[Stretch]) -> list[Stretch]:
    """Returns when it was down, each with the silence behind it; a pause ends it."""
    found: list[Stretch] = []
    end_us = -1
    for state, stretch in stretches_of(flips, Stretch(from_us, FOREVER_US)):
        for part in without([stretch], paused):
            goes_on = part.start_us == end_us
            if state == "down" and not goes_on:
                found.append(part)
            elif state in ("down", "unknown") and goes_on:
                found[-1] = Stretch(found[-1].start_us, part.end_us)
            else:
                continue
            end_us = part.end_us
    return found


def _begun(pieces: Sequence[Stretch], overlays: Overlays, now_us: int) -> list[Stretch]:
    """Returns the outages that have begun, each since maintenance was over."""
    moved = [(piece, _after_maintenance(piece, overlays)) for piece in pieces]
    # Clocks of probers differ: what they say has begun has. The end of maintenance is by ours.
    return [
        one
        for piece, one in moved
        if one.start_us < one.end_us and (one == piece or one.start_us <= now_us)
    ]


def _after_maintenance(piece: Stretch, overlays: Overlays) -> Stretch:
    start_us = piece.start_us
    for window in merged(overlays.maintenance):
        if window.start_us <= start_us < window.end_us:
            start_us = window.end_us
    return Stretch(start_us, piece.end_us)


def _is_settled(piece: Stretch, by_hand: Sequence[OfItself]) -> bool:
    """Tells whether a person has resolved an incident that it is a part of."""
    return any(
        one.resolved_us is not None
        and piece.start_us <= one.resolved_us
        and one.started_us <= piece.end_us
        for one in by_hand
    )


def _grouped(pieces: Sequence[Stretch], calm: _Calm, now_us: int) -> list[_Group]:
    groups: list[_Group] = []
    for piece in pieces:
        calm_us = calm.after(piece)
        before = groups[-1] if groups else None
        soon = before is not None and piece.start_us - before.pieces[-1].end_us < REOPEN_US
        if before is not None and (soon or piece.start_us < before.calm_us):
            groups[-1] = _Group([*before.pieces, piece], calm_us)
        else:
            groups.append(_Group([piece], calm_us))
    # What has to last is not over before it has.
    return [one._replace(calm_us=FOREVER_US) if one.calm_us > now_us else one for one in groups]


def calm_at(
    flips: Sequence[Flip], bounds: Stretch, overlays: Overlays, earlier: Sequence[Flip]
) -> int:
    """Returns when a monitor that flaps will have ceased to, if nothing more comes; else 0.

    The arguments are those of `due`, which has to be asked again then.
    """
    changes = changes_of([*earlier, *flips], (*overlays.maintenance, *overlays.paused))
    calm_us = calm_after(changes, changes[-1]) if changes else None
    return calm_us if calm_us is not None and calm_us > bounds.end_us else 0


def _meets(one: OfItself, group: _Group) -> bool:
    end_us = FOREVER_US if one.resolved_us is None else one.resolved_us
    return one.started_us - REOPEN_US < group.end_us and group.start_us - REOPEN_US < end_us


def _due(group: _Group, mine: OfItself | None, paused: Sequence[Stretch]) -> Due:
    is_over = group.end_us < FOREVER_US
    is_paused = any(window.start_us == group.end_us for window in paused)
    resolution: Resolution | None = None
    if is_over:
        resolution = "paused" if is_paused else "recovered"
    return Due(
        None if mine is None else mine.incident_id,
        group.start_us,
        group.end_us if is_over else None,
        resolution,
        len(group.pieces) - 1,
    )


def _start_of(one: OfItself) -> int:
    return one.started_us
