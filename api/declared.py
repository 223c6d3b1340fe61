"""Which query parameters an endpoint takes: declared once, by the shapes that its handler reads.

Any other is rejected, with the nearest name: a filter dropped in silence answers everything. Pages,
`/health`, `/ready` and `/metrics` are not checked. They answer the same whatever is asked, and
browsers, mail programs and monitors add parameters of their own.
"""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler
from msgspec import Struct

from api.parameters import InvalidParameters, invalid, values_of

OPTION = "parameters"
LOOKED_AT = 64
"""Characters of a name that are compared: more is no misspelling."""


class Declared(Struct, frozen=True):
    """What an endpoint takes."""

    shapes: tuple[type[Struct], ...] = ()
    prefixes: tuple[str, ...] = ()
    """What names of any other end may begin with, as `metadata.`."""

    @property
    def names(self) -> list[str]:
        """The names, in the order of their shapes."""
        return [name for shape in self.shapes for name in shape.__struct_encode_fields__]


NONE = Declared()


def takes(*shapes: type[Struct], prefix: str | tuple[str, ...] = ()) -> Mapping[str, Declared]:
    """Returns the `opt` of a handler that reads these."""
    return {OPTION: Declared(shapes, (prefix,) if isinstance(prefix, str) else prefix)}


def declared_by(handler: BaseRouteHandler) -> Declared:
    """Returns what a handler takes."""
    found: Declared = handler.opt.get(OPTION, NONE)
    return found


def reject_unknown(request: Request[Any, Any, Any]) -> None:
    """Raises `InvalidParameters` for the first parameter that its endpoint does not take."""
    if not request.scope["query_string"]:
        return
    declared = declared_by(request.scope["route_handler"])
    names = declared.names
    for name in values_of(request):
        if name in names:
            continue
        prefix = next((one for one in declared.prefixes if name.startswith(one)), None)
        if prefix is None:
            raise _unknown(name, declared)
        if not name.removeprefix(prefix).strip():
            raise invalid(name, f"Expected a key after {prefix!r}")


def known_parameters(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
    """Guards what neither a key nor a session is asked for; raises as `reject_unknown`."""
    reject_unknown(Request(connection.scope))


def _unknown(name: str, declared: Declared) -> InvalidParameters:
    options = [*declared.names, *(f"{prefix}<key>" for prefix in declared.prefixes)]
    rule = f"Unknown parameter {name[:LOOKED_AT]!r}"
    if near := get_close_matches(name[:LOOKED_AT], options, n=1):
        return invalid(name, f"{rule}; did you mean {near[0]!r}?")
    if not options:
        return invalid(name, f"{rule}: none is taken here")
    return invalid(name, f"{rule}: expected one of {', '.join(options)}")
