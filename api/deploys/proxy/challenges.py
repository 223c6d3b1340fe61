"""The token of a domain that leads here and is nobody's yet: answered by Sluice itself.

So whoever asks for a domain only has to point it here. Which are answered for is the control
plane's rule, `is_sole_claim`.
"""

import re
from collections.abc import Awaitable, Callable
from typing import Any

from litestar.types import Send

from api.deploys.proxy.places import host_of
from controlplane.failures import Unavailable
from schemas.deploys.domains import CHALLENGE_PATH
from schemas.deploys.routing import plain_host

IsClaimed = Callable[[str, str], Awaitable[bool]]
"""Tells whether a domain, in its plain form, is to be answered for with a token."""
_PATH = re.compile(re.escape(CHALLENGE_PATH) + r"([A-Za-z0-9_-]{16,64})")


async def answer_challenge(scope: Any, send: Send, is_claimed: IsClaimed) -> bool:
    """Answers a request for a token with it; returns whether this was one, and was answered."""
    if scope["type"] != "http" or scope["method"] not in ("GET", "HEAD"):
        return False
    asked = _PATH.fullmatch(scope["path"])
    host = plain_host(host_of(scope))
    if asked is None or host is None:
        return False
    try:
        if not await is_claimed(host, asked[1]):
            return False
    except Unavailable:
        # It is then answered as any path that is not there: a look may be taken again.
        return False
    body = asked[1].encode()
    fields = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", b"%d" % len(body)),
        (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"),
    ]
    await send({"type": "http.response.start", "status": 200, "headers": fields})
    content = b"" if scope["method"] == "HEAD" else body
    await send({"type": "http.response.body", "body": content, "more_body": False})
    return True
