"""What the proxy answers by itself: in JSON, or as a small page for who reads pages."""

from html import escape
from http import HTTPStatus
from typing import Any

import msgspec
from litestar.types import Send
from msgspec import Struct

from schemas.scopes import field_of

_HEADERS = (
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; style-src 'unsafe-inline'; sandbox"),
)
_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark"><title>{status} {phrase}</title>
<style>body{{font:16px/1.5 system-ui,sans-serif;max-width:36rem;margin:15vh auto;padding:0 1rem}}
h1{{font-size:1.25rem}}</style>
<h1>{status} {phrase}</h1>
<p>{text}</p>
</html>
"""


class Refusal(Exception):
    """Raised when a request gets no answer of its app."""

    def __init__(
        self, status: HTTPStatus, text: str, outcome: str, *, retry_after_s: int | None = None
    ) -> None:
        super().__init__(text)
        self.status = status
        self.text = text
        self.outcome = outcome
        """As the metrics name it."""
        self.retry_after_s = retry_after_s


class Message(Struct, frozen=True):
    """Status, headers and body of an answer."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes


def unrouted() -> Refusal:
    """Returns what is said while nothing serves a project; also where there is no such project."""
    text = "no running deployment for this project"
    return Refusal(HTTPStatus.SERVICE_UNAVAILABLE, text, "unrouted", retry_after_s=5)


def portless() -> Refusal:
    """Returns what is said while what serves a project has no port."""
    text = "deployment has no exposed port yet"
    return Refusal(HTTPStatus.SERVICE_UNAVAILABLE, text, "unrouted", retry_after_s=5)


def busy() -> Refusal:
    """Returns what is said while an app has as many requests as one may have."""
    text = "too many requests of this app are under way"
    return Refusal(HTTPStatus.SERVICE_UNAVAILABLE, text, "busy", retry_after_s=1)


def failed(why: str) -> Refusal:
    """Returns what is said when an app gave no answer."""
    return Refusal(HTTPStatus.BAD_GATEWAY, f"the app did not answer: {why}", "failed")


def late(timeout_s: float) -> Refusal:
    """Returns what is said when an app did not begin to answer in time."""
    text = f"the app did not begin to answer within {timeout_s:g} s"
    return Refusal(HTTPStatus.GATEWAY_TIMEOUT, text, "late")


def kept_from_our_pages() -> Refusal:
    """Returns what is said when a page of Sluice's own fetches a part of an app."""
    return Refusal(HTTPStatus.FORBIDDEN, "an app is no part of Sluice's own pages", "refused")


def unpassable() -> Refusal:
    """Returns what is said to a request that could not be written down anew."""
    return Refusal(
        HTTPStatus.BAD_REQUEST, "the request has a header that no app may get", "refused"
    )


def message_of(scope: Any, refusal: Refusal) -> Message:
    """Returns a refusal as who asks reads it."""
    status = refusal.status
    if _reads_pages(scope):
        kind = b"text/html; charset=utf-8"
        shown = escape(refusal.text[:1].upper() + refusal.text[1:] + ".")
        page = _PAGE.format(status=status.value, phrase=status.phrase, text=shown)
        body = page.encode()
    else:
        kind = b"application/json"
        body = msgspec.json.encode({"error": refusal.text})
    headers = [(b"content-type", kind), (b"content-length", b"%d" % len(body)), *_HEADERS]
    if refusal.retry_after_s is not None:
        headers.append((b"retry-after", b"%d" % refusal.retry_after_s))
    return Message(status.value, headers, body)


async def send_refusal(scope: Any, send: Send, refusal: Refusal) -> None:
    """Answers a request, or the handshake of a WebSocket."""
    message = message_of(scope, refusal)
    before = "http.response" if scope["type"] == "http" else "websocket.http.response"
    started: Any = {
        "type": f"{before}.start",
        "status": message.status,
        "headers": message.headers,
    }
    body: Any = {"type": f"{before}.body", "body": message.body, "more_body": False}
    await send(started)
    await send(body)


async def send_on(send: Send, location: str) -> None:
    """Sends a browser on, for this time alone: where an app has its name may change."""
    headers = [(b"location", location.encode("latin-1")), (b"content-length", b"0")]
    headers.append((b"cache-control", b"no-store"))
    started: Any = {"type": "http.response.start", "status": 307, "headers": headers}
    ended: Any = {"type": "http.response.body", "body": b"", "more_body": False}
    await send(started)
    await send(ended)


def _reads_pages(scope: Any) -> bool:
    return b"text/html" in (field_of(scope, b"accept") or b"")
