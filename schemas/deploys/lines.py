"""One line of the log of a deployment: what its build, its app and the deployer say."""

from typing import Annotated, Literal, NamedTuple
from uuid import UUID, uuid5

from msgspec import Meta, Struct

MOST_MESSAGE_BYTES = 8 << 10
"""Of one line in UTF-8, with the mark that says that it was longer."""
Level = Literal["debug", "info", "success", "warn", "error"]
Stream = Literal["stdout", "stderr", "system"]
"""`system` is the deployer itself."""


class Line(Struct, frozen=True, kw_only=True):
    """A line as it stands in the event log (`deploys.line`); its project is that of its chunk."""

    deployment_id: str
    seq: Annotated[int, Meta(ge=1, le=2**32 - 1)]
    """Its place in the log of its deployment, from 1 on. There may be gaps, and no repeats."""
    at_us: Annotated[int, Meta(ge=0, le=9_999_999_999_999_999)]
    """When it was printed, microseconds since 1970 UTC."""
    level: Level
    stream: Stream
    message: str


def line_id(deployment_id: str, seq: int) -> str:
    """Returns the id of a line: the same each time it is sent."""
    return str(uuid5(UUID(deployment_id), str(seq)))


class LineRow(NamedTuple):
    """A line as a row of the store."""

    line_id: str
    deployment_id: str
    seq: int
    at_us: int
    level: str
    stream: str
    message: str
