"""What is shown once: a new key, the link of an invitation.

After a form, a browser is sent on to a page. The secret goes along in a sealed cookie, which that
page reads and takes back: it stands in no address and no log, and a reload does not show it again.
"""

import base64
import binascii
import time
from typing import Any, NamedTuple

from litestar import MediaType, Response

from api.auth import AnyRequest, cookie_of, prefix_of, services
from controlplane.crypto import UnsealError
from controlplane.sessions import SignedIn

COOKIE = "sluice_once"
LIFETIME_S = 60
"""A browser follows at once; what it does not fetch by then is gone, wherever it is kept."""


class Shown(NamedTuple):
    """What a page shows once; `None` where it has been shown."""

    text: str | None
    path: str

    def taken_from(self, answer: Response[str]) -> Response[str]:
        """Return the answer, with which the browser forgets what it shows."""
        if self.text is not None:
            answer.delete_cookie(COOKIE, path=self.path)
        return answer


def show_once(
    request: AnyRequest, session: SignedIn, path: str, text: str, *, query: str = ""
) -> Response[Any]:
    """Send the browser to a page of ours, which shows this text to this session once."""
    target = prefix_of(request) + path
    ends_at_s = int(time.time()) + LIFETIME_S
    bound_to = _bound_to(session, target)
    sealed = services(request).vault.seal(f"{ends_at_s} {text}", bound_to=bound_to)
    answer: Response[Any] = Response("", status_code=303, media_type=MediaType.HTML)
    answer.headers["Location"] = f"{target}?{query}" if query else target
    answer.set_cookie(
        COOKIE,
        base64.urlsafe_b64encode(sealed).decode().rstrip("="),
        max_age=LIFETIME_S,
        path=target,
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="lax",
    )
    return answer


def shown_once(request: AnyRequest, session: SignedIn) -> Shown:
    """Return what the page that is asked for is to show once."""
    target = prefix_of(request) + str(request.scope["path"])
    value = cookie_of(request, COOKIE)
    if not value:
        return Shown(None, target)
    try:
        sealed = base64.urlsafe_b64decode(value + "=" * (-len(value) % 4))
        opened = services(request).vault.unseal(sealed, bound_to=_bound_to(session, target))
    except (UnsealError, binascii.Error, ValueError):
        return Shown(None, target)
    return Shown(in_time(opened, time.time()), target)


def in_time(opened: str, now_s: float) -> str | None:
    """Returns what a cookie holds, `None` where it is over: a browser may have kept it."""
    ends_at_s, _, text = opened.partition(" ")
    return text if ends_at_s.isdecimal() and now_s < int(ends_at_s) else None


def _bound_to(session: SignedIn, target: str) -> str:
    return f"once:{session.session_id}:{target}"
