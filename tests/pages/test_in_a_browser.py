"""The dashboard as people use it, in Chromium."""

import csv
import io
import os
import pty
import re
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import httpx
import pyarrow.parquet as pq
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.components.processes import free_ports
from tests.e2e.payloads import new_id, trace
from tests.e2e.server import CONSOLE_SCRIPT, Project, create_project, wait_for
from tests.pages.conftest import World
from tests.pages.looking import NARROW, WIDE, Visitor

pytestmark = [pytest.mark.slow, pytest.mark.browser]

LINK = re.compile(r"Dashboard[^\n]*(http://127\.0\.0\.1:\d+/enter\?token=\w+)")
HOSTILE = "\"><img src=x onerror=window.hit=1><script>window.hit=1</script>'{{7*7}}"


def path_of(project: Project, page: str) -> str:
    return f"/p/{project.project_id}/{page}"


def newest(project: Project) -> str:
    return str(project.get("/v1/traces", limit=1).json()["traces"][0]["traceId"])


@pytest.fixture(scope="module", params=["light", "dark"])
def windows(
    browser: Browser, world: World, request: pytest.FixtureRequest
) -> Iterator[list[Visitor]]:
    windows = [
        Visitor.signed_in(browser, world.server, color_scheme=request.param, viewport=size)
        for size in (NARROW, WIDE)
    ]
    yield windows
    for window in windows:
        window.context.close()


class TestEveryPage:
    PAGES = (
        ("demo", "overview"),
        ("demo", "overview/more"),
        ("demo", "llm/explore?by=model&measure=cost"),
        ("demo", "llm/explore?measure=p95&compare=1"),
        ("demo", "llm/traces"),
        ("demo", "trace"),
        ("demo", "settings"),
        ("demo", "llm/models"),
        ("demo", "llm/traces?where=model:none-of-it"),
        ("empty", "overview"),
        ("empty", "llm/explore"),
        ("empty", "llm/traces"),
        ("empty", "llm/models"),
    )

    @pytest.mark.parametrize(("project", "page"), PAGES, ids=lambda text: text.replace("/", "-"))
    def test_it_is_whole_quiet_and_accessible_at_each_width_in_each_theme(
        self, windows: list[Visitor], world: World, project: str, page: str
    ) -> None:
        shown: Project = getattr(world, project)
        if page == "trace":
            page = f"llm/traces/{newest(shown)}"
        for window in windows:
            opened = window.go(path_of(shown, page))

            assert opened.locator("h1").count() == 1
            assert window.serious_findings() == []
            assert window.faults == []
            width = opened.evaluate("document.documentElement.scrollWidth")
            assert width <= opened.viewport_size["width"]

    @pytest.mark.parametrize("path", ["/sign-in", "/sign-up", "/p/none/overview"])
    def test_so_it_is_for_who_is_signed_out(
        self, browser: Browser, world: World, path: str
    ) -> None:
        with Visitor(browser, world.server, viewport=NARROW, color_scheme="dark") as window:
            window.go(path)

            assert window.serious_findings() == []
            assert window.faults == []


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
            )
            assert answer.status_code == 202
            window.get_by_role("link", name="Traces").click()
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


class TestOverview:
    def test_it_names_models_without_a_price_and_not_those_whose_calls_failed(
        self, visitor: Visitor, world: World
    ) -> None:
        opened = visitor.go(path_of(world.demo, "overview/more"))

        panel = opened.locator("section", has_text="Unpriced models")
        assert panel.locator("a").all_inner_texts() == ["example-lab/in-house-7b"]

    def test_it_finds_the_feature_that_a_release_made_more_expensive(
        self, visitor: Visitor, world: World
    ) -> None:
        project = create_project(world.server, "Bad release")
        hours = [datetime.now(UTC) - timedelta(hours=h) for h in (2, 30)]
        items = [
            trace(
                trace_id=new_id(),
                timestamp=at.isoformat(timespec="milliseconds"),
                cost_cents=cents,
                status="success",
                metadata={"feature": feature, "release": release},
            )
            for at, release, dear in ((hours[0], "4.2.0", 9.0), (hours[1], "4.1.3", 1.0))
            for feature, cents in (("search", dear), ("chat", 1.0))
            for _ in range(40)
        ]
        for half in (items[:80], items[80:]):
            assert project.post("/v1/traces/batch", half).status_code == 202
        world.server.wait_stored()

        page = visitor.go(path_of(project, "overview?range=7d"))
        mark = page.get_by_role("img", name="Release 4.2.0").first
        mark.focus()
        assert mark.evaluate("one => getComputedStyle(one, '::after').display") == "block"
        page.locator(".as-table summary").first.click()
        expect(page.locator(".as-table tr", has_text="Release 4.2.0").first).to_be_visible()
        page = visitor.go(path_of(project, "overview"))
        row = page.locator("section", has_text="What moved most").locator("tbody tr").first

        assert row.inner_text().split("\t") == [
            "feature search",
            "Cost per call",
            "$0.01",
            "$0.09",
            "+$0.08",
        ]
        row.locator("a").click()
        page.wait_for_url("**where=metadata.feature%3Asearch*")
        expect(page.locator(".chip")).to_contain_text("metadata.feature:search")


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
        expect(page.locator("[data-term]")).to_have_count(1)
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


class TestFiles:
    def test_what_explore_shows_is_taken_away_as_csv_and_as_parquet(
        self, visitor: Visitor, world: World
    ) -> None:
        page = visitor.go(path_of(world.demo, "llm/explore?by=model&measure=cost"))
        shown = page.locator("[data-rows] a.row").all_inner_texts()

        parquet = pq.read_table(io.BytesIO(taken(page, "Parquet")))
        lines = list(csv.DictReader(io.StringIO(taken(page, "CSV").decode())))

        assert parquet["model"].to_pylist() == [line["model"] for line in lines] == shown
        assert parquet["cost_usd"].to_pylist() == [float(line["cost_usd"]) for line in lines]
        answer = world.demo.get("/v1/analytics", date_from=day_ago(), date_to=now()).json()
        assert sum(parquet["calls"].to_pylist()) == answer["totalRequests"]
        assert sum(parquet["cost_usd"].to_pylist()) == pytest.approx(answer["totalCost"] / 100)

    def test_so_are_the_traces_that_fit_the_filter(self, visitor: Visitor, world: World) -> None:
        page = visitor.go(path_of(world.demo, "llm/traces?where=provider:openai"))
        total = int(page.locator(".counted span").first.get_attribute("title") or "")

        rows = pq.read_table(io.BytesIO(taken(page, "Parquet"))).to_pylist()
        lines = list(csv.DictReader(io.StringIO(taken(page, "CSV").decode())))

        assert total == len(rows) == len(lines)
        assert [row["trace_id"] for row in rows] == [line["trace_id"] for line in lines]
        assert {row["provider"] for row in rows} == {"openai"}
        first = page.locator("a.row").first.get_attribute("href") or ""
        assert rows[0]["trace_id"] in first


def taken(page: Page, name: str) -> bytes:
    with page.expect_download() as awaited:
        page.get_by_role("link", name=name, exact=True).click()
    return Path(awaited.value.path()).read_bytes()


def day_ago() -> str:
    return (datetime.now(UTC) - timedelta(days=1)).isoformat()


@pytest.fixture(scope="module")
def attacked(world: World) -> str:
    trace_id = new_id()
    said = {
        "role": HOSTILE,
        "content": f"{HOSTILE} [x](javascript:window.hit=1) ![y](//e.example)",
    }
    called = {"function": {"name": HOSTILE, "arguments": HOSTILE}}
    picture = {"type": "image_url", "image_url": {"url": f"https://e.example/{HOSTILE}"}}
    drawn = {"type": "image_url", "image_url": {"url": f"data:image/svg+xml,{HOSTILE}"}}
    items = [
        trace(
            trace_id=trace_id if status == "error" else new_id(),
            timestamp=now(),
            session_id=HOSTILE,
            provider="openai",
            model_requested=HOSTILE,
            model_used=HOSTILE,
            provider_request_id=HOSTILE,
            finish_reason=HOSTILE,
            output_text=HOSTILE,
            status=status,
            error={"name": HOSTILE, "message": HOSTILE},
            metadata={"userId": HOSTILE, "environment": HOSTILE, HOSTILE: HOSTILE},
            request_body={
                "system": HOSTILE,
                "messages": [
                    said,
                    {
                        "role": "user",
                        "content": [picture, drawn, {"type": HOSTILE, HOSTILE: 1}],
                    },
                    {"role": "assistant", "content": None, "tool_calls": [called]},
                    {"role": "tool", "tool_call_id": HOSTILE, "content": HOSTILE},
                ],
                HOSTILE: {HOSTILE: [HOSTILE]},
            },
            response_body={"content": [{"type": "thinking", "thinking": HOSTILE}]},
        )
        for status in ("error", "success")
    ]
    answer = world.empty.post("/v1/traces/batch", items)
    assert answer.status_code == 202, answer.text
    return trace_id


class TestSettings:
    def test_a_key_is_made_used_and_revoked_by_its_name(
        self, visitor: Visitor, world: World
    ) -> None:
        page = visitor.go(path_of(world.empty, "settings"))
        page.get_by_label("Name of a new key").fill("CI <b>")
        page.get_by_role("button", name="Make a key").click()
        row = page.locator("tr", has_text="CI <b>")
        row.locator("summary").first.click()
        key = row.locator("pre").inner_text()
        used = world.server.client(key)
        assert used.get("/v1/traces").status_code == 200

        row.locator("summary").last.click()
        row.get_by_label("Type CI <b>").fill("CI")
        row.get_by_role("button", name="Revoke").click()
        expect(page.get_by_role("alert")).to_contain_text("Nothing was revoked")
        row.locator("summary").last.click()
        row.get_by_label("Type CI <b>").fill("CI <b>")
        row.get_by_role("button", name="Revoke").click()

        expect(row).to_have_count(0)
        assert used.get("/v1/traces").status_code == 401

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


class TestHostileTexts:
    """Whatever a sender controls is text on every page, and nothing else."""

    def test_none_of_it_becomes_markup(self, visitor: Visitor, world: World, attacked: str) -> None:
        quoted = quote('model:"' + HOSTILE.replace('"', '\\"') + '"')
        pages = (
            *("overview", "overview/more", "llm/traces", f"llm/traces/{attacked}", "llm/models"),
            f"llm/traces?where={quoted}&open={attacked}",
            "llm/traces?cols=time,status,model,output,user,environment,session,provider",
            *(f"llm/explore?by={by}" for by in ("model", "user,environment", "session_id")),
            f"llm/explore?by={quote('metadata.' + HOSTILE)}",
            *("llm/suggest?add=model:", "find?q=%22%3E"),
            *(f"llm/explore?{name}={quote(HOSTILE)}" for name in ("where", "by", "measure", "x")),
        )
        for path in pages:
            page = visitor.page
            page.set_extra_http_headers({"HX-Request": "true"} if path[:4] == "find" else {})
            visitor.go(path_of(world.empty, path))
            page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")

            assert page.evaluate("window.hit") is None, path
            assert page.locator("[onerror], script:not([src]), img[src=x]").count() == 0, path
            assert page.locator("a[href^='javascript:'], img[src^='http']").count() == 0, path
            assert "49" not in page.locator("body").inner_text() or "{{7*7}}" in page.content()
        assert [one for one in visitor.faults if "400" not in one and "favicon" not in one] == []


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
