"""Serves a static site on the port that `PORT` names: `python -m deploys.static_server FOLDER`.

A path is the file of that name, `index.html` of a folder, or the file with `.html`; else `404.html`
of the site. aiohttp answers ranges and ETags. Nothing outside of the folder is served, also by no
link, and nothing whose name begins with a dot, but for `/.well-known`.
"""

import os
import sys
from pathlib import Path
from typing import NamedTuple

from aiohttp import web

INDEX = "index.html"
NOT_FOUND = "404.html"
FALLBACK = "200.html"
"""What apps of one page are served as, on any path."""
OPEN_DOT = ".well-known"
HEADERS = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-cache"}
"""A browser asks each time whether there is a newer one; the ETag says no in few bytes."""
SITE = web.AppKey("site", Path)


class Answer(NamedTuple):
    """What a path is answered with."""

    status: int
    file: Path | None
    location: str = ""


def choose(site: Path, path: str) -> Answer:
    """Returns what a decoded path is answered with. The site's folder must be resolved."""
    parts = path.split("/")
    if "\0" in path or "\\" in path or not all(map(_is_open, parts)):
        return _missing(site)
    found = _inside(site, path.strip("/"))
    if found and found.is_dir():
        if not path.endswith("/"):
            # One slash alone: two would name another host.
            return Answer(308, None, f"/{path.strip('/')}/")
        found = _inside(site, f"{path.strip('/')}/{INDEX}".lstrip("/"))
    if found and found.is_file():
        return Answer(200, found)
    if not path.endswith("/"):
        found = _inside(site, f"{path.strip('/')}.html")
        if found and found.is_file():
            return Answer(200, found)
    return _missing(site)


def _is_open(part: str) -> bool:
    return not part.startswith(".") or part == OPEN_DOT


def _inside(site: Path, name: str) -> Path | None:
    try:
        found = (site / name).resolve(strict=True)
    except (OSError, RuntimeError):  # It is not there, its name is too long, links in a circle.
        return None
    return found if found.is_relative_to(site) else None


def _missing(site: Path) -> Answer:
    for name, status in ((FALLBACK, 200), (NOT_FOUND, 404)):
        found = _inside(site, name)
        if found and found.is_file():
            return Answer(status, found)
    return Answer(404, None)


async def _serve(request: web.Request) -> web.StreamResponse:
    answer = choose(request.app[SITE], request.path)
    if answer.location:
        query = f"?{request.query_string}" if request.query_string else ""
        location = request.rel_url.with_path(answer.location).raw_path + query
        return web.Response(status=answer.status, headers={"Location": location})
    if answer.file is None:
        return web.Response(status=answer.status, text="Not found\n", headers=HEADERS)
    return web.FileResponse(answer.file, status=answer.status, headers=HEADERS)


def make_app(site: Path) -> web.Application:
    """Returns a server of a folder's files."""
    app = web.Application()
    app[SITE] = site.resolve()
    app.router.add_get("/{path:.*}", _serve)
    return app


def main() -> None:
    """Serves until it is stopped."""
    site = Path(sys.argv[1])
    if not site.is_dir():
        raise SystemExit(f"The site's folder {site} is not there: has the build made it?")
    host = os.environ.get("HOST", "127.0.0.1")
    web.run_app(
        make_app(site), host=host, port=int(os.environ["PORT"]), print=None, access_log=None
    )


if __name__ == "__main__":
    main()
