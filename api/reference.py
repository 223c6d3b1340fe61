"""The page at `/docs` that describes the API: Swagger UI, all of it served from here."""

import functools
from importlib.resources import files
from typing import Any

import msgspec
from litestar import Response, Router, get
from litestar.connection import Request
from litestar.datastructures import ResponseHeader
from litestar.exceptions import NotFoundException
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin, OpenAPIRenderPlugin
from litestar.params import FromPath

from api.auth import prefix_of

POLICY = (
    "default-src 'none'; script-src 'self'; connect-src 'self'; img-src 'self' data:;"
    " style-src 'self'; font-src 'self' data:;"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
FILES = {
    "swagger-ui.css": "text/css; charset=utf-8",
    "swagger-ui-bundle.js": "application/javascript; charset=utf-8",
    "favicon-32x32.png": "image/png",
}
PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sluice</title>
<link rel="icon" type="image/png" href="/docs/static/favicon-32x32.png">
<link rel="stylesheet" href="/docs/static/swagger-ui.css">
<div id="reference"></div>
<script src="/docs/static/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</html>
"""
SCRIPT = """SwaggerUIBundle({
  url: "/docs/openapi.json",
  dom_id: "#reference",
  deepLinking: true,
  showExtensions: true,
  showCommonExtensions: true,
});
"""


class _Page(OpenAPIRenderPlugin):
    def __init__(self) -> None:
        super().__init__(path="/")

    def render(self, request: Request[Any, Any, Any], _: dict[str, Any]) -> bytes:
        return _below(PAGE, request).encode()


class _Description(JsonRenderPlugin):
    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        servers = [{"url": prefix_of(request) or "/"}]
        return msgspec.json.encode({**openapi_schema, "servers": servers})


@get("/start.js", include_in_schema=False)
async def get_script(request: Request[Any, Any, Any]) -> Response[str]:
    """Start the page: its policy allows no script within it."""
    text = _below(SCRIPT, request)
    return Response(text, media_type="application/javascript; charset=utf-8")


@get("/static/{name:str}", include_in_schema=False, sync_to_thread=False)
def get_file(name: FromPath[str]) -> Response[bytes]:
    """Return what the page loads, from the package: no content network is needed."""
    if name not in FILES:
        raise NotFoundException
    headers = {"Cache-Control": "max-age=3600"}
    return Response(_file(name), media_type=FILES[name], headers=headers)


def reference() -> OpenAPIConfig:
    """Returns the page and the description that it shows."""
    return OpenAPIConfig(
        title="Sluice",
        version="0.1.0",
        description="One pipeline for everything a team wants to know about its running software.",
        openapi_router=Router(
            "/docs",
            route_handlers=[get_script, get_file],
            response_headers=[ResponseHeader(name="Content-Security-Policy", value=POLICY)],
            include_in_schema=False,
        ),
        render_plugins=[_Page(), _Description()],
    )


def _below(text: str, request: Request[Any, Any, Any]) -> str:
    """Returns a text whose links are below the path under which a proxy serves us."""
    return text.replace('"/docs/', f'"{prefix_of(request)}/docs/')


@functools.cache
def _file(name: str) -> bytes:
    # Read once: all who leave it unread share these bytes.
    return files("swagger_ui").joinpath("static", name).read_bytes()
