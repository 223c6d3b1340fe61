"""How much of a time a monitor was up, from its flips. Pure. Times are microseconds since 1970 UTC.

Every moment of a range is in exactly one of these, the first that holds: before the monitor was
made, paused, maintenance, and then what its state is: up, degraded, down, unknown.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from msgspec import Struct

from schemas.uptime.states import Flip, State
from schemas.uptime.stretches import Stretch, length_us, merged, within, without

SECOND_US = 1_000_000


class Overlays(Struct, frozen=True):
    """When the state of a monitor does not count."""

    maintenance: tuple[Stretch, ...] = ()
    paused: tuple[Stretch, ...] = ()


class Measured(Struct, frozen=True):
    """How a range of time divides, in microseconds; all together are its length."""

    up_us: int
    degraded_us: int
    down_us: int
    unknown_us: int
    maintenance_us: int
    paused_us: int
    before_us: int
    """Before the monitor was made."""
    outages: int
    """Stretches of being down that count."""

    @property
    def counted_us(self) -> int:
        """What uptime is a part of."""
        return self.up_us + self.degraded_us + self.down_us

    @property
    def uptime_pct(self) -> float | None:
        """Up or degraded, of what counts, cut to three decimals; `None` where nothing counts.

        Cut, not rounded: one second down never shows as 100.
        """
        if not self.counted_us:
            return None
        return 100_000 * (self.up_us + self.degraded_us) // self.counted_us / 1000

    @property
    def coverage_pct(self) -> float:
        """What counts, of the whole range, cut to three decimals."""
        whole = self.counted_us + self.unknown_us + self.maintenance_us
        whole += self.paused_us + self.before_us
        return 100_000 * self.counted_us // whole / 1000 if whole else 0.0


def measure(
    bounds: Stretch, created_us: int, flips: Sequence[Flip], overlays: Overlays
) -> Measured:
    """Divides a range. `flips` are in order; a monitor is unknown before the first of them."""
    before, paused, maintenance, left = _divided(bounds, created_us, overlays)
    held: dict[State, list[Stretch]] = {"up": [], "degraded": [], "down": [], "unknown": []}
    for state, stretch in _counted(stretches_of(flips, bounds), left):
        held[state].append(stretch)
    return Measured(
        up_us=length_us(held["up"]),
        degraded_us=length_us(held["degraded"]),
        down_us=length_us(held["down"]),
        unknown_us=length_us(held["unknown"]),
        maintenance_us=length_us(maintenance),
        paused_us=length_us(paused),
        before_us=length_us(before),
        outages=len(held["down"]),
    )


def outages(
    bounds: Stretch, created_us: int, flips: Sequence[Flip], overlays: Overlays
) -> list[Stretch]:
    """Returns the stretches of a range that `measure` counts as down, in order."""
    *_, left = _divided(bounds, created_us, overlays)
    counted = _counted(stretches_of(flips, bounds), left)
    return [stretch for state, stretch in counted if state == "down"]


def stretches_of(flips: Sequence[Flip], bounds: Stretch) -> list[tuple[State, Stretch]]:
    """Returns the states of a range in order; nothing is left out."""
    first: State = flips[0].before if flips else "unknown"
    moments: list[tuple[int, State]] = [(bounds.start_us, first)]
    for flip in flips:
        if flip.at_us <= bounds.start_us:
            moments[0] = (bounds.start_us, flip.after)
        elif flip.at_us < bounds.end_us:
            moments.append((flip.at_us, flip.after))
    moments.append((bounds.end_us, "unknown"))
    return [(state, Stretch(at_us, end_us)) for (at_us, state), (end_us, _) in pairwise(moments)]


def _divided(
    bounds: Stretch, created_us: int, overlays: Overlays
) -> tuple[list[Stretch], list[Stretch], list[Stretch], list[Stretch]]:
    """Returns what is before the monitor was made, paused, maintenance, and the rest."""
    before = within([Stretch(bounds.start_us, created_us)], bounds)
    left = without([bounds], before)
    paused = _taken(left, overlays.paused)
    left = without(left, paused)
    maintenance = _taken(left, overlays.maintenance)
    return before, paused, maintenance, without(left, maintenance)


def _counted(
    states: Iterable[tuple[State, Stretch]], left: Sequence[Stretch]
) -> Iterator[tuple[State, Stretch]]:
    """Yields the parts of states that lie in stretches; both are in order, and meet none."""
    first = 0
    for state, (start_us, end_us) in states:
        while first < len(left) and left[first].end_us <= start_us:
            first += 1
        place = first
        while place < len(left) and left[place].start_us < end_us:
            part = Stretch(max(start_us, left[place].start_us), min(end_us, left[place].end_us))
            if part.start_us < part.end_us:
                yield state, part
            place += 1


def _taken(from_: Sequence[Stretch], by: Sequence[Stretch]) -> list[Stretch]:
    """Returns what both have in common."""
    return without(from_, without(from_, merged(by)))
