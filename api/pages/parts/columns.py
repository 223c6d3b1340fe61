"""The columns of a list: those that its address names, else those that the viewer chose last."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from api.auth import AnyRequest, cookie_of
from api.parameters import Values, invalid


class Column(NamedTuple):
    """A column to choose."""

    name: str
    title: str
    is_shown: bool


def columns_of(
    request: AnyRequest,
    values: Values,
    titles: Mapping[str, str],
    usual: Sequence[str],
    *,
    kept: str,
) -> list[Column]:
    """Returns the columns of a list; `kept` is the cookie in which a browser keeps the choice."""
    chosen: Sequence[str] = values["cols"].split(",") if values.get("cols") else ()
    for name in chosen:
        if name not in titles:
            raise invalid("cols", f"Expected some of {', '.join(titles)}")
    if not chosen:
        stored = cookie_of(request, kept).split(".")
        chosen = [name for name in stored if name in titles] or usual
    return [Column(name, title, name in chosen) for name, title in titles.items()]
