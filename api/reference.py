"""The page at `/docs` that describes the API, and the description: all of it served from here."""

import functools
from importlib.metadata import version
from importlib.resources import files
from typing import Any

import msgspec
from litestar import MediaType, Response, Router, get
from litestar.app import Litestar
from litestar.connection import Request
from litestar.datastructures import ResponseHeader
from litestar.exceptions import NotFoundException
from litestar.params import FromPath

from api.auth import prefix_of
from api.openapi import document

POLICY = (
    "default-src 'none'; script-src 'self'; connect-src 'self'; img-src 'self' data:;"
    " style-src 'self'; font-src 'self' data:;"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
FILES = {
    "swagger-ui.css": ("swagger-ui/swagger-ui.css", "text/css"),
    "swagger-ui-bundle.js": (
        "swagger-ui/swagger-ui-bundle.js",
        "application/javascript; charset=utf-8",
    ),
    "docs.css": ("docs.css", "text/css"),
    "sluice.svg": ("sluice.svg", "image/svg+xml"),
}
PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sluice: the API</title>
<link rel="icon" type="image/svg+xml" href="/docs/static/sluice.svg">
<link rel="stylesheet" href="/docs/static/swagger-ui.css">
<link rel="stylesheet" href="/docs/static/docs.css">
<main id="reference"></main>
<script src="/docs/static/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</html>
"""
SCRIPT = """const dark = matchMedia("(prefers-color-scheme: dark)");
const follow = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", follow);
follow();
SwaggerUIBundle({
  url: "/docs/openapi.json",
  dom_id: "#reference",
  deepLinking: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
  filter: true,
  persistAuthorization: true,
  tagsSorter: undefined,
  tryItOutEnabled: false,
  validatorUrl: null,
});
"""


@get("/", media_type=MediaType.HTML)
async def get_page(request: Request[Any, Any, Any]) -> str:
    """Show the page."""
    return _below(PAGE, request)


@get("/openapi.json")
async def get_description(request: Request[Any, Any, Any]) -> dict[str, Any]:
    """Return the description, for programs too."""
    servers = [{"url": prefix_of(request) or "/"}]
    return {**_document(request.app), "servers": servers}


@get("/start.js")
async def get_script(request: Request[Any, Any, Any]) -> Response[str]:
    """Start the page: its policy allows no script within it."""
    text = _below(SCRIPT, request)
    return Response(text, media_type="application/javascript; charset=utf-8")


@get("/static/{name:str}", sync_to_thread=False)
def get_file(name: FromPath[str]) -> Response[bytes]:
    """Return what the page loads, from the package: no content network is needed."""
    if name not in FILES:
        raise NotFoundException
    file, media_type = FILES[name]
    headers = {"Cache-Control": "max-age=3600"}
    return Response(_file(file), media_type=media_type, headers=headers)


def reference_router() -> Router:
    """Returns the routes of the page."""
    return Router(
        "/docs",
        route_handlers=[get_page, get_description, get_script, get_file],
        response_headers=[ResponseHeader(name="Content-Security-Policy", value=POLICY)],
    )


def _below(text: str, request: Request[Any, Any, Any]) -> str:
    """Returns a text whose links are below the path under which a proxy serves us."""
    return text.replace('"/docs/', f'"{prefix_of(request)}/docs/')


@functools.lru_cache(maxsize=1)
def _document(app: Litestar) -> dict[str, Any]:
    every_route = app.state.get("described")
    routes = app.routes if every_route is None else every_route()
    made = document(routes, version("sluice"))
    # As it is sent: whatever has no JSON would be found here.
    decoded: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(made))
    return decoded


@functools.cache
def _file(name: str) -> bytes:
    # Read once: all who leave it unread share these bytes.
    return files("api").joinpath("static", name).read_bytes()
