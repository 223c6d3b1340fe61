"""What all pages share, and the settings, as people use them in Chromium."""

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, expect

from tests.components.processes import free_ports
from tests.e2e.payloads import trace
from tests.e2e.server import CONSOLE_SCRIPT, wait_for
from tests.pages.conftest import World
from tests.pages.looking import NARROW, Visitor
from tests.pages.places import newest, now, path_of

pytestmark = [pytest.mark.slow, pytest.mark.browser]

LINK = re.compile(r"Dashboard[^\n]*(http://127\.0\.0\.1:\d+/enter\?token=\w+)")


class TestNewcomer:
    def test_from_the_link_of_the_first_start_to_the_first_trace(
        self, browser: Browser, tmp_path: Path
    ) -> None:
        (port,) = free_ports(1)
        ours, theirs = pty.openpty()
        environ = {k: v for k, v in os.environ.items() if not k.startswith("SLUICE_")}
        environ |= {"SLUICE_PORT": str(port), "SLUICE_DATA_DIR": str(tmp_path / "data")}
        process = subprocess.Popen([CONSOLE_SCRIPT, "up"], stdout=theirs, env=environ)
        try:
            said = b""

            def link() -> re.Match[str] | None:
                nonlocal said
                said += os.read(ours, 65536)
                return LINK.search(said.decode())

            url = wait_for(link, "the link", timeout_s=60)[1]
            window = browser.new_page()
            window.goto(url)
            expect(window.get_by_role("heading", level=1)).to_have_text("Overview")
            expect(window.locator(".empty pre").first).to_contain_text(f":{port}/v1/traces/batch")
            key = re.search(r"API key: (\S+)", said.decode())
            assert key is not None
            answer = httpx.post(
                f"http://127.0.0.1:{port}/v1/traces/batch",
                headers={"Authorization": f"Bearer {key[1]}"},
                json=[trace(timestamp=now(), output_text="The very first", output_tokens=3)],
                trust_env=False,
                verify=False,
            )
            assert answer.status_code == 202
            window.get_by_role("link", name="Traces", exact=True).click()
            window.get_by_text("The very first").click()

            expect(window.locator("#drawer")).to_contain_text("The very first")
            window.goto(url)
            expect(window.get_by_role("heading", level=1)).to_have_text("Overview")
            window.context.clear_cookies()
            window.goto(url)
            expect(window.get_by_role("alert")).to_contain_text("used up")
        finally:
            process.kill()
            process.wait()
            os.close(ours)
            os.close(theirs)


class TestState:
    def test_back_and_reload_keep_filter_and_drawer(self, visitor: Visitor, world: World) -> None:
        page = visitor.go(path_of(world.demo, "llm/traces"))
        page.fill("#filter", "provider:openai")
        page.press("#filter", "Enter")
        page.wait_for_url("**where=provider*")
        page.locator("tbody tr").nth(2).click()
        page.wait_for_selector("#drawer:not([hidden]) .facts")
        opened = page.url
        found = page.locator("#drawer .id").inner_text()

        page.reload()
        assert page.url == opened
        expect(page.locator("#drawer .id")).to_have_text(found)
        page.keyboard.press("Escape")
        expect(page.locator("#drawer")).to_be_hidden()
        assert "open=" not in page.url
        page.go_back()
        page.wait_for_url("**open=*")
        expect(page.locator("#drawer .id")).to_have_text(found)
        assert page.locator(".chip").inner_text().split() == ["is", "provider:openai", "×"]
        assert visitor.faults == []

    def test_a_link_opens_the_same_for_a_colleague_without_a_script(
        self, browser: Browser, world: World
    ) -> None:
        trace_id = newest(world.demo)
        link = path_of(
            world.demo, f"llm/traces?where=provider:openai&cols=time,cost&open={trace_id}"
        )
        with Visitor.signed_in(browser, world.server, java_script_enabled=False) as window:
            page = window.go(link)

            assert page.locator("[data-rows] thead th").all_inner_texts() == ["Time", "Cost"]
            assert page.locator("#drawer .id").inner_text() == trace_id
            page.fill("#filter", "-status:error")
            page.press("#filter", "Enter")
            assert "where=provider%3Aopenai+-status%3Aerror" in page.url
            page.get_by_role("link", name="Remove status:error").click()
            assert "where=provider%3Aopenai" in page.url
            assert "error" not in page.url


class TestFilter:
    def test_values_are_suggested_from_the_data_and_taken_by_keys(
        self, visitor: Visitor, world: World
    ) -> None:
        page = visitor.go(path_of(world.demo, "llm/explore"))

        page.keyboard.press("/")
        page.keyboard.type("prov")
        # The key that begins so, and last of all the text.
        expect(page.locator("[data-term]")).to_have_text(
            [re.compile("^provider:"), re.compile("^text:prov")]
        )
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        expect(page.locator("[data-term='provider:openai']")).to_contain_text("calls")
        page.keyboard.type("openai")
        page.keyboard.press("Enter")

        page.wait_for_url("**where=provider%3Aopenai*")
        page.get_by_title("Leave it out").click()
        page.wait_for_url("**where=-provider%3Aopenai*")
        assert "openai" not in page.locator("tbody").first.inner_text()

    def test_pages_of_a_list_follow_each_other_without_a_gap(
        self, visitor: Visitor, world: World
    ) -> None:
        total = world.demo.get("/v1/traces", limit=1).json()["total"]
        page = visitor.go(path_of(world.demo, "llm/traces?range=7d"))
        seen: list[str] = []
        while True:
            seen += page.locator("a.row").evaluate_all("all => all.map(one => one.href)")
            older = page.get_by_role("link", name="Older")
            if not older.count():
                break
            older.click()
            page.wait_for_load_state()

        ids = [re.findall(r"traces/([^?]+)", one)[0] for one in seen]
        assert len(ids) == len(set(ids)) == total

    def test_chosen_columns_are_kept(self, visitor: Visitor, world: World) -> None:
        page = visitor.go(path_of(world.demo, "llm/traces"))
        page.get_by_text("Columns").click()
        for name in ("Answer", "Latency", "Input", "Output", "Cost", "User", "Session"):
            page.get_by_label(name, exact=True).click()
        page.get_by_role("button", name="Show").click()
        page.wait_for_url("**cols=*")
        page = visitor.go(path_of(world.demo, "llm/traces"))

        titles = page.locator("[data-rows] thead th").all_inner_texts()
        assert titles == ["Time", "Status", "Model", "Session"]


class TestKeys:
    def test_the_palette_finds_pages_models_and_traces(
        self, visitor: Visitor, world: World
    ) -> None:
        trace_id = newest(world.demo)
        page = visitor.go(path_of(world.demo, "overview"))

        page.keyboard.press("Control+k")
        page.keyboard.type("gpt-4o")
        expect(page.locator("#found")).to_contain_text("model")
        page.locator("#palette input").fill(trace_id)
        expect(page.locator("#found a").first).to_contain_text(trace_id)
        page.keyboard.press("Enter")
        page.wait_for_url(f"**/llm/traces/{trace_id}*")
        page.keyboard.press("Control+k")
        page.keyboard.type("explore")
        expect(page.locator("#found a").first).to_contain_text("Explore")
        page.keyboard.press("Enter")
        page.wait_for_url("**/llm/explore*")

    def test_rows_are_walked_and_opened(self, visitor: Visitor, world: World) -> None:
        page = visitor.go(path_of(world.demo, "llm/traces"))
        ids = page.locator("a.row").evaluate_all(
            "all => all.map(one => one.pathname.split('/').pop())"
        )

        for key in "jjko":
            page.keyboard.press(key)
        expect(page.locator("#drawer .id")).to_have_text(ids[0])
        page.keyboard.press("j")
        expect(page.locator("#drawer .id")).to_have_text(ids[1])
        page.keyboard.press("?")
        expect(page.get_by_role("dialog", name="Keys")).to_be_visible()

    def test_the_menu_shows_where_one_is(self, visitor: Visitor, world: World) -> None:
        page = visitor.go(path_of(world.demo, "pipeline"))

        here = page.locator(".nav .link[aria-current]")
        expect(here).to_have_text("Pipeline")
        expect(here).to_be_in_viewport(ratio=0.9)


class TestChart:
    def test_dragging_over_it_shows_that_time_alone(self, visitor: Visitor, world: World) -> None:
        page = visitor.go(path_of(world.demo, "overview"))
        before = page.locator(".tile .figure").first.inner_text()
        box = page.locator(".u-over").first.bounding_box()
        assert box is not None

        page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 40)
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] * 0.8, box["y"] + 50, steps=4)
        page.mouse.up()
        page.wait_for_url("**from=*")

        expect(page.locator("#range summary")).to_contain_text("Custom range")
        assert page.locator(".tile .figure").first.inner_text() != before
        assert visitor.faults == []

    def test_its_legend_hides_a_series(self, visitor: Visitor, world: World) -> None:
        page = visitor.go(path_of(world.demo, "llm/explore?by=provider"))
        shown = page.locator(".legend tbody tr").first
        shown.get_by_role("button").click()

        expect(shown.get_by_role("button")).to_have_attribute("aria-pressed", "false")
        box = page.locator(".u-over").bounding_box()
        assert box is not None
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 20)
        assert shown.get_by_role("button").inner_text() not in page.locator(".tip").inner_text()

    def test_the_theme_is_switched_and_kept(self, visitor: Visitor, world: World) -> None:
        page = visitor.go(path_of(world.demo, "overview"))
        colours = []
        for _ in range(3):
            page.locator("[data-theme-switch]").click()
            colours.append(page.evaluate("getComputedStyle(document.body).backgroundColor"))
        page.locator("[data-theme-switch]").click()
        page.locator("[data-theme-switch]").click()
        page.reload()

        assert len(set(colours)) == 2
        assert page.evaluate("document.documentElement.dataset.theme") == "dark"


class TestSettings:
    def test_an_admin_makes_a_key_sends_with_it_and_revokes_it(
        self, visitor: Visitor, world: World
    ) -> None:
        page = visitor.go(path_of(world.empty, "settings"))
        page.get_by_role("link", name="Keys").click()
        page.get_by_label("Name of a new key").fill("CI <b>")
        page.get_by_role("button", name="Make a key").click()
        expect(page.get_by_role("status").first).to_contain_text("The key CI <b>")
        page.get_by_text("From Python", exact=True).click()
        sample = page.locator("pre", has_text="uuid4").inner_text()
        key = page.locator(".fresh code").inner_text()
        used = world.server.client(key)

        subprocess.run([sys.executable, "-c", sample], check=True, timeout=30)
        assert used.get("/v1/traces", params={"limit": 1}).status_code == 200
        page.reload()
        assert key not in page.content()
        row = page.locator("tr", has_text="CI <b>")
        row.get_by_text("Revoke", exact=True).click()
        row.get_by_label("Type CI <b>").fill("CI")
        row.get_by_role("button", name="Revoke").click()
        expect(page.get_by_role("alert")).to_contain_text("Nothing was revoked")
        row.get_by_text("Revoke", exact=True).click()
        row.get_by_label("Type CI <b>").fill("CI <b>")
        row.get_by_role("button", name="Revoke").click()

        expect(row).to_have_count(0)
        assert used.get("/v1/traces").status_code == 401
        assert [one for one in visitor.faults if "400" not in one] == []

    def test_a_colleague_joins_by_a_link_without_a_script_and_is_made_admin_and_removed(
        self, browser: Browser, visitor: Visitor, world: World
    ) -> None:
        page = visitor.go(path_of(world.empty, "settings/members"))
        page.get_by_label("Email").fill("colleague@example.com")
        page.get_by_role("button", name="Make a link").click()
        link = page.locator(".fresh code").inner_text()

        with Visitor(browser, world.server, viewport=NARROW, color_scheme="dark") as phone:
            phone.go(link)
            assert phone.serious_findings() == phone.faults == []
        with Visitor(browser, world.server, java_script_enabled=False) as colleague:
            theirs = colleague.go(link)
            expect(theirs.get_by_role("heading", level=1)).to_contain_text("Join Empty")
            fresh = theirs.locator("form").first
            fresh.get_by_label("Name").fill("Colleague")
            fresh.get_by_label("Password").fill("battery staple")
            fresh.get_by_role("button").click()
            expect(theirs.get_by_role("heading", level=1)).to_have_text("Overview")
            theirs.goto(path_of(world.empty, "settings/members"))
            expect(theirs.locator("main")).to_contain_text("ask one of its admins")

            page.reload()
            row = page.locator("tr", has_text="colleague@example.com")
            row.get_by_label("Role of Colleague").select_option("admin")
            row.get_by_role("button", name="Change").click()
            theirs.reload()
            expect(theirs.get_by_role("button", name="Make a link")).to_be_visible()
            row.get_by_text("Remove", exact=True).click()
            row.get_by_label("Type colleague").fill("colleague@example.com")
            row.get_by_role("button", name="Remove").click()

            expect(row).to_have_count(0)
            theirs.reload()
            expect(theirs.get_by_role("alert")).to_contain_text("project of others")
        assert visitor.faults == []

    def test_a_model_without_a_price_gets_one_from_the_models_page(
        self, visitor: Visitor, world: World
    ) -> None:
        page = visitor.go(path_of(world.demo, "llm/models?range=7d"))
        row = page.locator("tr", has_text="in-house-7b")
        row.get_by_role("link", name="Set a price").click()
        expect(page.get_by_label("Model", exact=True)).to_have_value("example-lab/in-house-7b")
        page.get_by_label("Input", exact=True).fill("0.1")
        page.get_by_label("Output", exact=True).fill("cheap")
        expect(page.locator("#price").get_by_text("Not saved yet")).to_be_visible()
        page.get_by_role("button", name="Set the price").click()
        expect(page.get_by_role("alert")).to_contain_text("no number such as 2.50")
        page.get_by_label("Output", exact=True).fill("0.4")
        page.get_by_role("button", name="Set the price").click()
        expect(page.locator(".fresh code")).to_contain_text("sluice reprice --from")
        expect(page.locator("tr", has_text="in-house-7b")).to_contain_text("output $0.4")

        page.locator("tr", has_text="in-house-7b").get_by_role("button", name="Remove").click()
        expect(page.locator("tr", has_text="in-house-7b")).to_have_count(0)

    def test_what_is_typed_and_not_saved_is_not_lost_by_a_slip(
        self, visitor: Visitor, world: World
    ) -> None:
        page = visitor.go(path_of(world.empty, "settings"))
        asked: list[str] = []
        page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.dismiss()))
        name = page.get_by_label("Name", exact=True).input_value()
        page.get_by_label("Name", exact=True).fill("Half a na")
        page.get_by_role("link", name="Overview").click()
        expect(page.get_by_label("Name", exact=True)).to_have_value("Half a na")
        page.get_by_label("Name", exact=True).fill(name)
        page.get_by_role("link", name="Keys").click()

        page.wait_for_url("**/settings/keys*")
        assert asked == ["beforeunload"]

    def test_a_wrong_setting_is_said_and_a_right_one_counts_at_once(
        self, visitor: Visitor, world: World
    ) -> None:
        page = visitor.go(path_of(world.empty, "settings"))
        page.get_by_label("Time zone").fill("Europe/Berlim")
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_role("alert")).to_contain_text("Europe/Berlin")
        page.get_by_label("Time zone").fill("Europe/Berlin")
        page.get_by_role("button", name="Save").click()
        page.get_by_role("link", name="Overview").click()

        expect(page.locator("#range summary")).to_contain_text("Europe/Berlin")
