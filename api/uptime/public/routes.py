"""The routes of public pages, below `/status/`. They look at no cookie and no key."""

import re
from typing import Annotated, Any

from litestar import Response, Router, get
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from litestar.types import ExceptionHandlersMap
from msgspec import Meta, Struct

from api.auth import AnyRequest, prefix_of, services
from api.pages import assets
from api.pages.parts.snippets import url_of
from api.pages.render import environment
from api.parameters import InvalidParameters, read, values_of
from api.reads import reader_of
from api.uptime.public import words
from api.uptime.public.answers import json_of
from api.uptime.public.badges import Badge, BadgeKind, badge_of, badge_of_page, svg_of
from api.uptime.public.boards import Responses
from api.uptime.public.feed import feed_of
from api.uptime.public.kept import Kept, PublicPages, Text, text_of
from clickhouse.uptime.response_times import median_by_hour
from controlplane.failures import ControlPlaneError, CrossSite, RetryLater, TooManyRequests
from controlplane.uptime.page_sources import PageSource
from schemas.projects import ProjectContext
from schemas.uptime.boards import SENTENCES, Board
from schemas.uptime.status_pages import SLUG

ROOT = "/status"
JSON_END = ".json"
SVG_END = ".svg"
PAST_DAYS = 14
IS_SLUG = re.compile(SLUG)
POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none';"
    " frame-ancestors 'none'"
)
SHORTLY = "public, max-age=15, stale-while-revalidate=60, stale-if-error=3600"
LONGER = "public, max-age=60, stale-if-error=3600"
FOR_GOOD = "public, max-age=31536000, immutable"
ANYWHERE = {"Cross-Origin-Resource-Policy": "cross-origin"}
"""Of what other sites show: badges and JSON."""
LEAST_ZIPPED = 1024


class HistoryQuery(Struct, frozen=True, kw_only=True):
    """Which month; without it the newest that has an incident."""

    month: Annotated[str, Meta(pattern=r"^\d{4}-(0[1-9]|1[0-2])$")] | None = None


class BadgeQuery(Struct, frozen=True, kw_only=True):
    """What a badge says."""

    kind: BadgeKind = "state"
    days: Annotated[int, Meta(ge=1, le=90)] = 30
    """1 to 90."""


class _Sent(Struct, frozen=True):
    """What is answered, and for how long others may keep it."""

    text: Text
    media_type: str
    kept: str = SHORTLY
    headers: dict[str, str] = {}


@get(f"{ROOT}/{{name:str}}", include_in_schema=False)
async def get_page(request: AnyRequest, name: FromPath[str]) -> Response[bytes]:
    """Show a page; with `.json` behind its name, as JSON."""
    kept = await kept_of(request, name.removesuffix(JSON_END))
    if name.endswith(JSON_END):
        text = await kept.text(("json",), lambda: json_of(kept.board))
        return _answer(request, _Sent(text, "application/json", headers=_for_scripts(request)))

    def shown() -> bytes:
        board = kept.board
        dates = [day.date for day in board.components[0].days] if board.components else []
        days = words.last_days(board, dates[-PAST_DAYS:])
        return rendered(request, "status/page.html", board, days=days)

    text = await kept.text(("page", prefix_of(request)), shown)
    return _page(request, text)


@get(f"{ROOT}/{{name:str}}/history", include_in_schema=False)
async def get_history(request: AnyRequest, name: FromPath[str]) -> Response[bytes]:
    """Show the incidents of one month of the last year."""
    kept = await kept_of(request, name)
    months = words.months_of(kept.board)
    wanted = read(values_of(request), HistoryQuery).month
    month = months[0] if wanted is None and months else wanted
    if month is not None and month not in months:
        raise NotFoundException

    def shown() -> bytes:
        place = months.index(month) if month in months else 0
        return rendered(
            request,
            "status/history.html",
            kept.board,
            month=month,
            newer=months[place - 1] if place else None,
            older=months[place + 1] if place + 1 < len(months) else None,
            incidents=_of_month(kept.board, month),
        )

    return _page(request, await kept.text(("history", month or "", prefix_of(request)), shown))


@get(f"{ROOT}/{{name:str}}/feed.rss", include_in_schema=False)
async def get_feed(request: AnyRequest, name: FromPath[str]) -> Response[bytes]:
    """Give the incidents as RSS."""
    kept = await kept_of(request, name)
    following = request.app.state.get("following")
    base = url_of(request) if following is None else following.public_url
    address = f"{base}{ROOT}/{name}"
    text = await kept.text(("feed", address), lambda: feed_of(kept.board, address))
    return _answer(request, _Sent(text, "application/rss+xml; charset=utf-8", LONGER))


@get(f"{ROOT}/{{name:str}}/badge.svg", include_in_schema=False)
async def get_badge(request: AnyRequest, name: FromPath[str]) -> Response[bytes]:
    """Give a picture that says how all of the page is."""
    return _picture(request, badge_of_page((await kept_of(request, name)).board))


@get(f"{ROOT}/{{name:str}}/badges/{{file:str}}", include_in_schema=False)
async def get_component_badge(
    request: AnyRequest, name: FromPath[str], file: FromPath[str]
) -> Response[bytes]:
    """Give a picture that says how one component is, how much it was up, or how fast it answers."""
    kept = await kept_of(request, name)
    wanted = file.removesuffix(SVG_END)
    component = next((one for one in kept.board.components if one.component_id == wanted), None)
    if component is None or not file.endswith(SVG_END):
        raise NotFoundException
    query = read(values_of(request), BadgeQuery)
    return _picture(request, badge_of(component, query.kind, query.days))


@get(f"{ROOT}/{{name:str}}/logo", include_in_schema=False)
async def get_logo(request: AnyRequest, name: FromPath[str]) -> Response[bytes]:
    """Give the logo of a page, which its address names by a hash."""
    kept = await kept_of(request, name)
    logo = await _pages(request).logo(name, kept.board.logo_mark)
    if logo is None:
        raise NotFoundException
    is_named = values_of(request).get("v") == kept.board.logo_mark
    policy = {"Content-Security-Policy": "default-src 'none'; sandbox", **ANYWHERE}
    sent = _Sent(text_of(logo.content), logo.media_type, FOR_GOOD if is_named else LONGER, policy)
    return _answer(request, sent)


def router() -> Router:
    """Returns the routes of public pages; what is no page is one answer, whatever the reason."""
    handlers = [get_page, get_history, get_feed, get_badge, get_component_badge, get_logo]
    return Router("/", route_handlers=handlers, exception_handlers=public_handlers())


def public_handlers() -> ExceptionHandlersMap:
    """Returns how errors are said to everybody."""
    return {
        NotFoundException: _no_page,
        InvalidParameters: _odd,
        ControlPlaneError: _refused,
    }


async def kept_of(request: AnyRequest, slug: str) -> Kept:
    """Return a published page. Raises `NotFoundException`."""
    if IS_SLUG.fullmatch(slug) is None:
        raise NotFoundException

    async def ask(source: PageSource, now_us: int) -> Responses:
        reader = reader_of(request, ProjectContext(source.project_id))
        async with reader.turn() as warehouse:
            return await median_by_hour(
                warehouse, source.project_id, source.monitors.keys(), now_us
            )

    kept = await _pages(request).find(slug, ask)
    if kept is None:
        raise NotFoundException
    return kept


def _pages(request: AnyRequest) -> PublicPages:
    """Returns the boards of this process, made with the first request for one."""
    state = request.app.state
    if state.get("public_pages") is None:
        state["public_pages"] = PublicPages(services(request).database)
    pages: PublicPages = state["public_pages"]
    return pages


def _of_month(board: Board, month: str | None) -> list[Any]:
    zone = board.time_zone
    return [one for one in board.incidents if words.date_of(one.started_us, zone)[:7] == month]


def rendered(request: AnyRequest, template: str, board: Board, **shown: Any) -> bytes:
    """Return a page of a board."""
    prefix = prefix_of(request)
    given = {
        "board": board,
        "words": words,
        "base": f"{prefix}{ROOT}/{board.slug}",
        "assets": f"{prefix}/assets/{assets.version()}",
        "sentence": SENTENCES[board.overall],
        "can_follow": request.app.state.get("following") is not None,
    }
    return environment().get_template(template).render({**given, **shown}).encode()


def _page(request: AnyRequest, text: Text) -> Response[bytes]:
    policy = {"Content-Security-Policy": POLICY}
    return _answer(request, _Sent(text, "text/html", headers=policy))


def _picture(request: AnyRequest, badge: Badge) -> Response[bytes]:
    return _answer(request, _Sent(text_of(svg_of(badge)), "image/svg+xml", LONGER, ANYWHERE))


def _for_scripts(request: AnyRequest) -> dict[str, str]:
    """Has scripts of every site read: there is nothing in it that not everybody may know."""
    if request.headers.get("origin") in services(request).allowed_origins:
        return {}  # it is told to browsers already
    return {"Access-Control-Allow-Origin": "*", **ANYWHERE}


def _answer(request: AnyRequest, sent: _Sent) -> Response[bytes]:
    """Answers what caches may keep; 304 to who has it already."""
    text, headers = sent.text, {**sent.headers, "Cache-Control": sent.kept}
    headers |= {"ETag": text.mark, "Vary": "Accept-Encoding"}
    if text.mark in [one.strip() for one in request.headers.get("if-none-match", "").split(",")]:
        return Response(b"", status_code=304, headers=headers, media_type=sent.media_type)
    if len(text.plain) < LEAST_ZIPPED or not _takes_gzip(request):
        return Response(text.plain, media_type=sent.media_type, headers=headers)
    headers["Content-Encoding"] = "gzip"
    return Response(text.zipped, media_type=sent.media_type, headers=headers)


def _takes_gzip(request: AnyRequest) -> bool:
    accepted = request.headers.get("accept-encoding", "")
    return any(one.strip() == "gzip" for one in accepted.split(","))


def _no_page(_: AnyRequest, __: Exception) -> Response[bytes]:
    text = environment().get_template("status/none.html").render().encode()
    headers = {"Cache-Control": "no-store", "Content-Security-Policy": POLICY}
    return Response(text, status_code=404, media_type="text/html", headers=headers)


def _odd(_: AnyRequest, error: InvalidParameters) -> Response[str]:
    return Response(error.message, status_code=400, media_type="text/plain")


def _refused(_: AnyRequest, error: ControlPlaneError) -> Response[str]:
    if isinstance(error, RetryLater):
        status = 429 if isinstance(error, TooManyRequests) else 503
        headers = {"Retry-After": str(error.retry_after_s)}
        said = error.message if status == 429 else "This page cannot be shown for now"
        return Response(said, status_code=status, media_type="text/plain", headers=headers)
    status = 403 if isinstance(error, CrossSite) else 400
    return Response(error.message, status_code=status, media_type="text/plain")
