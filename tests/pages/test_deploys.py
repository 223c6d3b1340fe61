"""The pages of deployments as people use them: what serves, what failed, and going back."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.server import Project, Server, create_project
from tests.pages.deploying import Hand, Pushed
from tests.pages.looking import NARROW, OF_COLOURS, WIDE, Visitor
from tests.pages.places import HOSTILE, path_of

pytestmark = [pytest.mark.slow, pytest.mark.browser]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("deploys") / "data") as running:
        yield running


@pytest.fixture
def project(server: Server) -> Project:
    return create_project(server, "Shop")


@pytest.fixture
def hand(server: Server, project: Project) -> Hand:
    return Hand(server, project)


def is_fine(window: Visitor) -> None:
    """Looks at the page in both themes, for what keeps people from using it."""
    page = window.page
    for theme, rules in (("dark", ()), ("light", OF_COLOURS)):
        page.emulate_media(color_scheme=theme)
        expect(page.locator("html")).to_have_attribute("data-theme", theme)
        assert (theme, window.serious_findings(rules)) == (theme, [])
    assert page.locator("h1").count() == 1
    assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]
    assert page.evaluate("window.hit") is None
    assert window.faults == []


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_a_deployment_is_watched_fails_and_what_served_before_is_gone_back_to(
    browser: Browser, server: Server, project: Project, hand: Hand, size: dict[str, int]
) -> None:
    hand.make_app()
    hand.serve(Pushed("Add a basket", "a1" * 20))
    hand.serve(Pushed("Show totals", "b2" * 20))
    building = hand.begin(Pushed("Cache pages", "c3" * 20), "install")
    with Visitor.signed_in(browser, server, viewport=size) as window:
        page = window.go(path_of(project, "deploys/app"))
        facts = page.locator(".facts").first
        expect(facts).to_contain_text("running")
        expect(facts).to_contain_text("Show totals")
        is_fine(window)

        page.get_by_role("link", name="Cache pages").click()
        course = page.locator(".course")
        expect(course.locator("li")).to_have_count(3)
        hand.enter(building, "build")
        expect(course.locator("li")).to_have_count(4)
        is_fine(window)
        page.get_by_role("button", name="Cancel").click()
        expect(page.locator(".facts").first).to_contain_text("cancelling")

        page.goto(path_of(project, "deploys/app"))
        page.get_by_role("button", name="Roll back to this").click()
        expect(page.locator("h1")).to_contain_text("Add a basket")
        expect(page.locator(".facts").first).to_contain_text("Goes back to")
        expect(page.locator(".facts").first).to_contain_text("queued")
        page.get_by_role("button", name="Cancel").click()
        expect(page.locator(".facts").first).to_contain_text("cancelled")
        is_fine(window)


def test_texts_of_commits_and_programs_are_shown_and_not_run(
    browser: Browser, server: Server, project: Project, hand: Hand
) -> None:
    hand.make_app()
    hostile = Pushed(HOSTILE, "d4" * 20, HOSTILE, HOSTILE[:90], HOSTILE)
    hand.serve(hostile)
    failed = hand.fail(hostile, "build", HOSTILE, HOSTILE)
    with Visitor.signed_in(browser, server, viewport=NARROW) as window:
        for path in ("deploys/app", "deploys/deployments", f"deploys/deployments/{failed}"):
            page = window.go(path_of(project, path))
            expect(page.locator("main")).to_contain_text("onerror=window.hit=1")
            is_fine(window)


def test_what_cannot_be_done_any_more_is_said(
    browser: Browser, server: Server, project: Project, hand: Hand
) -> None:
    hand.make_app()
    first = hand.begin(Pushed("Cache pages"), "build")
    with Visitor.signed_in(browser, server) as window:
        page = window.go(path_of(project, f"deploys/deployments/{first.deployment_id}?live=0"))
        hand.fail_held(first, "build failed")
        page.get_by_role("button", name="Cancel").click()

        expect(page.get_by_role("alert")).to_contain_text("Nothing was changed")
        expect(page.locator(".fault")).to_contain_text("build failed")
