"""A person in a browser: what they see, and what their console and network say meanwhile."""

import functools
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, expect

from tests.e2e.server import COOKIE, Server

WIDE = {"width": 1440, "height": 900}
NARROW = {"width": 360, "height": 800}
AXE = Path(__file__).with_name("axe.min.js")
BAD = ("serious", "critical")
OF_COLOURS = ("color-contrast", "link-in-text-block")
"""All rules of axe that a theme can break: themes differ in colours alone."""

# htmx writes both as errors when a page is left while a request of it is under way: that is no
# fault. What really fails is told as `htmx:sendError` or `htmx:responseError` too.
LEFT_WHILE_ASKING = ("htmx:afterRequest", "htmx:sendAbort")


class Visitor:
    """One browser window, with what went wrong in it."""

    def __init__(self, browser: Browser, server: Server, **options: Any) -> None:
        self.server = server
        self.context: BrowserContext = browser.new_context(
            base_url=server.url, **{"viewport": WIDE, **options}
        )
        self.faults: list[str] = []
        self.page: Page = self.context.new_page()
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("request", self._look)
        self.page.set_default_timeout(20_000)

    @classmethod
    def signed_in(cls, browser: Browser, server: Server, **options: Any) -> "Visitor":
        """Opens a window that has the cookie already: attempts to sign in are limited."""
        visitor = cls(browser, server, **options)
        cookie = server.admin.cookies[COOKIE]
        visitor.context.add_cookies([{"name": COOKIE, "value": cookie, "url": server.url}])
        return visitor

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.context.close()

    def go(self, path: str) -> Page:
        """Opens a page and waits until what it loads is there."""
        self.page.goto(path)
        expect(self.page.locator(".htmx-request, .js .waits")).to_have_count(0)
        return self.page

    def serious_findings(self, only: Sequence[str] = ()) -> list[str]:
        """Returns what axe finds that keeps people from using the page, by some rules or by all."""
        if self.page.evaluate("typeof axe") == "undefined":
            self.page.evaluate(axe())
        options = {"resultTypes": ["violations"], **({"runOnly": list(only)} if only else {})}
        found = self.page.evaluate("options => axe.run(document, options)", options)
        return [
            f"{one['id']}: {one['nodes'][0]['html'][:200]}"
            for one in found["violations"]
            if one["impact"] in BAD
        ]

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and message.text not in LEFT_WHILE_ASKING:
            self.faults.append(f"{message.text} ({message.location.get('url')})")

    def _look(self, request: Request) -> None:
        host = urlsplit(request.url).netloc
        if host and host != urlsplit(self.server.url).netloc:
            self.faults.append(f"asks another host: {request.url}")


@functools.cache
def axe() -> str:
    """Returns axe-core, which a page's policy would not let in by a tag."""
    return AXE.read_text(encoding="utf-8")
