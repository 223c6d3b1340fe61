"""One line of the log of a deployment: what its build, its app and the deployer say."""

from typing import Literal
from uuid import UUID, uuid5

from msgspec import Struct

Level = Literal["debug", "info", "success", "warn", "error"]
Stream = Literal["stdout", "stderr", "system"]
"""`system` is the deployer itself."""


class Line(Struct, frozen=True, kw_only=True):
    """A line as it stands in the event log (`deploys.line`); its project is that of its chunk."""

    deployment_id: str
    seq: int
    """Its place in the log of its deployment, from 1 on. There may be gaps, and no repeats."""
    at_us: int
    level: Level
    stream: Stream
    message: str


def line_id(deployment_id: str, seq: int) -> str:
    """Returns the id of a line: the same each time it is sent."""
    return str(uuid5(UUID(deployment_id), str(seq)))
