"""Public status pages as people make them in the dashboard, and as everybody reads them."""

import re
import time
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.server import wait_for
from tests.pages.conftest import World
from tests.pages.looking import NARROW, OF_COLOURS, WIDE, Visitor
from tests.pages.places import HOSTILE, path_of

STEP = 30_000_000
PNG = (
    b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00\x1f\x15"
    b"\xc4\x89\x00\x00\x00\rIDATx\x9cc\xf8\xcf\xc0\xf0\x1f\x00\x05\x00\x01\xff\x89\x99=\x1d\x00\x00\x00"
    b"\x00IEND\xaeB`\x82"
)

pytestmark = [pytest.mark.slow, pytest.mark.browser]


@pytest.fixture(scope="module")
def keyed(world: World) -> Iterator[httpx.Client]:
    """Who holds a monitor key of the demo's project, which has a monitor that is down."""
    key = world.demo.make_token(scope="write", forMonitors=True)
    with world.server.client(key) as client:
        monitor = {
            "name": HOSTILE,
            "type": "http",
            "url": "https://x.example",
            "interval_seconds": 30,
        }
        monitor_id = client.post("/v1/monitors", json=monitor).json()["monitor_id"]
        begin = time.time_ns() // 1000 - 120_000_000
        checks = [
            {
                "monitor_id": monitor_id,
                "region": "default",
                "slot_us": begin + number * STEP,
                "started_us": begin + number * STEP,
                "outcome": outcome,
                "phases": {"total_ms": 100.0},
            }
            for number, outcome in enumerate(("ok", "ok", "fail", "fail"))
        ]
        assert client.post("/v1/checks", json=checks).status_code == 202
        world.server.wait_stored()
        yield client


@pytest.fixture(scope="module")
def slug(keyed: httpx.Client) -> str:
    """The address of a published page whose every text is hostile."""
    # Jobs that check in are monitors too.
    monitors = keyed.get("/v1/monitors").json()["monitors"]
    (monitor,) = [one for one in monitors if one["name"] == HOSTILE]
    page = {
        "title": HOSTILE,
        "slug": "hostile",
        "description": HOSTILE,
        "groups": [
            {"name": HOSTILE, "monitors": [{"monitor_id": monitor["monitor_id"], "name": HOSTILE}]}
        ],
        "published": True,
        "shows_response_times": True,
    }
    assert keyed.post("/v1/status-pages", json=page).status_code == 201
    incidents = keyed.get("/v1/incidents").json()["incidents"]
    (incident,) = [one for one in incidents if one["monitor_id"] == monitor["monitor_id"]]
    told = {"incident_id": incident["incident_id"], "state": "acknowledged", "public_note": HOSTILE}
    assert keyed.post("/v1/incidents", json=told).status_code == 200
    return "hostile"


@pytest.mark.parametrize("path", ["", "/history"])
@pytest.mark.parametrize("size", [NARROW, WIDE], ids=["narrow", "wide"])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_public_page_is_whole_quiet_accessible_and_takes_no_text_for_markup(
    browser: Browser, world: World, slug: str, path: str, size: dict[str, int], theme: str
) -> None:
    with Visitor(browser, world.server, viewport=size, color_scheme=theme) as window:
        wait_for(lambda: world.server.client(None).get(f"/status/{slug}").status_code == 200, slug)
        opened = window.go(f"/status/{slug}{path}")

        assert opened.locator("h1").count() == 1
        assert window.serious_findings(OF_COLOURS) == []
        assert window.faults == []
        assert opened.evaluate("window.hit") is None
        assert opened.locator("script").count() == 0
        assert opened.evaluate("document.documentElement.scrollWidth") <= size["width"]
        assert window.context.cookies() == []


def test_what_a_day_says_stands_within_the_window(
    browser: Browser, world: World, slug: str
) -> None:
    with Visitor(browser, world.server, viewport=NARROW) as window:
        opened = window.go(f"/status/{slug}")
        for day in (opened.locator(".days li").nth(45), opened.locator(".days li").last):
            day.hover()
            told = day.locator("span")

            expect(told).to_have_css("opacity", "1")
            box = told.bounding_box()
            assert box is not None
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= NARROW["width"]
            assert box["width"] > 100


def test_an_admin_makes_a_page_publishes_it_gives_it_a_logo_and_removes_it(
    visitor: Visitor, world: World, keyed: httpx.Client
) -> None:
    opened = visitor.go(path_of(world.demo, "uptime/status-pages"))
    opened.get_by_text("New status page").click()
    opened.get_by_label("Title").fill("Made by hand")
    opened.get_by_label("Address").fill("Not an address")
    opened.get_by_role("button", name="Make the page").click()
    expect(opened.get_by_label("Address")).to_have_attribute("aria-invalid", "true")

    opened.get_by_label("Address").fill("by-hand")
    opened.get_by_role("checkbox", name=re.compile("onerror")).check()
    opened.get_by_label(re.compile("^Public name of.*onerror")).fill("Shop")
    opened.get_by_label(re.compile("^Group of.*onerror")).fill("Web")
    opened.get_by_role("button", name="Make the page").click()
    expect(opened.get_by_text("It is a draft")).to_be_visible()
    opened.get_by_label("Published").check()
    opened.get_by_role("button", name="Save").click()
    expect(opened.get_by_role("status").first).to_contain_text("Saved")
    logo = {"name": "logo.png", "mimeType": "image/png", "buffer": PNG}
    opened.get_by_label("Picture").set_input_files(files=[logo])
    opened.get_by_role("button", name="Set the logo").click()
    expect(opened.get_by_role("status").first).to_contain_text("Saved")

    page = next(
        one
        for one in keyed.get("/v1/status-pages").json()["status_pages"]
        if one["slug"] == "by-hand"
    )
    assert (page["published"], page["has_logo"]) == (True, True)
    (group,) = page["groups"]
    assert (group["name"], [one["name"] for one in group["monitors"]]) == ("Web", ["Shop"])
    opened.get_by_text("Remove", exact=True).last.click()
    opened.get_by_label(re.compile("^Type")).fill("by-hand")
    opened.get_by_role("button", name="Remove for good").click()
    expect(opened.get_by_role("heading", name="Status pages").last).to_be_visible()
    assert keyed.get(f"/v1/status-pages/{page['page_id']}").status_code == 404
