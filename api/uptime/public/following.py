"""The routes by which anybody follows a page: asked for, confirmed by the owner, and ended."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

import structlog
from litestar import Response, Router, get, post
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from msgspec import Struct

from api.account_forms import MAX_FORM_BYTES
from api.auth import AnyRequest, client_address, reject_cross_site, services
from api.pages.forms import fields_of
from api.parameters import values_of
from api.uptime.public.kept import Kept
from api.uptime.public.limiting import FollowRates
from api.uptime.public.routes import POLICY, ROOT, kept_of, public_handlers, rendered
from controlplane.failures import BadRequest, Conflict
from controlplane.uptime.page_messages import CONFIRM, LEAVE, PageAt, ping_message
from controlplane.uptime.subscribers import (
    add_webhook,
    ask_by_email,
    checked_email,
    confirm,
    draft_webhook,
    subscriber_in,
    token_of,
    unsubscribe,
)
from schemas.channels import ChannelConfig, ChannelKind
from schemas.messages import Message, Sent

SendNow = Callable[[ChannelKind, ChannelConfig, Message, str], Awaitable[Sent]]
PAGE = f"{ROOT}/{{name:str}}"
MAX_URL_CHARS = 2000
HEADING = "Get updates"
ASKED = (
    "If this address does not follow the page yet, a message is on its way to it. Follow the link"
    " in it within two days."
)
FOLLOWS = "The webhook has answered, and follows the page. The ping held its secret."
SILENT = "The webhook was sent a ping, and did not answer with 2xx. Nothing was kept of it."
CONFIRMED = "This address is told of incidents from now on."
LEFT = "Nothing more is sent to this address."
LOST = "This link is no more: ask for another one."

log = structlog.get_logger(__name__)


class Following:
    """What the routes need to have somebody follow a page. One for each process."""

    def __init__(self, public_url: str, send_now: SendNow, *, sends_email: bool) -> None:
        self.public_url = public_url.rstrip("/")
        self.send_now = send_now
        self.sends_email = sends_email
        self.rates = FollowRates()
        # A ping may take ten seconds: few wait at a time.
        self.pinging = asyncio.Semaphore(4)


class Said(Struct, frozen=True):
    """What a page says, and for what it asks."""

    heading: str
    text: str = ""
    asks: str = ""
    token: str = ""
    status: int = 200


@get(f"{PAGE}/subscribe", include_in_schema=False)
async def show_form(request: AnyRequest, name: FromPath[str]) -> Response[bytes]:
    """Show how to follow a page."""
    kept, _ = await _found(request, name)
    return _page(request, kept, Said(HEADING, asks="follow"))


@post(f"{PAGE}/subscribe", include_in_schema=False, status_code=200)
async def ask(request: AnyRequest, name: FromPath[str]) -> Response[bytes]:
    """Ask the owner of an address by email, or a webhook by a ping."""
    reject_cross_site(request)
    kept, following = await _found(request, name)
    fields = await fields_of(request)
    try:
        kind, target = fields.get("kind", ""), _checked(fields)
        following.rates.take(client_address(request), kept.board.page_id)
        if kind == "webhook":
            return await _ping(request, kept, target)
        if not following.sends_email:
            raise BadRequest("This installation sends no email")
        state, page = services(request), (kept.board.page_id, _at(following, kept))
        await ask_by_email(state.database, state.vault, page, target, _now_us())
    except (BadRequest, Conflict) as error:
        return _page(request, kept, Said(HEADING, error.message, "follow", status=400))
    return _page(request, kept, Said(HEADING, ASKED))


@get([f"{PAGE}/{CONFIRM}", f"{PAGE}/{LEAVE}"], include_in_schema=False)
async def show_token(request: AnyRequest, name: FromPath[str]) -> Response[bytes]:
    """Ask once more: programs that look at links in emails must not do what these do."""
    kept, _ = await _found(request, name)
    purpose = request.url.path.rpartition("/")[2]
    token = values_of(request).get("token", "")
    if subscriber_in(services(request).vault, purpose, token) is None:
        return _page(request, kept, Said(HEADING, LOST, status=400))
    heading = "Confirm" if purpose == CONFIRM else "Unsubscribe"
    return _page(request, kept, Said(heading, asks=purpose, token=token))


@post(f"{PAGE}/{CONFIRM}", include_in_schema=False, status_code=200)
async def take_confirmation(request: AnyRequest, name: FromPath[str]) -> Response[bytes]:
    """Have the holder of a token follow the page."""
    kept, _ = await _found(request, name)
    state, token = services(request), (await fields_of(request)).get("token", "")
    found = subscriber_in(state.vault, CONFIRM, token)
    if found is None:
        return _page(request, kept, Said(HEADING, LOST, status=400))
    await confirm(state.database, kept.board.page_id, found, _now_us())
    return _page(request, kept, Said("Confirmed", CONFIRMED))


@post(f"{PAGE}/{LEAVE}", include_in_schema=False, status_code=200)
async def leave(request: AnyRequest, name: FromPath[str]) -> Response[bytes]:
    """End it: by the form, or by one request of a mail program (RFC 8058)."""
    kept, _ = await _found(request, name)
    state, token = services(request), values_of(request).get("token", "")
    token = token or (await fields_of(request)).get("token", "")
    found = subscriber_in(state.vault, LEAVE, token)
    if found is None:
        return _page(request, kept, Said(HEADING, LOST, status=400))
    await unsubscribe(state.database, kept.board.page_id, found)
    return _page(request, kept, Said("Unsubscribed", LEFT))


def router() -> Router:
    """Returns these routes."""
    return Router(
        "/",
        route_handlers=[show_form, ask, show_token, take_confirmation, leave],
        exception_handlers=public_handlers(),
        request_max_body_size=MAX_FORM_BYTES,
    )


async def _found(request: AnyRequest, slug: str) -> tuple[Kept, Following]:
    following: Following | None = request.app.state.get("following")
    if following is None:
        raise NotFoundException
    return await kept_of(request, slug), following


async def _ping(request: AnyRequest, kept: Kept, url: str) -> Response[bytes]:
    state, page_id = services(request), kept.board.page_id
    following: Following = request.app.state.following
    subscriber_id, config = await draft_webhook(state.database, state.vault, page_id, url)
    token, now_us = token_of(state.vault, LEAVE, subscriber_id), _now_us()
    message = ping_message(_at(following, kept), token, config.secret, now_us)
    key = f"ping/{subscriber_id}/{now_us}"
    async with following.pinging:
        sent = await following.send_now("webhook", config, message, key)
    if sent.error:
        # Not why: whoever asks is anybody, and may be looking for what answers within.
        log.info("webhook of a follower did not answer", page_id=page_id, status=sent.status)
        return _page(request, kept, Said(HEADING, SILENT, "follow", status=400))
    await add_webhook(state.database, state.vault, page_id, (subscriber_id, config), now_us)
    return _page(request, kept, Said("Subscribed", FOLLOWS))


def _checked(fields: dict[str, str]) -> str:
    target = fields.get("target", "").strip()
    if fields.get("kind") == "email":
        return checked_email(target)
    if fields.get("kind") != "webhook":
        raise BadRequest("kind: expected email or webhook")
    try:
        parts = urlsplit(target)
        is_whole = parts.scheme in ("http", "https") and bool(parts.hostname) and not parts.username
        is_whole = is_whole and (parts.port is None or parts.port > 0)
    except ValueError:
        is_whole = False
    if not is_whole or len(target) > MAX_URL_CHARS or not target.isprintable():
        raise BadRequest("Expected such as https://example.com/hook")
    return target


def _at(following: Following, kept: Kept) -> PageAt:
    board = kept.board
    return PageAt(board.title, f"{following.public_url}{ROOT}/{board.slug}")


def _page(request: AnyRequest, kept: Kept, said: Said) -> Response[bytes]:
    following: Following = request.app.state.following
    shown = {"heading": said.heading, "said": said.text, "asks": said.asks, "token": said.token}
    template, sends_email = "status/subscribe.html", following.sends_email
    text = rendered(request, template, kept.board, sends_email=sends_email, **shown)
    headers = {"Content-Security-Policy": POLICY, "Cache-Control": "no-store"}
    media_type = "text/html"
    return Response(text, status_code=said.status, media_type=media_type, headers=headers)


def _now_us() -> int:
    return time.time_ns() // 1000
