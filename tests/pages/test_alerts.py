"""The page of alerts: an admin sets up a channel and a rule, and tries the channel."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.server import Project, Server, create_project
from tests.pages.looking import NARROW, WIDE, Visitor

pytestmark = [pytest.mark.slow, pytest.mark.browser]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("alerts") / "data") as running:
        yield running


@pytest.fixture
def project(server: Server) -> Project:
    return create_project(server, "Shop")


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_a_channel_and_a_rule_are_made_and_tried(
    browser: Browser, server: Server, project: Project, size: dict[str, int]
) -> None:
    path = f"/p/{project.project_id}/errors/alerts"
    with Visitor.signed_in(browser, server, viewport=size) as window:
        page = window.go(path)
        page.get_by_text("New channel").click()
        form = page.locator("form").filter(has_text="Make the channel")
        form.get_by_label("Name", exact=True).fill("On call")
        # Nothing listens there, and it is a private address.
        form.get_by_label("URL, key or addresses").fill("http://127.0.0.1:9/hook")
        form.get_by_role("button", name="Make the channel").click()
        expect(page.get_by_role("row").filter(has_text="On call")).to_have_count(1)

        page.get_by_text("New rule").click()
        form = page.locator("form").filter(has_text="Make the rule")
        form.get_by_label("Name", exact=True).fill("New issues")
        form.get_by_label("On call").check()
        form.get_by_role("button", name="Make the rule").click()
        rule = page.get_by_role("row").filter(has_text="New issues").first
        expect(rule).to_contain_text("never")

        page.get_by_role("button", name="Test On call").click()
        said = page.get_by_role("status").filter(has_text="not delivered")
        expect(said).to_contain_text("SLUICE_PRIVATE_TARGETS=allow")
        for theme in ("dark", "light"):
            page.emulate_media(color_scheme=theme)
            expect(page.locator("html")).to_have_attribute("data-theme", theme)
            assert (theme, window.serious_findings()) == (theme, [])
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= page.viewport_size["width"]

        page.get_by_role("link", name="New issues", exact=True).first.click()
        expect(page.locator("h1")).to_contain_text("New issues")
        expect(page.get_by_label("On call")).to_be_checked()
        assert window.serious_findings() == []
        assert window.faults == []
