"""Session ids are any text, so one may hold a slash: `sessions/team%2F7` is the session `team/7`.

Servers hand on a path that is decoded already, in which that slash would part the path. Between
router and handler such a slash is therefore another character, one of Unicode's private use.

An id of one or two dots alone would be left out of the path by every browser, escaped or not. Our
links put another such character behind it.
"""

import re
from urllib.parse import unquote

from litestar.types import ASGIApp, Receive, Scope, Send

STAND_IN = "\ue000"
DOTTED = "\ue001"
DOTS = (".", "..")
ESCAPED = re.compile("%2f", re.IGNORECASE)


def with_slashes_kept(application: ASGIApp) -> ASGIApp:
    """Decodes the path anew where it holds an escaped slash."""

    async def decode(scope: Scope, receive: Receive, send: Send) -> None:
        raw: bytes = scope.get("raw_path") or b""
        if b"%2" in raw and ESCAPED.search(text := raw.decode("latin-1")):
            scope["path"] = STAND_IN.join(map(unquote, ESCAPED.split(text)))
        await application(scope, receive, send)

    return decode


def with_slashes(text: str) -> str:
    """Returns what a handler got from the path as it was meant."""
    dots = text.removesuffix(DOTTED)
    return dots if dots in DOTS else text.replace(STAND_IN, "/")


def as_segment(identity: str) -> str:
    """Returns an id as it stands in a path, before it is escaped."""
    return f"{identity}{DOTTED}" if identity in DOTS else identity
