"""What an edge process and the owner say to each other, over a socket of theirs alone.

Each question carries a number of the asker's, and its answer the same.
"""

from typing import TypeAlias

import msgspec
from msgspec import Struct

from eventlog.records import Refusal


class Part(Struct, array_like=True, frozen=True):
    """A chunk for one partition, encoded as the log holds it."""

    topic: str
    partition: int
    items: int
    size: int
    """Bytes of its items."""
    chunk: bytes


class Append(Struct, array_like=True, frozen=True, tag=1):
    """Has chunks of one project appended, all or nothing."""

    number: int
    project_id: str
    parts: list[Part]


class Refuse(Struct, array_like=True, frozen=True, tag=2):
    """Has refusals counted."""

    number: int
    refusals: list[Refusal]


class Count(Struct, array_like=True, frozen=True, tag=3):
    """Counts one request of a key, where requests are limited."""

    number: int
    key: str


class Ready(Struct, array_like=True, frozen=True, tag=4):
    """The edge takes connections."""


class Counted(Struct, array_like=True, frozen=True, tag=5):
    """What the edge has counted since it began, as `sluice.edges.sums` has it."""

    number: int
    samples: list[tuple[str, str, tuple[tuple[str, str], ...], float]]
    """Of each: the metric, the sample's name, its labels, its value."""


Asked: TypeAlias = Append | Refuse | Count | Ready | Counted
"""What an edge says."""


class Place(Struct, array_like=True, frozen=True):
    """Where in a partition an append ends."""

    topic: str
    partition: int
    offset: int


class Appended(Struct, array_like=True, frozen=True, tag=1):
    """What was to be appended is durable."""

    number: int
    places: list[Place]


class Failed(Struct, array_like=True, frozen=True, tag=2):
    """What was asked was not done; `error` names the class."""

    number: int
    error: str
    text: str


class Limited(Struct, array_like=True, frozen=True, tag=3):
    """The requests of a key are spent; `text` is empty where they are not."""

    number: int
    text: str
    retry_after_s: int


class Standing(Struct, array_like=True, frozen=True, tag=4):
    """How things stand, told whenever it has changed."""

    fullness: float
    """Of the log, 1 is full."""
    app_hosts: list[str]
    """Hosts that belong to deployed apps."""


class ForgetKey(Struct, array_like=True, frozen=True, tag=5):
    """What is known of a key is outdated; `ring` names who keeps it."""

    ring: str
    key: str


class ForgetProject(Struct, array_like=True, frozen=True, tag=6):
    """The same, of all keys of a project."""

    ring: str
    project_id: str


class Tell(Struct, array_like=True, frozen=True, tag=7):
    """Asks for `Counted`."""

    number: int


class Stop(Struct, array_like=True, frozen=True, tag=8):
    """The edge takes no more connections, finishes what it has, and ends."""


Told: TypeAlias = Appended | Failed | Limited | Standing | ForgetKey | ForgetProject | Tell | Stop
"""What the owner says."""

of_edges = msgspec.msgpack.Decoder(Asked)
of_owner = msgspec.msgpack.Decoder(Told)
