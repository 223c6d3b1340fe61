"""Bodies of requests that are JSON of one form."""

from typing import TypeVar

import msgspec

from api.auth import AnyRequest
from controlplane.failures import BadRequest

T = TypeVar("T")


async def body_of(request: AnyRequest, form: type[T]) -> T:
    """Decode a body; raises `BadRequest`, which says what is wrong with which field."""
    try:
        return msgspec.json.decode(await request.body(), type=form)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadRequest(f"Invalid body: {error}") from error
