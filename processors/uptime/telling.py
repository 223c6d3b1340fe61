"""Which changes of a monitor's state have to be told. Pure.

1. A flip that is later than the last one that was known is told, once.
2. What is only rewritten in the past is told where it changes what the monitor is now.
3. What is told already is not told again, although checks that came late moved it.
4. Silence is not told; what follows it is.
"""

from collections.abc import Sequence

from schemas.uptime.events import Turn
from schemas.uptime.measures import Overlays
from schemas.uptime.states import Flip
from schemas.uptime.stretches import is_in


def turns_of(known: Flip, flips: Sequence[Flip], overlays: Overlays) -> list[Turn]:
    """Returns what has to be told, in order.

    `known` is the last flip as it was known; `flips` are those that are known now, in order, from
    some moment on.
    """
    found = []
    told = known.after
    last = flips[-1:]
    for flip in [flip for flip in flips if flip.at_us > known.at_us] or last:
        if flip.after not in (told, "unknown"):
            found.append(Turn(flip, is_in(overlays.maintenance, flip.at_us)))
        told = flip.after
    return found
