"""Bodies of the routes of annotation queues."""

from typing import TypeVar

import msgspec

from api.auth import AnyRequest
from controlplane.failures import BadRequest

ITEMS_BYTES = 1 << 20
T = TypeVar("T")


async def body_of(request: AnyRequest, shape: type[T]) -> T:
    """Decode a body; raises `BadRequest`, which says what is wrong with which field."""
    try:
        return msgspec.json.decode(await request.body(), type=shape)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadRequest(f"Invalid body: {error}") from error
