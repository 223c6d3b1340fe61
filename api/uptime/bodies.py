"""Bodies of requests about monitors, read so that each mistake is named."""

from typing import Any, TypeVar

import msgspec

from api.auth import AnyRequest
from controlplane.failures import BadRequest
from schemas.described import describes
from schemas.mistakes import explained

T = TypeVar("T")


async def fields_of(request: AnyRequest) -> dict[str, Any]:
    """Return the object in a body. Raises `BadRequest`."""
    return await body_of(request, dict[str, Any])


async def body_of(request: AnyRequest, shape: type[T]) -> T:
    """Return what a body holds, in a shape. Raises `BadRequest`."""
    try:
        return msgspec.json.decode(await request.body(), type=shape)
    except msgspec.ValidationError as error:
        raise BadRequest(f"The body is not what is expected: {explained(error, shape)}") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadRequest(f"The body is not what is expected: {error}") from error


def asked(answer: Any) -> Any:
    """Return how a route that reads with a monitor key is described."""
    return describes(answer=answer, asks="monitor", errors=(422, 429))
