"""Pages that are sent in two halves: what comes first, and what they say when the rest fails."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, cast

import pytest
from litestar import Litestar, Response, get
from litestar.types import HTTPScope, Message

from api.auth import AnyRequest
from api.pages.arriving import page_with
from api.pages.parts.ranges import range_of
from api.pages.problems import page_exception_handlers
from api.pages.viewer import VIEWER, NamedProject, Viewer
from api.parameters import values_of
from clickhouse.failures import QueryTooExpensive
from controlplane.accounts import Account
from controlplane.sessions import UNSEEN, SignedIn
from schemas.projects import ProjectContext, ProjectId, UserId

SOON_S = 10.0
NOW = datetime(2026, 1, 1, tzinfo=UTC)
SESSION = SignedIn(
    "s", "t", Account(UserId("u"), "Ann", "ann@example.org", NOW, NOW), NOW, NOW, NOW, UNSEEN
)
PROJECT = ProjectContext(ProjectId("p1"))
ANN = Viewer(SESSION, PROJECT, "first", "admin", [NamedProject(PROJECT.project_id, "first")])
FOUND: dict[str, Any] = {
    "models": [],
    "total": 0,
    "without_price": (),
    "cost": 0,
    "snippets": [("With curl", "curl <what & how>")],
}


class Figures:
    """What a page waits for."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.may_come, self.have_come = asyncio.Event(), asyncio.Event()

    async def find(self) -> dict[str, Any]:
        await self.may_come.wait()
        self.have_come.set()
        if self.error is not None:
            raise self.error
        return FOUND


class Browser:
    """Asks for the page, and has each piece of the answer as it comes."""

    def __init__(self, figures: Figures, query: str = "", headers: dict[str, str] | None = None):
        self.status = 0
        self.text = ""
        self.has_some, self.leaves = asyncio.Event(), asyncio.Event()
        self._query, self._headers = query.encode(), headers or {}
        self._is_asked = False
        self._app = app_of(figures)

    async def ask(self) -> None:
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "server": ("localhost", 80),
            "client": ("127.0.0.1", 1),
            "root_path": "",
            "path": "/p/p1/llm/models",
            "raw_path": b"/p/p1/llm/models",
            "query_string": self._query,
            "headers": [(k.encode(), v.encode()) for k, v in self._headers.items()],
        }
        async with asyncio.timeout(SOON_S):
            await self._app(cast("HTTPScope", scope), cast("Any", self._receive), self._send)

    async def _receive(self) -> Message:
        if not self._is_asked:
            self._is_asked = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await self.leaves.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        elif message["type"] == "http.response.body":
            self.text += message["body"].decode()
            self.has_some.set()
            if not message.get("more_body"):
                self.leaves.set()  # as servers say it when all is sent


def app_of(figures: Figures) -> Litestar:
    @get("/p/p1/llm/models")
    async def models(request: AnyRequest) -> Response[Any]:
        request.scope["state"][VIEWER] = ANN
        shown = range_of(values_of(request), PROJECT)
        return await page_with(request, "llm/models.html", figures.find(), shown=shown)

    return Litestar([models], exception_handlers=page_exception_handlers(), openapi_config=None)


async def looked(figures: Figures, then: Callable[[Browser], None]) -> Browser:
    """Returns the browser with the whole page; `then` looks at what came before the figures."""
    browser = Browser(figures)
    asking = asyncio.create_task(browser.ask())
    await asyncio.wait_for(browser.has_some.wait(), SOON_S)
    then(browser)
    figures.may_come.set()
    await asking
    return browser


async def test_the_frame_is_there_before_the_figures_are() -> None:
    def look(browser: Browser) -> None:
        assert browser.status == 200
        assert '<nav class="sidebar"' in browser.text
        assert "<h1>Models</h1>" in browser.text
        assert "No model was used" not in browser.text

    browser = await looked(Figures(), look)

    assert "No model was used in this time" in browser.text
    assert "curl &lt;what &amp; how&gt;" in browser.text


async def test_a_page_in_two_halves_is_the_page_in_one_but_for_its_placeholder() -> None:
    at_once, later = Figures(), Figures()
    at_once.may_come.set()
    range_ = "from=1767225600000&to=1767229200000"
    one, two = Browser(at_once, range_), Browser(later, range_)
    await one.ask()
    asking = asyncio.create_task(two.ask())
    await asyncio.wait_for(two.has_some.wait(), SOON_S)
    later.may_come.set()
    await asking

    lines = [line.strip() for line in two.text.splitlines()]
    lines.remove('<p class="coming panel hint" aria-hidden="true">Reading…</p>')

    assert [line for line in lines if line] == [
        line for each in one.text.splitlines() if (line := each.strip()) and "<!--" not in line
    ]


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (QueryTooExpensive("so much"), "Too much for one view"),
        (RuntimeError("a bug with a secret"), "Something broke"),
    ],
)
async def test_what_fails_after_the_frame_is_said_in_the_page(error: Exception, said: str) -> None:
    browser = await looked(Figures(error), lambda _: None)

    assert f"<h2>{said}</h2>" in browser.text
    assert browser.text.count("<h1>") == 1
    assert browser.text.rstrip().endswith("</html>")
    assert "secret" not in browser.text


async def test_what_fails_at_once_has_its_own_status() -> None:
    figures = Figures(QueryTooExpensive("so much"))
    figures.may_come.set()
    browser = Browser(figures)
    await browser.ask()

    assert browser.status == 422
    assert "<h1>Too much for one view</h1>" in browser.text


async def test_what_is_asked_for_a_viewer_who_left_is_still_read_to_its_end() -> None:
    figures = Figures()
    browser = Browser(figures)
    asking = asyncio.create_task(browser.ask())
    await asyncio.wait_for(browser.has_some.wait(), SOON_S)
    browser.leaves.set()
    await asking
    figures.may_come.set()

    await asyncio.wait_for(figures.have_come.wait(), SOON_S)
