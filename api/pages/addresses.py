"""Addresses of pages: the query string is a view's whole state, and links change some of it."""

from collections.abc import Mapping
from urllib.parse import quote, urlencode

from msgspec import Struct

from api.slashes import STAND_IN, as_segment

CARRIED = ("range", "from", "to", "tz", "live")
"""What goes along from page to page of a project."""


class Address(Struct, frozen=True):
    """The address of the page that is shown."""

    prefix: str
    """The path under which a proxy serves us."""
    path: str
    values: Mapping[str, str]
    project_id: str = ""

    def url(self, path: str, **values: object) -> str:
        """Returns the address of any page of ours."""
        return self._written(path, values)

    def here(self, **changed: object) -> str:
        """Returns this address with other values; `None` leaves one out.

        A name may end with an underscore, for those that Python has taken.
        """
        named = {name.rstrip("_"): value for name, value in changed.items()}
        return self._written(self.path, {**self.values, **named})

    def page(self, path: str, **values: object) -> str:
        """Returns a page of the project, for the same time unless `values` say otherwise."""
        carried = {name: self.values[name] for name in CARRIED if name in self.values}
        named = {name.rstrip("_"): value for name, value in values.items()}
        return self._written(f"/p/{self.project_id}/{path}", {**carried, **named})

    def thing(self, path: str, identity: str, rest: str = "") -> str:
        """Returns the page of a thing whose id is any text, for the same time."""
        carried = {name: self.values[name] for name in CARRIED if name in self.values}
        segment = quote(as_segment(identity), safe="")
        whole = f"{self.prefix}/p/{self.project_id}/{path}/{segment}{rest}"
        return _with_query(whole, carried)

    def _written(self, path: str, values: Mapping[str, object]) -> str:
        quoted = quote(path, safe="/:@!$'()*,;=-._~").replace(quote(STAND_IN), "%2F")
        return _with_query(self.prefix + quoted, values)


def _with_query(target: str, values: Mapping[str, object]) -> str:
    query = urlencode({name: str(value) for name, value in values.items() if value is not None})
    return f"{target}?{query}" if query else target
