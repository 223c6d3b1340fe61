"""The phases of a check as a bar: where each begins and how wide it is. Pure."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

PHASES: Mapping[str, str] = {
    "dns_ms": "DNS",
    "connect_ms": "Connect",
    "tls_ms": "TLS",
    "first_byte_ms": "First byte",
    "transfer_ms": "Transfer",
}
"""In the order in which they take place; the place of each is its colour too."""
MEANINGS: Mapping[str, str] = {
    "dns_ms": "until the name had an address",
    "connect_ms": "until the connection was made",
    "tls_ms": "until the connection was encrypted",
    "first_byte_ms": "from the end of the request to the first byte of the answer",
    "transfer_ms": "until the answer was whole",
}
WIDTH = 100.0
NARROWEST = 0.5
"""So that what took next to no time is still seen."""


class Segment(NamedTuple):
    """One phase that took place; `x` and `width` are parts of a hundred."""

    title: str
    meaning: str
    ms: float
    x: float
    width: float
    colour: int


def segments_of(phases_ms: Mapping[str, float | None]) -> list[Segment]:
    """Returns the phases of a check that took place, side by side."""
    took = [(place, name, phases_ms.get(name)) for place, name in enumerate(PHASES)]
    known = [(place, name, max(0.0, ms)) for place, name, ms in took if ms is not None]
    widths = _widths([ms for _, _, ms in known])
    found, x = [], 0.0
    for (place, name, ms), width in zip(known, widths, strict=True):
        found.append(Segment(PHASES[name], MEANINGS[name], ms, x, width, place))
        x += width
    return found


def _widths(times_ms: Sequence[float]) -> list[float]:
    whole = sum(times_ms)
    shares = [ms / whole * WIDTH if whole else WIDTH / len(times_ms) for ms in times_ms]
    wide = [max(share, NARROWEST) for share in shares]
    return [share * WIDTH / sum(wide) for share in wide]
