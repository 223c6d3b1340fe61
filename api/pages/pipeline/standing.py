"""How far the stream is, as far as this process knows: what is behind the chip of the page."""

import math
from collections.abc import Awaitable, Callable, Mapping
from typing import Literal

from msgspec import Struct

LATE_S = 10.0
"""What waits for longer is behind: blocks are stored several times a second."""
Mood = Literal["ok", "degraded", "down", "unknown"]
PARTS = {
    "log": "the log takes nothing",
    "store": "the store does not answer",
    "stream": "the stream is not running",
    "control_plane": "the control plane does not answer",
}
"""What stops the pipeline, by the part of `/ready`."""


class Standing(Struct, frozen=True, kw_only=True):
    """What a process knows; `None` is unknown, and `unknown` says why by the field's name."""

    lag_s: float | None = None
    """Age of the oldest record that is not stored, 0 where all are."""
    waiting: int | None = None
    """Records that are not stored."""
    late: int | None = None
    """Those of them that have waited for longer than `LATE_S`."""
    stopped: str = ""
    """Why nothing is stored, empty where that is not known."""
    log_bytes: int | None = None
    log_max_bytes: int | None = None
    spool_bytes: int | None = None
    kept: str = ""
    """How long the log keeps records."""
    dead_kept: str = ""
    """How long it keeps dead letters."""
    unknown: Mapping[str, str] = {}


Ask = Callable[[], Awaitable[Standing]]
"""What a process puts on `app.state.standing`."""


class State(Struct, frozen=True):
    """The chip: an icon, a word, and what it means."""

    mood: Mood
    title: str
    text: str


def state_of(standing: Standing, ready: Mapping[str, str]) -> State:
    """Returns what the chip says; `ready` has by part `ok`, or why it does not work."""
    broken = [words for part, words in PARTS.items() if ready.get(part, "ok") != "ok"]
    stopped = standing.stopped or ", ".join(broken)
    if stopped:
        kept = "What was accepted is kept, and is stored afterwards."
        return State("down", "Stopped", f"{_capital(stopped)}. {kept}")
    if standing.lag_s is not None and standing.lag_s <= LATE_S:
        seconds = max(1, math.ceil(standing.lag_s))
        text = "Nothing waits for longer." if standing.waiting else "Nothing waits."
        return State("ok", f"All stored within {seconds} s", text)
    if standing.lag_s is not None:
        text = f"The oldest event that is not stored has waited for {round(standing.lag_s):,} s."
        return State("degraded", "Behind", text)
    if standing.late is not None:
        if not standing.late:
            text = "Nothing waits for longer."
            return State("ok", f"All stored within {LATE_S:g} s", text)
        records = "1 record has" if standing.late == 1 else f"{standing.late:,} records have"
        text = f"{records} waited for more than {LATE_S:g} s."
        return State("degraded", "Behind", text)
    return State("unknown", "Unknown", standing.unknown.get("lag_s", "This process is not told."))


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
