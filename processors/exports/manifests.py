"""What is written of a stretch of time, in a file beside it: so that a run goes on behind it."""

from collections.abc import AsyncIterator

import msgspec
from msgspec import Struct

from clickhouse.exports.columns import Format
from processors.exports.slices import Slice
from processors.exports.targets import Target

NAME = "_manifest.{format}.json"
"""Readers of Hive's partitions skip what begins with `_`. Each format has one: files of several may
stand side by side."""


class Part(Struct, frozen=True):
    """One file that is there."""

    name: str
    rows: int
    bytes: int
    sha256: str


class Manifest(Struct, frozen=True):
    """The files of a stretch."""

    table: str
    format: Format
    received_from: str
    received_before: str
    counted: int = 0
    """How many rows there were when it was begun; what is stored twice is counted twice."""
    parts: list[Part] = []
    next: str = ""
    """Where the next part begins; empty at the beginning, and when all are there."""
    was_over: bool = False
    """Whether the stretch got no more rows when it was begun."""
    done: bool = False
    """Whether the parts have all of its rows, for good."""

    @property
    def rows(self) -> int:
        """How many rows are there."""
        return sum(part.rows for part in self.parts)


def begun(one: Slice, format: Format, *, is_over: bool) -> Manifest:
    """Returns the manifest of a stretch of which nothing is there."""
    return Manifest(
        table=one.table,
        format=format,
        received_from=one.first.isoformat(),
        received_before=one.before.isoformat(),
        counted=one.rows,
        was_over=is_over,
    )


async def read_manifest(target: Target, one: Slice, format: Format) -> Manifest | None:
    """Returns what is there of a stretch. What cannot be read counts as nothing."""
    text = await target.read(_name(one, format))
    if text is None:
        return None
    try:
        return msgspec.json.decode(text, type=Manifest)
    except msgspec.MsgspecError:
        return None


async def write_manifest(target: Target, one: Slice, manifest: Manifest) -> None:
    """Writes what is there now."""
    text = msgspec.json.format(msgspec.json.encode(manifest), indent=1)

    async def pieces() -> AsyncIterator[bytes]:
        yield text + b"\n"

    await target.write(_name(one, manifest.format), pieces())


def _name(one: Slice, format: Format) -> str:
    return f"{one.folder}/{NAME.format(format=format)}"
