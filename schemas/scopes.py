"""Reading a request's ASGI scope. Litestar would build a mapping of all headers first: 10 us."""

from collections.abc import Mapping
from typing import Any


def field_of(scope: Mapping[str, Any], wanted: bytes) -> bytes | None:
    """Returns the first header of this name, which is in lower case; `None` where there is none."""
    for name, value in scope["headers"]:
        if name == wanted:
            return bytes(value)
    return None


def text_field_of(scope: Mapping[str, Any], wanted: bytes) -> str | None:
    """As `field_of`, for a text."""
    value = field_of(scope, wanted)
    return None if value is None else value.decode("latin-1")
