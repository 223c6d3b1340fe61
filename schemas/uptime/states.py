"""The states of a monitor, how they change, by which rules. Times: microseconds since 1970 UTC."""

from typing import Literal, NamedTuple, get_args

from msgspec import Struct

from schemas.uptime.checks import Outcome

State = Literal["unknown", "up", "degraded", "down"]
STATES: tuple[State, ...] = get_args(State)
Quorum = Literal["any", "majority", "all"] | int
"""How many of the regions that know a state must see a monitor down."""
NEVER_US = 1 << 60
"""Longer than any time between two checks."""
OF_MONITOR = ""
"""Stands where a region does, for what all regions together say."""


class Policy(Struct, frozen=True):
    """By which rules the checks of one revision of a monitor are read."""

    interval_us: int
    timeout_us: int = 10_000_000
    failure_threshold: int = 2
    recovery_threshold: int = 2
    quorum: Quorum = "majority"
    regions: int = 1
    """How many are configured."""
    names: tuple[str, ...] = ()
    """Of these regions."""
    revision: int = 1
    from_us: int = 0
    """Since when the revision is in force."""
    resumed: bool = False
    """Whether a pause ended with it: what was known before does not count any more."""
    is_heartbeat: bool = False
    """Whether silence is told of by checks of its own: it never makes the state unknown."""

    @property
    def silence_us(self) -> int:
        """How long nothing may be heard before the state is unknown."""
        if self.is_heartbeat:
            return NEVER_US
        return 2 * self.interval_us + self.timeout_us


class Seen(NamedTuple):
    """What matters of a check for states; in this order checks are read."""

    slot_us: int
    attempt: int
    outcome: Outcome
    revision: int = 1


class Flip(NamedTuple):
    """A change of state."""

    at_us: int
    before: State
    after: State


class RegionState(Struct, frozen=True, array_like=True):
    """What one region knows of a monitor after some of its checks."""

    state: State = "unknown"
    since_us: int = -1
    """When the last flip was; -1 where there was none."""
    last_us: int = -1
    """The slot of the last check that said something; -1 where there was none."""
    failures: int = 0
    """In a row; with any the region is *suspect*, if it is not down."""
    failing_us: int = -1
    """The slot of the first of them."""
    passes: int = 0
    """In a row while down; with any the region is *recovering*."""
    passing_us: int = -1
    interval_us: int = 0
    """Of the last check's policy."""
    silence_us: int = 0
    revision: int = 0
    """The newest that a check was made by."""


class RegionHistory(Struct, frozen=True, array_like=True):
    """The last checks of a region, and what was known before them."""

    base: RegionState = RegionState()
    tail: tuple[Seen, ...] = ()
    """In order; none is said twice."""


class MonitorHistory(Struct, frozen=True, array_like=True):
    """What the control plane keeps of a monitor to read further checks by."""

    regions: dict[str, RegionHistory] = {}
    late: dict[str, int] = {}
    """Regions whose checks came too late for the tail, and the slot of the first: they are read
    anew from the store."""
    revision: int = 0
    """The newest that a check was made by."""
    calm_us: int = 0
    """When a monitor that flaps will have ceased to; 0 where it does not."""


class Rewritten(NamedTuple):
    """The flips of a region since a moment; those that were known there are not any more."""

    region: str
    from_us: int
    flips: tuple[Flip, ...]
