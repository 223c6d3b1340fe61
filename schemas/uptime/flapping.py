"""When a monitor flaps: it goes down and up too often. Pure. Times: microseconds since 1970 UTC."""

from collections.abc import Iterable, Sequence

from schemas.uptime.states import Flip
from schemas.uptime.stretches import Stretch, is_in

MINUTE_US = 60_000_000
CHANGES = 6
"""So many changes within `WINDOW_US` are flapping: three outages that are over."""
WINDOW_US = 60 * MINUTE_US
CALM_US = 30 * MINUTE_US
"""After so long without a change it is over."""


def changes_of(flips: Iterable[Flip], left_out: Sequence[Stretch]) -> list[int]:
    """Returns when a monitor went down or came up, but for times that do not count."""
    return [
        flip.at_us
        for flip in flips
        if "down" in (flip.before, flip.after) and not is_in(left_out, flip.at_us)
    ]


def calm_after(changes: Sequence[int], at_us: int) -> int | None:
    """Returns when a monitor whose last change was at a moment has ceased to flap.

    `None` where it did not flap then. What is older than `WINDOW_US` says nothing.
    """
    recent = sum(at_us - WINDOW_US <= one <= at_us for one in changes)
    return at_us + CALM_US if recent >= CHANGES else None


def is_flapping(changes: Sequence[int], now_us: int) -> bool:
    """Tells whether a monitor flaps now."""
    last_us = max((one for one in changes if one <= now_us), default=None)
    calm_us = None if last_us is None else calm_after(changes, last_us)
    return calm_us is not None and now_us < calm_us
