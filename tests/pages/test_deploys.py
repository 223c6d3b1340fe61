"""The pages of deployments as people use them: what serves, what failed, and going back."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.payloads import trace
from tests.e2e.server import Project, Server, create_project
from tests.integration.deploys.runner.repositories import Repository
from tests.pages.deploying import Hand, Pushed, line
from tests.pages.looking import NARROW, OF_COLOURS, WIDE, Visitor
from tests.pages.places import HOSTILE, path_of

pytestmark = [pytest.mark.slow, pytest.mark.browser]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    # What a deployer does is done by hand here.
    settings = {"DEPLOY_DRIVER": "none", "PRIVATE_TARGETS": "allow"}
    with Server(tmp_path_factory.mktemp("deploys") / "data", settings=settings) as running:
        yield running


@pytest.fixture
def project(server: Server) -> Project:
    return create_project(server, "Shop")


@pytest.fixture
def hand(server: Server, project: Project) -> Hand:
    return Hand(server, project)


def is_fine(window: Visitor, but: str = "") -> None:
    """Looks at the page in both themes, for what keeps people from using it.

    What the browser says of an answer that is no success is no fault where the test asked for it.
    """
    page = window.page
    for theme, rules in (("dark", ()), ("light", OF_COLOURS)):
        page.emulate_media(color_scheme=theme)
        expect(page.locator("html")).to_have_attribute("data-theme", theme)
        assert (theme, window.serious_findings(rules)) == (theme, [])
    assert page.locator("h1").count() == 1
    assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]
    assert page.evaluate("window.hit") is None
    assert [one for one in window.faults if not (but and but in one)] == []
    window.faults.clear()


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_an_app_is_made_deployed_watched_and_gone_back_to(
    browser: Browser, server: Server, project: Project, hand: Hand, size: dict[str, int]
) -> None:
    with Visitor.signed_in(browser, server, viewport=size) as window:
        page = window.go(path_of(project, "deploys/app"))
        page.get_by_label("Repository").fill("not a repository")
        page.get_by_role("button", name="Deploy", exact=True).click()
        expect(page.get_by_role("alert")).to_contain_text("git repository")
        page.get_by_label("Repository").fill("https://git.example/ann/shop.git")
        is_fine(window, "the server responded with a status of 400")
        page.get_by_role("button", name="Deploy", exact=True).click()
        expect(page.locator(".facts").first).to_contain_text("queued")
        page.get_by_role("button", name="Cancel").click()
        expect(page.locator(".facts").first).to_contain_text("cancelled")

        hand.serve(Pushed("Add a basket", "a1" * 20))
        hand.serve(Pushed("Show totals", "b2" * 20))
        building = hand.begin(Pushed("Cache pages", "c3" * 20), "install")
        page.goto(path_of(project, "deploys/app"))
        expect(page.locator(".facts").first).to_contain_text("Show totals")
        expect(page.locator(".facts").first).to_contain_text(", process")
        is_fine(window)

        page.get_by_role("link", name="Cache pages").click()
        course = page.locator(".course li")
        expect(course).to_have_count(3)
        hand.print(building.deployment_id, line(1, "added 12 packages"))
        expect(page.locator(".log")).to_contain_text("added 12 packages")
        hand.enter(building, "build")
        expect(course).to_have_count(4)
        page.get_by_role("button", name="Pause").click()
        hand.print(building.deployment_id, line(2, "Error: no such module", "error", "stderr"))
        page.get_by_role("button", name="Follow, 1 new").click()
        expect(page.locator(".log .error")).to_contain_text("no such module")
        expect(page.get_by_role("link", name="First error")).to_be_visible()
        is_fine(window)

        page.goto(path_of(project, "deploys/app"))
        page.get_by_role("button", name="Roll back to this").click()
        expect(page.locator("h1")).to_contain_text("Add a basket")
        expect(page.locator(".facts").first).to_contain_text("Goes back to")
        is_fine(window)


def test_a_repository_is_looked_at_and_what_is_found_can_be_changed(
    browser: Browser, server: Server, tmp_path: Path
) -> None:
    repository = Repository(tmp_path / "shop.git")
    app = "from flask import Flask\napp = Flask('a')\n"
    repository.commit({"requirements.txt": "flask\n", "app.py": app}, HOSTILE)
    project = create_project(server, "Looked at")
    with Visitor.signed_in(browser, server, viewport=NARROW) as window:
        page = window.go(path_of(project, "deploys/app"))
        page.get_by_label("Repository").fill(str(repository.folder))
        page.get_by_label("Branch").fill("other")
        page.get_by_label("Token").fill("typed-once")
        page.get_by_role("button", name="Look at it").click()
        expect(page.get_by_role("alert")).to_contain_text("no branch or tag 'other'")
        expect(page.get_by_label("Branch")).to_have_attribute("aria-invalid", "true")
        is_fine(window, "400")

        page.get_by_label("Branch").fill("main")
        page.get_by_role("button", name="Look at it").click()
        expect(page.get_by_label("What was found")).to_contain_text("Python with Flask")
        expect(page.get_by_label("What was found")).to_contain_text(HOSTILE.strip()[:20])
        expect(page.get_by_label("Token")).to_have_value("typed-once")
        expect(page.get_by_label("Install")).to_have_value(re.compile("requirements.txt"))
        is_fine(window, "400")

        page.get_by_label("Start", exact=True).fill("flask --app app run --port $PORT")
        page.get_by_role("button", name="Deploy", exact=True).click()
        expect(page.locator(".facts").first).to_contain_text("queued")
        page.goto(path_of(project, "deploys/settings"))
        expect(page.get_by_label("Start", exact=True)).to_have_value(
            re.compile("^flask --app app ")
        )
        expect(page.get_by_label("Install")).to_have_value("")


def test_a_log_is_read_in_pages_searched_and_by_level(
    browser: Browser, server: Server, project: Project, hand: Hand
) -> None:
    hand.make_app()
    failed = hand.fail(Pushed("Break it"), "build", "exit 1")
    hand.print(failed, *(line(seq, f"step {seq}") for seq in range(1, 1500)))
    hand.print(failed, line(1500, "Cannot find it", "error", "stderr"))
    hand.print(failed, *(line(seq, f"step {seq}") for seq in range(1501, 2601)))
    server.wait_stored()
    with Visitor.signed_in(browser, server) as window:
        page = window.go(path_of(project, f"deploys/deployments/{failed}"))
        expect(page.locator(".log p")).to_have_count(1000)
        expect(page.locator(".log p").last).to_contain_text("step 2600")
        page.get_by_role("link", name="Older lines").click()
        expect(page.locator(".log p").last).to_contain_text("step 1600")
        page.get_by_role("link", name="First error").click()
        expect(page.locator(".log p:target")).to_contain_text("Cannot find it")
        expect(page.locator(".log p:target")).to_be_in_viewport()

        page.goto(path_of(project, f"deploys/deployments/{failed}"))
        page.get_by_label("Level").select_option("errors")
        expect(page.locator(".log p")).to_have_count(1)
        page.get_by_label("Level").select_option("all")
        page.get_by_label("Search the log").fill("STEP 26")
        page.get_by_role("button", name="Search").click()
        expect(page.locator(".log p")).to_have_count(12)
        is_fine(window)


def test_variables_are_set_pasted_replaced_and_never_shown(
    browser: Browser, server: Server, project: Project, hand: Hand
) -> None:
    hand.make_app()
    with Visitor.signed_in(browser, server, viewport=NARROW) as window:
        page = window.go(path_of(project, "deploys/environment"))
        page.get_by_label("Name").fill("DATABASE_URL")
        page.get_by_label("Value", exact=True).fill("postgres://secret-one")
        page.get_by_role("button", name="Set", exact=True).click()
        expect(page.get_by_role("status").first).to_contain_text("Set.")
        page.get_by_label("Lines of a .env file").fill(
            "# a comment\nexport KEY='secret two'\nOTHER=secret-three # why\n"
        )
        page.get_by_role("button", name="Set all of them").click()
        expect(page.locator("tbody tr")).to_have_count(3)
        page.locator("summary", has_text="Replace KEY").click()
        page.get_by_label("New value").locator("visible=true").fill("secret-four")
        page.get_by_role("button", name="Replace").locator("visible=true").click()
        expect(page.get_by_role("status").first).to_contain_text("Set.")
        is_fine(window)
        assert "secret-" not in page.content()
        page.locator("summary", has_text="Remove OTHER").click()
        page.get_by_role("button", name="Remove it for good").locator("visible=true").click()
        expect(page.locator("tbody tr")).to_have_count(2)


def test_settings_webhooks_and_domains_are_set_up(
    browser: Browser, server: Server, project: Project, hand: Hand
) -> None:
    hand.make_app()
    with Visitor.signed_in(browser, server) as window:
        page = window.go(path_of(project, "deploys/settings"))
        page.get_by_label("Token").fill("ghp_secret")
        page.get_by_label("Previews").check()
        page.get_by_label("Who is told").fill("https://hooks.example/a-secret")
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_role("status").first).to_contain_text("Saved")
        expect(page.get_by_label("Previews")).to_be_checked()
        expect(page.get_by_label("Token (there is one)")).to_have_value("")
        assert "secret" not in page.content()
        is_fine(window)

        page.goto(path_of(project, "deploys/webhooks"))
        page.get_by_role("button", name="Make a webhook").click()
        expect(page.locator(".fresh")).to_contain_text("/receive")
        is_fine(window)
        page.reload()
        expect(page.locator(".fresh")).to_have_count(0)

        page.goto(path_of(project, "deploys/domains"))
        page.get_by_role("textbox", name="Domain").fill("shop.example.com")
        page.get_by_role("button", name="Add the domain").click()
        expect(page.locator(".pairs").first).to_contain_text("_sluice-challenge.shop.example.com")
        is_fine(window)


def test_what_a_deployment_changed_is_shown_before_and_after(
    browser: Browser, server: Server, project: Project, hand: Hand
) -> None:
    hand.make_app()
    hand.serve(Pushed("Fine", "a1" * 20))
    hand.age(180)
    bad = hand.serve(Pushed("Worse", "b2" * 20))
    hand.age(60)
    sent = list(calls())
    for first in range(0, len(sent), 80):
        assert project.post("/v1/traces/batch", sent[first : first + 80]).is_success
    server.wait_stored()
    with Visitor.signed_in(browser, server, viewport=NARROW) as window:
        page = window.go(path_of(project, f"deploys/deployments/{bad.id}"))
        page.get_by_role("link", name="Impact").click()
        expect(page.locator("h1")).to_contain_text("Impact of Worse")
        expect(page.locator(".facts")).to_contain_text("worse")
        failed = page.get_by_role("row", name="Failed LLM calls")
        expect(failed).to_contain_text("worse")
        is_fine(window)


def calls() -> Iterator[dict[str, Any]]:
    """Yields calls of two hours, a hundred an hour, of which every second one fails at last."""
    now = datetime.now(UTC)
    for number in range(240):
        at = now - timedelta(minutes=119 - number / 2)
        fails = number >= 125 and number % 2 == 0
        yield trace(
            timestamp=at.isoformat(), status="error" if fails else "success", cost_cents=0.5
        )


def test_texts_of_commits_and_programs_are_shown_and_not_run(
    browser: Browser, server: Server, project: Project, hand: Hand
) -> None:
    hand.make_app()
    hostile = Pushed(HOSTILE, "d4" * 20, HOSTILE, HOSTILE[:90], HOSTILE)
    hand.serve(hostile)
    failed = hand.fail(hostile, "build", HOSTILE, HOSTILE)
    hand.print(failed, line(1, HOSTILE, "error", "stderr"))
    building = hand.begin(hostile, "build").deployment_id
    server.wait_stored()
    with Visitor.signed_in(browser, server, viewport=NARROW) as window:
        for path in ("deploys/app", "deploys/deployments", f"deploys/deployments/{failed}"):
            page = window.go(path_of(project, path))
            expect(page.locator("main")).to_contain_text("onerror=window.hit=1")
            is_fine(window)
        expect(page.locator(".log")).to_contain_text("onerror=window.hit=1")

        page = window.go(path_of(project, f"deploys/deployments/{building}"))
        hand.print(building, line(1, HOSTILE))
        expect(page.locator(".log")).to_contain_text("onerror=window.hit=1")
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
