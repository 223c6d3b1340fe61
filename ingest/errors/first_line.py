"""The first line of a body that nobody has read: an envelope may name its key there alone.

Nothing more is read of the body, for until its key is known it belongs to no project.
"""

from collections.abc import AsyncIterator

from ingest.body import Incoming, codec_of
from ingest.errors.envelope import LINE_FEED, MAX_LINE_BYTES
from ingest.rejections import BadJson
from schemas.inflation import CannotInflate, InflatesTooFar
from schemas.issues import Issue

MAX_SEEN_BYTES = 128 << 10
"""Of a body as it is sent. Servers hand on pieces of 64 KiB at most."""
MAX_INFLATED_BYTES = 256 << 10


async def read_first_line(incoming: Incoming) -> tuple[bytes, Incoming]:
    """Returns the first line, or as much as a line may have; and the request with its whole body.

    Raises `UnknownEncoding`, and `BadJson` where the body cannot be inflated.
    """
    codec = codec_of(incoming.encoding, MAX_INFLATED_BYTES)
    seen: list[bytes] = []
    size, plain = 0, b""
    async for chunk in incoming.chunks:
        seen.append(chunk)
        size += len(chunk)
        if codec is None:
            plain += chunk
        else:
            try:
                codec.feed(chunk)
                plain += b"".join(codec.step(MAX_LINE_BYTES + 1)[0])
            except (CannotInflate, InflatesTooFar) as error:
                raise BadJson("Invalid envelope", details=[Issue([], str(error))]) from error
        if LINE_FEED in plain or len(plain) > MAX_LINE_BYTES or size > MAX_SEEN_BYTES:
            break
    line = plain.partition(LINE_FEED)[0][: MAX_LINE_BYTES + 1]
    return line, incoming._replace(chunks=_chained(seen, incoming.chunks))


async def _chained(seen: list[bytes], rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    for chunk in seen:
        yield chunk
    async for chunk in rest:
        yield chunk
