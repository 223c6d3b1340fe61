"""Lines of logs as they are answered, over HTTP and WebSockets alike."""

from typing import Annotated

from msgspec import Meta, Struct

from schemas.deploys.states import Status


class LineAnswer(Struct, frozen=True):
    """One line. Its fields are those of the original, with `seq`."""

    id: str
    created_at: str
    """When it was printed, as RFC 3339 has it."""
    updated_at: str
    """The same: a line never changes."""
    deployment_id: str
    level: str
    message: str
    stream: str
    seq: int
    """Its place: greater than that of every line before. There may be gaps."""


class LinesAnswer(Struct, frozen=True):
    """Lines in the order of `seq`."""

    data: list[LineAnswer]
    next_after_seq: int | None
    """What to ask `after_seq` for the lines that follow; `None` where there are none yet."""


class EndFrame(Struct, frozen=True, tag="end", tag_field="type"):
    """The last message of a WebSocket: the deployment is over, and all of its lines were sent."""

    deployment_id: str
    status: Status
    last_seq: int


Levels = Annotated[str, Meta(max_length=60)]
Search = Annotated[str, Meta(max_length=200)]
Seq = Annotated[int, Meta(ge=0, le=2**32 - 1)]


class LinesQuery(Struct, frozen=True, kw_only=True):
    """Which lines of a deployment."""

    after_seq: Seq = 0
    limit: Annotated[int, Meta(ge=1, le=1000)] = 1000
    level: Levels = ""
    stream: Levels = ""
    search: Search = ""
    since: Annotated[str, Meta(max_length=40)] = ""


class StreamQuery(Struct, frozen=True, kw_only=True):
    """From where on a log is followed, and the credential of who cannot send a header."""

    after_seq: Seq = 0
    token: str = ""
