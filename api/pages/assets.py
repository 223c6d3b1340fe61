"""The files that pages load: our styles and scripts, and what others wrote. Read once, kept."""

import functools
import gzip
import hashlib
from importlib.resources import files
from typing import NamedTuple

from litestar import Response, get
from litestar.exceptions import NotFoundException
from litestar.params import FromPath

from api.auth import AnyRequest

FOLDER = "dashboard"
TYPES = {
    "css": "text/css",
    "js": "text/javascript",
    "svg": "image/svg+xml",
}
FOREVER = "public, max-age=31536000, immutable"


class Asset(NamedTuple):
    """One file, as it is sent."""

    plain: bytes
    zipped: bytes
    media_type: str


@functools.cache
def assets() -> dict[str, Asset]:
    """Returns every file by its name."""
    folder = files("api").joinpath("static", FOLDER)
    found = {}
    for file in sorted(folder.iterdir(), key=lambda one: one.name):
        media_type = TYPES.get(file.name.rpartition(".")[2])
        if media_type is not None:
            plain = file.read_bytes()
            found[file.name] = Asset(plain, gzip.compress(plain, mtime=0), media_type)
    return found


@functools.cache
def version() -> str:
    """Returns a hash over all files: modules import each other by names beside their own."""
    digest = hashlib.sha256()
    for name, asset in assets().items():
        digest.update(name.encode() + b"\0" + asset.plain)
    return digest.hexdigest()[:16]


@get("/assets/{tree:str}/{name:str}", include_in_schema=False, sync_to_thread=False)
def get_asset(request: AnyRequest, tree: FromPath[str], name: FromPath[str]) -> Response[bytes]:
    """Return a file; for good where the address has the hash of what is there."""
    asset = assets().get(name)
    if asset is None:
        raise NotFoundException
    headers = {"Cache-Control": FOREVER if tree == version() else "no-cache"}
    headers["Vary"] = "Accept-Encoding"
    if not _takes_gzip(request):
        return Response(asset.plain, media_type=asset.media_type, headers=headers)
    headers["Content-Encoding"] = "gzip"
    return Response(asset.zipped, media_type=asset.media_type, headers=headers)


def _takes_gzip(request: AnyRequest) -> bool:
    accepted = request.headers.get("accept-encoding", "")
    return any(one.strip() == "gzip" for one in accepted.split(","))
