"""From a template and values to an answer, with what every page tells the browser."""

import asyncio
import functools
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from litestar import MediaType, Response
from markupsafe import Markup

from api.auth import AnyRequest, prefix_of, session_cookie
from api.pages import assets
from api.pages.addresses import Address
from api.pages.navigation import NAVIGATION, Navigation, current_link
from api.pages.parts import texts
from api.pages.parts.filters import quoted
from api.pages.viewer import RENEWED, VIEWER, Viewer
from api.parameters import InvalidParameters, values_of

POLICY = (
    "default-src 'self'; img-src 'self' data:; media-src 'self' data:; object-src 'none';"
    " base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    # With `no-referrer` browsers would send `Origin: null` with our own forms.
    "Referrer-Policy": "same-origin",
    "Vary": "HX-Request",
}

CUT = "<!-- here a page that has begun goes on -->"
BEGUN = "begun"
"""Under this name the `state` of a request's scope has that the beginning of its page is sent."""


def is_fragment(request: AnyRequest) -> bool:
    """Tell whether htmx asks, for a part of a page, and not a person for a whole one."""
    return request.headers.get("hx-request") == "true"


def viewer_in(request: AnyRequest) -> Viewer | None:
    """Return the viewer that was found for a request, if any."""
    found: Viewer | None = request.scope["state"].get(VIEWER)
    return found


def address_of(request: AnyRequest) -> Address:
    """Return the address of the page that a request asks for."""
    viewer = viewer_in(request)
    project_id = "" if viewer is None else viewer.project.project_id
    try:
        values = values_of(request)
    except InvalidParameters:
        values = {}
    return Address(prefix_of(request), request.scope["path"], values, project_id)


async def page(
    request: AnyRequest, template: str, *, status_code: int = 200, **shown: Any
) -> Response[str]:
    """Return a page, or where htmx asks the fragment that its template has."""
    given = {**_shared(request), **shown}
    # In a thread: a long page would keep the loop from taking events.
    text = await asyncio.to_thread(_rendered, template, given)
    headers = dict(HEADERS)
    if token := request.scope["state"].get(RENEWED):
        headers["Set-Cookie"] = session_cookie(request, token)
    return Response(text, status_code=status_code, media_type=MediaType.HTML, headers=headers)


def begun(answer: Response[str]) -> str:
    """Return the beginning of a page, up to what is still to be found."""
    return answer.content.partition(CUT)[0]


def rest_of(answer: Response[str]) -> str:
    """Return what a page has after its beginning."""
    return answer.content.partition(CUT)[2]


async def part(request: AnyRequest, template: str, **shown: Any) -> str:
    """Return a part of a page that is the same for all its viewers: it has none."""
    shared = {"assets": _assets(address_of(request))}
    return await asyncio.to_thread(_rendered, template, {**shared, **shown})


def short_page(
    request: AnyRequest, template: str, *, status_code: int, **shown: Any
) -> Response[str]:
    """Return a page that says little, at once."""
    text = _rendered(template, {**_shared(request), **shown})
    return Response(text, status_code=status_code, media_type=MediaType.HTML, headers=HEADERS)


def _shared(request: AnyRequest) -> dict[str, Any]:
    handler = request.scope.get("route_handler")
    navigation: Navigation = (handler.opt if handler else {}).get(NAVIGATION, ())
    address = address_of(request)
    return {
        "address": address,
        "assets": _assets(address),
        "cut": Markup(CUT),
        "is_begun": request.scope["state"].get(BEGUN, False),
        "is_coming": False,
        "is_fragment": is_fragment(request),
        "navigation": navigation,
        "current": current_link(navigation, address),
        "viewer": viewer_in(request),
    }


def _assets(address: Address) -> str:
    return address.url(f"/assets/{assets.version()}")


def _rendered(template: str, given: dict[str, Any]) -> str:
    return environment().get_template(template).render(given)


@functools.cache
def environment() -> Environment:
    """Returns the templates, each of which escapes whatever it shows."""
    made = Environment(
        loader=PackageLoader("api", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters.update(texts.FILTERS)
    made.filters["as_term"] = quoted
    return made
