"""What a prober asks for, and what it is told: its share of a region's monitors, for a while.

The monitors of a region are split into shards. A prober holds some of them by a lease, and renews
it whenever it asks. Both sides know which monitor is in which shard.
"""

import zlib
from typing import Annotated

from msgspec import Meta, Struct

from schemas.uptime.checks import Moment
from schemas.uptime.monitors import Region
from schemas.uptime.targets import MonitorId, Target

SHARDS = 32
"""So many probers can share a region. Fixed: probers and servers of all versions must agree."""
LEASE_S = 15
"""How long a share is a prober's own after it has asked. It asks every `ASK_EVERY_S`."""
ASK_EVERY_S = 3.0
SOON_S = 1.0
"""When a prober asks again that waits for others to give up a part of their share."""

Shard = Annotated[int, Meta(ge=0, lt=SHARDS)]
HolderId = Annotated[str, Meta(pattern=r"^[0-9a-z-]{8,64}$")]


class TargetsAsk(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A prober that says who it is and what it looks at."""

    region: Region
    holder: HolderId
    """A random name that a prober keeps over restarts."""
    holds: Annotated[list[Shard], Meta(max_length=SHARDS)] = []
    """Shards that it looks at now."""
    done_us: Moment = 0
    """All slots of these before this moment are done; 0 where it does not know."""
    known: Annotated[str, Meta(max_length=100)] = ""
    """The `mark` of the targets that it has."""
    leaves: bool = False
    """Whether it has stopped, so that others may begin at once."""


class TargetsAnswer(Struct, frozen=True, kw_only=True):
    """What a prober is to look at until its lease ends, or it is told otherwise."""

    project_id: str
    """Whose the monitors are; empty where they are of all projects."""
    shards: dict[int, int]
    """What it holds now. With each shard, the moment before which its slots are done; 0 where
    nobody has looked at it."""
    lease_seconds: float
    """Counted from before it asked. It must begin no check after that."""
    ask_again_seconds: float
    mark: str
    """Another one whenever the targets are others."""
    targets: list[Target] | None
    """The monitors of its shards; null where they are those of `known`."""


def shard_of(monitor_id: MonitorId) -> int:
    """Returns the shard that a monitor is in, for ever."""
    return zlib.crc32(monitor_id.encode()) % SHARDS
