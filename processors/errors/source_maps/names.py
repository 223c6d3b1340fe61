"""By what names the files of frames are looked for among uploads. Pure.

Rules, as Sentry has them for bundles without debug ids:
    1. a script is uploaded as `~/static/app.js`: the host and the protocol do not count
    2. a query and a fragment do not count, unless the upload has them
    3. `app:///static/app.js`, which servers and apps send, is the same; so is a plain path
    4. a map is named relative to its script
"""

from posixpath import normpath
from urllib.parse import urljoin, urlsplit

from schemas.errors.source_maps import MAX_URL_CHARS

MOST_READ = 2048
"""Characters of an address."""


def addresses_of(path: str) -> tuple[str, ...]:
    """Returns the names under which a script may be uploaded, the likeliest first."""
    if not path or len(path) > MOST_READ:
        return ()
    try:
        parts = urlsplit(path.replace("\\", "/"))
    except ValueError:
        return ()
    host = "" if parts.scheme == "app" else parts.netloc
    plain = parts.path if parts.path.startswith("/") or not parts.path else f"/{parts.path}"
    found = [f"~{plain}"]
    if parts.query:
        found.append(f"~{plain}?{parts.query}")
    if host:
        found.append(f"{parts.scheme}://{host}{plain}")
    return tuple([one for one in found if len(one) <= MAX_URL_CHARS])


def map_address(script: str, reference: str) -> str:
    """Returns the address of a map that a script names; empty where it is none of an upload."""
    if not reference or reference.startswith("data:") or len(reference) > MOST_READ:
        return ""
    try:
        if "://" in reference:
            return reference
        if "://" in script:
            return urljoin(script, reference)
    except ValueError:
        return ""
    if reference.startswith(("~/", "/")):
        return f"~{normpath(reference.removeprefix('~'))}"
    folder = script.partition("?")[0].rpartition("/")[0]
    path = normpath(f"{folder.removeprefix('~')}/{reference}")
    return f"~{path}" if script.startswith("~") else path


def source_name(path: str) -> str:
    """Returns how people call a source file: without what bundlers put before it."""
    for prefix in ("webpack-internal:///", "webpack:///", "webpack://", "turbopack:///", "file://"):
        if path.startswith(prefix):
            path = path.removeprefix(prefix)
            break
    while path.startswith(("./", "../")):
        path = path.partition("/")[2]
    return path or "?"


def is_library(path: str) -> bool:
    """Tells whether a source file is none of the application's own."""
    return (
        "node_modules/" in path
        or "/~/" in path
        or path.startswith(("webpack/", "webpack:///webpack/", "(webpack)", "node:", "~/"))
    )
