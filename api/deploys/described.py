"""What many routes of deployments share in how they are described, and their parameters."""

from typing import Annotated, Any

from msgspec import Meta, Struct

from api.declared import takes
from schemas.described import describes

PLAIN = (429,)
"""Beside those that everybody who has signed in may get."""


class TokenQuery(Struct, frozen=True, kw_only=True):
    """The token, for who cannot send a header."""

    token: Annotated[
        str | None,
        Meta(
            description="The token of a login, where there is no `Authorization` header.",
            examples=["eyJhbGciOiJIUzI1NiJ9.e30.x"],
        ),
    ] = None


def by_login(*shapes: type[Struct], errors: tuple[int, ...] = (), **described: Any) -> Any:
    """Returns the `opt` of a route for who has signed in."""
    return {
        **takes(TokenQuery, *shapes),
        **describes(asks="login", errors=(*PLAIN, *errors), **described),
    }
