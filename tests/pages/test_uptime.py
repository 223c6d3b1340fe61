"""The pages of uptime as people use them: a monitor from its form to an incident that is over."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.e2e.people import join
from tests.e2e.server import COOKIE, Project, Server, create_project, wait_for
from tests.pages.looking import NARROW, OF_COLOURS, WIDE, Visitor
from tests.pages.places import HOSTILE, path_of, taken

SECRET = "Bearer of-nobody-elses-business"

pytestmark = [pytest.mark.slow, pytest.mark.browser]


class Site(ThreadingHTTPServer):
    """What is monitored; it answers as it is told."""

    status = 200
    taking = 404
    """The status of the answer to what is posted."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/health"


class _Handler(BaseHTTPRequestHandler):
    server: Site

    def do_GET(self) -> None:
        body = f'{{"status": "{HOSTILE}"}}'.encode()
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(self.server.taking)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    settings = {"PROBER_REGION": "default", "PRIVATE_TARGETS": "allow"}
    folder = tmp_path_factory.mktemp("uptime") / "data"
    with Server(folder, settings=settings) as running:
        yield running


@pytest.fixture
def project(server: Server) -> Project:
    return create_project(server, "Shop")


@pytest.fixture
def site() -> Iterator[Site]:
    with Site() as running:
        yield running
        running.shutdown()


class Keyed:
    """Who holds a monitor key of a project."""

    def __init__(self, server: Server, project: Project) -> None:
        key = project.make_token(name="pages", scope="write", forMonitors=True)
        self.http = server.client(key)

    def make(self, **fields: Any) -> str:
        made = self.http.post("/v1/monitors", json=fields)
        assert made.status_code == 201, made.text
        return str(made.json()["monitor_id"])

    def state(self, monitor_id: str) -> str:
        return str(self.http.get(f"/v1/monitors/{monitor_id}").json()["state"])


def is_fine(window: Visitor) -> None:
    """Looks at the page in both themes, for what keeps people from using it."""
    page = window.page
    for theme, rules in (("dark", ()), ("light", OF_COLOURS)):
        page.emulate_media(color_scheme=theme)
        expect(page.locator("html")).to_have_attribute("data-theme", theme)
        assert (theme, window.serious_findings(rules)) == (theme, [])
    assert page.locator("h1").count() == 1
    assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]
    assert window.faults == []


def fill_new(page: Page, name: str, url: str) -> None:
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_label("URL", exact=True).fill(url)
    page.get_by_label("Every, in seconds").fill("1")


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_a_monitor_is_made_tried_seen_down_acknowledged_and_resolved(
    browser: Browser, server: Server, project: Project, site: Site, size: dict[str, int]
) -> None:
    site.status = 500
    with Visitor.signed_in(browser, server, viewport=size) as window:
        page = window.go(path_of(project, "uptime/monitors"))
        expect(page.get_by_role("heading", name="No monitors yet")).to_be_visible()
        page.get_by_role("link", name="Make the first monitor").click()
        fill_new(page, "Checkout", site.url)

        page.get_by_role("button", name="Test now").click()
        tried = page.locator("#tried")
        expect(tried).to_contain_text("the status is 500")
        expect(tried.get_by_text("First byte")).to_be_visible()
        expect(page.get_by_label("Name", exact=True)).to_have_value("Checkout")
        is_fine(window)

        page.get_by_role("button", name="Make the monitor").click()
        expect(page.locator("h1")).to_contain_text("Checkout")
        # It follows by itself: the first check, and the second, with which it is down.
        expect(page.locator("#figures .facts").first).to_contain_text("down")
        expect(page.locator(".failed")).to_contain_text("the status is 500")
        is_fine(window)

        page.get_by_role("link", name="Checkout is down").click()
        expect(page.locator("h1")).to_contain_text("Checkout is down")
        page.get_by_label("Notes").fill("Looking at it")
        page.get_by_label("Public update").fill("We are looking into it")
        page.get_by_label("Assigned to").fill("maya@example.com")
        page.get_by_role("button", name="Acknowledge").click()
        timeline = page.locator(".activity")
        expect(timeline).to_contain_text("acknowledged by")
        expect(timeline).to_contain_text("Looking at it")
        expect(timeline).to_contain_text("public We are looking into it")
        expect(page.locator(".facts")).to_contain_text("maya@example.com")
        is_fine(window)

        page.get_by_role("button", name="Resolve").click()
        expect(page.locator(".facts").first).to_contain_text("resolved")
        expect(page.get_by_role("button", name="Resolve")).to_have_count(0)
        page.get_by_role("link", name="All incidents").click()
        expect(page.get_by_text("No open incident")).to_be_visible()
        is_fine(window)


def test_the_list_shows_first_what_is_down_and_follows_it_back(
    browser: Browser, server: Server, project: Project, site: Site
) -> None:
    keyed = Keyed(server, project)
    site.status = 503
    down = keyed.make(name="Zebra", type="http", url=site.url, interval_seconds=1)
    port = int(site.server_address[1])
    up = keyed.make(name="Aardvark", type="tcp", host="127.0.0.1", port=port, interval_seconds=1)
    wait_for(lambda: (keyed.state(down), keyed.state(up)) == ("down", "up"), "both states")
    with Visitor.signed_in(browser, server) as window:
        page = window.go(path_of(project, "uptime/monitors"))
        rows = page.locator("table.monitors tbody tr")
        expect(rows.nth(0)).to_contain_text("Zebra")
        expect(rows.nth(0)).to_contain_text("the status is 503")
        expect(rows.nth(1)).to_contain_text("up")
        is_fine(window)

        site.status = 200
        expect(rows.nth(1)).to_contain_text("Zebra")
        expect(page.get_by_role("link", name="Up 2")).to_be_visible()

        window.go(path_of(project, "uptime/monitors?where=type:tcp"))
        expect(rows).to_have_count(1)
        page.get_by_role("button", name="Pause Aardvark").click()
        expect(page.get_by_role("button", name="Resume Aardvark")).to_be_visible()
        assert keyed.state(up) == "paused"
        window.go(path_of(project, "overview"))
        expect(page.locator(".at-a-glance")).to_contain_text("1 up")


def test_the_settings_of_a_monitor_keep_its_secrets_and_its_windows(
    browser: Browser, server: Server, project: Project, site: Site
) -> None:
    keyed = Keyed(server, project)
    monitor_id = keyed.make(
        name="Checkout",
        type="http",
        url=site.url,
        headers={"Authorization": SECRET},
        notifications=["json://127.0.0.1:9/hidden-path"],
    )
    path = path_of(project, f"uptime/monitors/{monitor_id}/settings")
    with Visitor.signed_in(browser, server) as window:
        page = window.go(path)
        assert SECRET not in page.content()
        assert "hidden-path" not in page.content()
        page.get_by_text("Advanced", exact=True).click()
        expect(page.get_by_label("Headers")).to_have_value("Authorization: …")
        page.get_by_label("Every, in seconds").fill("0")
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_role("alert")).to_contain_text("1 to 86400")
        page.get_by_label("Every, in seconds").fill("30")
        page.get_by_role("button", name="Save").click()
        expect(page.locator(".facts").first).to_contain_text("30")

        window.faults.clear()  # the form that was wrong is answered 400
        window.go(path)
        page.get_by_text("Add a window").click()
        page.get_by_label("From", exact=True).fill("2026-12-24T02:00")
        page.get_by_label("To", exact=True).fill("2026-12-24T04:00")
        page.get_by_label("Repeats").select_option("Every week")
        page.get_by_role("button", name="Add the window").click()
        expect(page.locator("#maintenance")).to_contain_text("Every week from 2026-12-24 02:00 on")
        is_fine(window)
        page.locator("#maintenance").get_by_role("button", name="Remove").click()
        expect(page.locator("#maintenance")).to_contain_text("No window yet")

        page.get_by_text("Remove", exact=True).click()
        page.get_by_label("Type Checkout").fill("Checkout")
        page.get_by_role("button", name="Remove for good").click()
        expect(page.get_by_role("heading", name="No monitors yet")).to_be_visible()


def test_a_test_looks_at_no_private_address_unless_that_is_allowed(
    browser: Browser, tmp_path_factory: pytest.TempPathFactory, site: Site
) -> None:
    with Server(tmp_path_factory.mktemp("refusing") / "data") as server:
        project = create_project(server, "Shop")
        with Visitor.signed_in(browser, server) as window:
            page = window.go(path_of(project, "uptime/monitors/new"))
            fill_new(page, "Checkout", site.url)
            page.get_by_role("button", name="Test now").click()

            expect(page.locator("#tried")).to_contain_text("SLUICE_PRIVATE_TARGETS=allow")
            expect(page.locator("#tried")).to_contain_text("inconclusive")


def test_a_member_sees_all_and_may_handle_incidents_alone(
    browser: Browser, server: Server, project: Project, site: Site
) -> None:
    monitor_id = Keyed(server, project).make(name="Checkout", type="http", url=site.url)
    member = join(server, project, role="user", name="Member")
    with Visitor(browser, server) as window:
        cookie = {"name": COOKIE, "value": member.cookies[COOKIE], "url": server.url}
        window.context.add_cookies([cookie])
        page = window.go(path_of(project, f"uptime/monitors/{monitor_id}"))
        expect(page.get_by_role("button", name="Test now")).to_have_count(0)
        window.go(path_of(project, f"uptime/monitors/{monitor_id}/settings"))
        expect(page.get_by_text("Admins change monitors.")).to_be_visible()

        window.go(path_of(project, "uptime/incidents?new=1"))
        page.get_by_label("Title").fill("Checkout is slow")
        page.get_by_label("Monitor", exact=True).select_option("Checkout")
        page.get_by_role("button", name="Trigger", exact=True).click()
        expect(page.locator("h1")).to_contain_text("Checkout is slow")
        is_fine(window)
    member.close()


def test_service_levels_tell_of_breaches_and_go_into_a_file(
    browser: Browser, server: Server, project: Project, site: Site
) -> None:
    keyed = Keyed(server, project)
    site.status = 500
    port = int(site.server_address[1])
    up = keyed.make(name="Up", type="tcp", host="127.0.0.1", port=port, interval_seconds=1)
    promised = {"sla_target_pct": 100, "interval_seconds": 1}
    down = keyed.make(name="=Down", type="http", url=site.url, **promised)
    wait_for(lambda: (keyed.state(down), keyed.state(up)) == ("down", "up"), "both states")
    with Visitor.signed_in(browser, server) as window:
        page = window.go(path_of(project, "uptime/sla"))
        rows = page.locator("table.sla tbody tr")
        expect(rows).to_have_count(2)
        expect(rows.nth(0)).to_contain_text("breached")
        expect(rows.nth(0)).to_contain_text("=Down")
        expect(rows.nth(1)).to_contain_text("99.9 %")
        is_fine(window)
        # A spreadsheet does not run what somebody called a monitor.
        lines = taken(page, "CSV").decode().splitlines()
        assert lines[0].startswith("month,begins,monitor_id,name,target_pct")
        assert sum("'=Down" in line for line in lines) == 1

        page.get_by_role("link", name="Incidents").first.click()
        window.go(path_of(project, "uptime/sla?tz=Pacific/Auckland&month=2026-01"))
        expect(page.locator("h1")).to_contain_text("2026-01")
        expect(rows.nth(0)).to_contain_text("unknown")
        page.emulate_media(media="print")
        expect(page.get_by_role("navigation", name="Pages")).to_be_hidden()
        assert window.faults == []


def tells_again(told: Locator, site: Site) -> None:
    """Sends again what the site did not take, once it takes it."""
    site.taking = 200
    again = told.get_by_role("button", name="Send again")
    again.click()
    expect(told).to_contain_text("delivered")
    expect(again).to_be_hidden()


def test_a_policy_is_made_tried_and_named_by_a_monitor_and_the_incident_says_who_was_told(
    browser: Browser, server: Server, project: Project, site: Site
) -> None:
    site.status = 500
    hook = site.url.replace("health", "hidden-path")
    with Visitor.signed_in(browser, server, viewport=NARROW) as window:
        page = window.go(path_of(project, "uptime/escalation"))
        page.get_by_text("New policy").click()
        page.get_by_label("Name", exact=True).fill("On call")
        page.get_by_label("Tell").first.fill(f"{hook}\nchannel:nobody")
        page.get_by_label("After, in seconds").nth(1).fill("300")
        page.get_by_label("Tell").nth(1).fill("mailto:ann@example.com")
        page.get_by_role("button", name="Make the policy").click()
        row = page.get_by_role("row").filter(has_text="On call")
        expect(row).to_contain_text("after 5 m 0 s mailto:ann@example.com")
        expect(row).to_contain_text("there is no channel:nobody")
        assert "hidden-path" not in page.content()
        is_fine(window)

        page.get_by_role("link", name="On call").click()
        expect(page.get_by_label("Tell").first).to_have_value(
            "http://127.0.0.1/…#1\nchannel:nobody"
        )
        page.get_by_label("Tell").first.fill("http://127.0.0.1/…#1")
        page.get_by_label("Tell").nth(1).fill("")
        page.get_by_role("button", name="Save").click()
        page.get_by_role("link", name="On call").click()
        page.get_by_role("button", name="Send a test to all of it").click()
        tests = page.get_by_role("status").filter(has_text="targets")
        expect(tests).to_contain_text("0 of 1 targets took the test")
        expect(tests).to_contain_text("404")
        is_fine(window)

        keyed = Keyed(server, project)
        monitor_id = keyed.make(
            name="Checkout",
            type="http",
            url=site.url,
            interval_seconds=1,
            escalation_policy="On call",
        )
        wait_for(lambda: keyed.state(monitor_id) == "down", "the monitor to be down")
        window.go(path_of(project, "uptime/incidents"))
        page.get_by_role("link", name="Checkout is down").click()
        told = page.locator(".sent")
        expect(told).to_contain_text("http://127.0.0.1/…")
        expect(told).to_contain_text("step 1")
        expect(told).to_contain_text("dead")
        is_fine(window)
        tells_again(told, site)

        # One by hand, of no monitor, goes by a policy of its own.
        window.go(path_of(project, "uptime/incidents?new=1"))
        page.get_by_label("Title").fill("All is slow")
        page.get_by_label("Escalation policy").select_option("On call")
        page.get_by_role("button", name="Trigger", exact=True).click()
        expect(page.locator("h1")).to_contain_text("All is slow")
        expect(told).to_contain_text("step 1")

        window.go(path_of(project, "uptime/escalation"))
        page.get_by_role("link", name="On call").click()
        page.get_by_text("Remove", exact=True).click()
        page.get_by_label("Type On call").fill("On call")
        page.get_by_role("button", name="Remove for good").click()
        expect(page.get_by_text("A monitor names On call, which does not exist")).to_be_visible()


def test_a_heartbeat_shows_where_its_job_tells_of_runs(
    browser: Browser, server: Server, project: Project
) -> None:
    with Visitor.signed_in(browser, server) as window:
        page = window.go(path_of(project, "uptime/monitors/new?type=heartbeat"))
        page.get_by_label("Name", exact=True).fill("Backup")
        page.get_by_label("Or by a crontab").fill("0 3 * * *")
        page.get_by_role("button", name="Make the monitor").click()
        url = page.locator(".copied code").inner_text()
        is_fine(window)

        assert server.client(None).get(url).status_code == 200
        expect(page.locator("#figures .facts").first).to_contain_text("up")


def test_nothing_that_a_target_or_a_person_says_becomes_markup(
    browser: Browser, server: Server, project: Project, site: Site
) -> None:
    keyed = Keyed(server, project)
    site.status = 500
    monitor_id = keyed.make(name=HOSTILE, type="http", url=site.url, interval_seconds=1)
    wait_for(lambda: keyed.state(monitor_id) == "down", "the monitor to be down")
    told = {"state": "triggered", "title": HOSTILE, "notes": HOSTILE, "assignee": HOSTILE}
    told |= {"monitor_id": monitor_id}
    more = {"external_ids": {HOSTILE: HOSTILE}}
    made = keyed.http.post("/v1/incidents", json={**told, **more}).json()["incident_id"]
    targets = [f"channel:{HOSTILE}", "json://x.example"]
    policy = {"name": HOSTILE, "steps": [{"notifications": targets}]}
    policy_id = keyed.http.post("/v1/escalation-policies", json=policy).json()["policy_id"]
    one = f"uptime/monitors/{monitor_id}"
    with Visitor.signed_in(browser, server) as window:
        for path in (
            *("uptime/monitors", "uptime/glance", one, f"{one}/checks", f"{one}/settings"),
            *("uptime/incidents", f"uptime/incidents?monitor={monitor_id}"),
            *(f"uptime/incidents/{made}", "uptime/monitors?where=text:img"),
            *("uptime/sla", "uptime/escalation", f"uptime/escalation/{policy_id}"),
        ):
            page = window.go(path_of(project, path))
            page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")

            assert page.evaluate("window.hit") is None, path
            assert page.locator("[onerror], script:not([src]), img[src=x]").count() == 0, path
        window.go(path_of(project, f"{one}/settings"))
        page.get_by_role("button", name="Test now").click()
        expect(page.locator("#tried")).to_contain_text("the status is 500")
        assert page.evaluate("window.hit") is None
        assert page.locator("[onerror]").count() == 0
        assert window.faults == []
