"""What the description of the API says of a route and its function cannot tell.

A handler carries it in its `opt`; the API makes the description of all of them.
"""

from collections.abc import Mapping
from typing import Any, Literal

from msgspec import Struct

OPTION = "described"
Asks = Literal[
    "nobody",
    "key",
    "dsn",
    "sentry",
    "session",
    "project",
    "token",
    "login",
    "monitor",
    "prober",
    "operator",
]
"""Who may call: anybody; the holder of an API key; of a DSN key, as Open Sentry's SDK sends it, or
as Sentry's do; who is signed in; the same, with the header that names a project; the holder of an
API token; who has logged in to the API of deployments; the holder of a monitor key; of a prober
key; who operates the server."""


class Described(Struct, frozen=True):
    """Of one route."""

    body: Any = None
    """Shape of the JSON that is sent."""
    example: Any = None
    """A body that is answered with 2xx."""
    answer: Any = None
    """Shape of the answer; `None` is what the function returns."""
    errors: tuple[int, ...] = ()
    """Statuses beside those that parameters, body and `asks` bring with them."""
    asks: Asks | None = None
    """`None` is what provides the project of the function, or else nobody."""
    meanings: Mapping[str, Mapping[str, Any]] = {}
    """Of the fields of the body: what their schemas say beside their types."""
    sent_as: str = "application/json"
    takes: tuple[type[Struct], ...] = ()
    """Shapes of the parameters that the route looks at, where it takes any other too."""
    is_closed: bool = False
    """Whether it always rejects."""


NOTHING = Described()


def describes(
    *,
    body: Any = None,
    example: Any = None,
    answer: Any = None,
    errors: tuple[int, ...] = (),
    asks: Asks | None = None,
    **others: Any,
) -> Mapping[str, Described]:
    """Returns the `opt` of a handler that is described so."""
    return {OPTION: Described(body, example, answer, errors, asks, **others)}
