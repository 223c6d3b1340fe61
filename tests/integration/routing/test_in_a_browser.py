"""What a page of an app can do to who is signed in at Sluice, in a real browser: nothing."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from playwright.async_api import Browser, Page, async_playwright

from tests.components import chromium
from tests.components.fixtures import require
from tests.integration.routing.apps import App, app
from tests.integration.routing.serving import PROJECT, Proxy, proxy, route

pytestmark = [pytest.mark.slow, pytest.mark.browser]

SESSION = "better-auth.session_token"
ATTACK = """<!doctype html><title>app</title><script>
const sluice = new URLSearchParams(location.search).get("sluice");
const attempt = async (what) => {
  try { return await what() } catch (error) { return "" + error.name }
};
(async () => {
  const seen = {};
  seen.origin = self.origin;
  await new Promise((loaded) => addEventListener("load", loaded));
  seen.part = "" + self.part;
  seen.own = await attempt(async () => await (await fetch("api")).text());
  seen.storage = await attempt(() => {
    localStorage.setItem("a", "1"); return localStorage.getItem("a") });
  seen.cookie = await attempt(() => { document.cookie = "mine=1"; return document.cookie });
  seen.secret = await attempt(async () =>
    await (await fetch(sluice + "/dashboard/api/secret", {credentials: "include"})).text());
  seen.write = await attempt(async () =>
    "" + (await fetch(sluice + "/dashboard/api/write", {
      method: "POST", mode: "no-cors", credentials: "include"})).type);
  for (const rest of ["", "; path=/dashboard", "; domain=localhost; path=/dashboard"])
    await attempt(() => { document.cookie = "better-auth.session_token=evil" + rest });
  seen.worker = await attempt(async () =>
    "" + (await navigator.serviceWorker.register("worker.js", {scope: "/"})).scope);
  const frame = document.createElement("iframe");
  frame.src = sluice + "/dashboard";
  frame.onload = async () => {
    seen.frame = await attempt(() => frame.contentDocument?.body?.textContent ?? "none");
    document.title = JSON.stringify(seen);
  };
  document.body.append(frame);
})();
</script><script src="part.js"></script><body></body>"""


class Dashboard:
    """Stands for Sluice: signs in, has a secret for who is signed in, and notes who asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        """Path, and the session's cookie that came with it."""

    async def serve(self, scope: Any, receive: Any, send: Any) -> None:
        fields = {name: value.decode() for name, value in scope["headers"]}
        pairs = [one.strip() for one in fields.get(b"cookie", "").split(";")]
        session = " ".join(one for one in pairs if one.startswith(SESSION))
        self.asked.append((scope["path"], session))
        text = f"secret of {session}".encode()
        headers = [(b"content-type", b"text/html"), (b"content-length", b"%d" % len(text))]
        if scope["path"] == "/sign-in":
            cookie = f"{SESSION}=signed; Path=/; HttpOnly; SameSite=Lax"
            headers.append((b"set-cookie", cookie.encode()))
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": text, "more_body": False})

    def sessions_at(self, path: str) -> set[str]:
        return {session for asked, session in self.asked if asked == path}


class Attacker(App):
    """An app whose page tries what it can, and whose answers do too."""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request)
        if request.path == "/":
            return web.Response(
                text=ATTACK,
                content_type="text/html",
                headers={"Set-Cookie": f"{SESSION}=evil; Path=/", "Service-Worker-Allowed": "/"},
            )
        if request.path == "/worker.js":
            script = "self.onfetch = (event) => event.respondWith(new Response('taken'))"
            return web.Response(text=script, content_type="text/javascript")
        if request.path == "/part.js":
            return web.Response(text="self.part = 'loaded'", content_type="text/javascript")
        return web.Response(text="api")


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    require("chromium")
    async with async_playwright() as playwright:
        browser: Browser = await playwright.chromium.launch(
            executable_path=chromium.program(),
            args=["--no-sandbox", "--disable-dev-shm-usage"],
        )
        yield await browser.new_page()
        await browser.close()


async def attacked(page: Page, served: Proxy, host: str) -> dict[str, str]:
    """Signs in at Sluice, opens the app there by its path, and returns what its page saw."""
    sluice = f"http://{host}:{served.port}"
    await page.goto(f"{sluice}/sign-in")
    await page.goto(f"{sluice}/app/{PROJECT}/?sluice={sluice}")
    await page.wait_for_function("document.title.startsWith('{')")
    seen: dict[str, str] = json.loads(await page.title())
    await page.goto(f"{sluice}/dashboard/after")
    return seen


class TestPagesOfApps:
    @pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
    async def test_on_a_name_of_its_own_an_app_is_whole_and_reaches_nothing(
        self, page: Page, host: str
    ) -> None:
        dashboard = Dashboard()
        async with app("evil", Attacker) as evil, proxy(own=dashboard.serve) as served:
            await served.put(route(evil.port))

            seen = await attacked(page, served, host)

        assert seen["origin"] == f"http://{PROJECT}.localhost:{served.port}"
        assert (seen["part"], seen["own"], seen["storage"]) == ("loaded", "api", "1")
        assert "mine=1" in seen["cookie"]
        assert seen["secret"] == "TypeError"
        assert seen["frame"] in ("none", "SecurityError")
        self.assert_untouched(dashboard, evil)

    async def test_in_the_sandbox_an_app_reaches_nothing_either(self, page: Page) -> None:
        dashboard = Dashboard()
        async with (
            app("evil", Attacker) as evil,
            proxy(own=dashboard.serve, apps_host="none") as served,
        ):
            await served.put(route(evil.port))

            seen = await attacked(page, served, "127.0.0.1")

        assert seen["origin"] == "null"
        assert seen["part"] == "loaded"
        assert seen["storage"] == seen["cookie"] == "SecurityError"
        assert seen["worker"] in ("SecurityError", "TypeError")
        assert seen["secret"] == "TypeError"
        assert seen["frame"] in ("none", "SecurityError")
        self.assert_untouched(dashboard, evil)

    def assert_untouched(self, dashboard: Dashboard, evil: App) -> None:
        # A page of an app asks without the session, and the person is still who they were.
        assert dashboard.sessions_at("/dashboard/api/secret") <= {""}
        assert dashboard.sessions_at("/dashboard/api/write") <= {""}
        assert dashboard.sessions_at("/dashboard/after") == {f"{SESSION}=signed"}
        assert [one for one in evil.asked if "signed" in one.headers.get("Cookie", "")] == []
