"""The dashboard as people use it, in Chromium."""

import csv
import io
import os
import pty
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import httpx
import pyarrow.parquet as pq
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.components.processes import free_ports
from tests.e2e.payloads import new_id, span, trace
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


def session_of(project: Project) -> str:
    """Returns the agent's session that has every kind of event."""
    spans = project.get("/v1/spans", kind="notification", limit=1).json()["spans"]
    return str(spans[0]["sessionId"])


def newest_session(project: Project) -> str:
    traces = project.get("/v1/traces", limit=100).json()["traces"]
    return str(next(one["sessionId"] for one in traces if one["sessionId"]))


@pytest.fixture(scope="module")
def windows(browser: Browser, world: World) -> Iterator[list[Visitor]]:
    windows = [Visitor.signed_in(browser, world.server, viewport=size) for size in (NARROW, WIDE)]
    yield windows
    for window in windows:
        window.context.close()


class TestEveryPage:
    PAGES = (
        ("demo", "overview"),
        ("demo", "overview/more"),
        ("demo", "llm/explore?by=model&measure=cost"),
        ("demo", "llm/explore?measure=p95&compare=1"),
        ("demo", "llm/explore?by=metadata.feature&measure=cost"),
        ("demo", "llm/traces"),
        ("demo", "trace"),
        ("demo", "llm/sessions"),
        ("demo", "session"),
        ("demo", "llm/users"),
        ("demo", "llm/users/user-001"),
        ("demo", "settings"),
        ("demo", "settings/members"),
        ("demo", "settings/keys"),
        ("demo", "settings/prices"),
        ("demo", "/account"),
        ("demo", "llm/models"),
        ("demo", "llm/traces?where=model:none-of-it"),
        ("demo", "agents"),
        ("demo", "agents/tools"),
        ("demo", "agents/tools/uses?tool=Bash&sort=latest"),
        ("demo", "agent session"),
        ("empty", "agents"),
        ("demo", "pipeline"),
        ("demo", "pipeline/dead"),
        ("empty", "pipeline"),
        ("empty", "overview"),
        ("empty", "llm/explore"),
        ("empty", "llm/traces"),
        ("empty", "llm/sessions"),
        ("empty", "llm/users"),
        ("empty", "llm/models"),
    )

    @pytest.mark.parametrize(("project", "page"), PAGES, ids=lambda text: text.replace("/", "-"))
    def test_it_is_whole_quiet_and_accessible_at_each_width_in_each_theme(
        self, windows: list[Visitor], world: World, project: str, page: str
    ) -> None:
        shown: Project = getattr(world, project)
        if page == "trace":
            page = f"llm/traces/{newest(shown)}"
        elif page == "agent session":
            page = f"agents/sessions/{session_of(shown)}"
        elif page == "session":
            page = f"llm/sessions/{newest_session(shown)}"
        for window in windows:
            opened = window.go(page if page[0] == "/" else path_of(shown, page))

            assert opened.locator("h1").count() == 1
            for theme in ("dark", "light"):
                opened.emulate_media(color_scheme=theme)
                expect(opened.locator("html")).to_have_attribute("data-theme", theme)
                assert (theme, window.serious_findings()) == (theme, [])
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
        assert panel.locator("a.cut").all_inner_texts() == ["example-lab/in-house-7b"]
        panel.get_by_role("link", name="Set a price").click()
        expect(opened.get_by_label("Model", exact=True)).to_have_value("example-lab/in-house-7b")

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


class TestExplore:
    ADDRESS = "llm/explore?range=7d&by=metadata.feature&measure=cost"

    def test_the_page_is_there_before_what_takes_its_time(
        self, visitor: Visitor, world: World
    ) -> None:
        page = visitor.page
        with page.expect_request(lambda one: "hx-request" in one.headers) as asked:
            page.goto(path_of(world.demo, self.ADDRESS), wait_until="commit")
        assert asked.value.url == page.url

        expect(page.locator("[data-rows] tr", has_text="support-chat")).to_be_visible()
        expect(page.locator(".chart canvas").first).to_be_visible()
        assert visitor.faults == []

    def test_without_a_script_a_link_leads_to_all_of_it(
        self, browser: Browser, world: World
    ) -> None:
        with Visitor.signed_in(browser, world.server, java_script_enabled=False) as window:
            page = window.go(path_of(world.demo, self.ADDRESS))
            page.get_by_role("link", name="The chart and the table").click()

            expect(page.locator("[data-rows] tr", has_text="support-chat")).to_be_visible()
            expect(page.get_by_label("by")).to_have_value("metadata.feature")


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


class TestSessions:
    def test_from_the_most_expensive_session_to_its_user_and_back(
        self, visitor: Visitor, world: World
    ) -> None:
        sessions = {
            one["sessionId"]
            for one in world.demo.get("/v1/traces", limit=1000).json()["traces"]
            if one["sessionId"]
        }
        page = visitor.go(path_of(world.demo, "llm/sessions?range=7d"))
        expect(page.locator(".totals")).to_contain_text(f"{len(sessions)} sessions")
        expect(page.locator("#prompt-0")).not_to_be_empty()
        page.get_by_role("link", name="Cost").click()
        page.wait_for_url("**sort=cost*")
        seen: list[str] = []
        costs: list[str] = []
        while True:
            expect(page.locator("th[aria-sort=descending]")).to_contain_text("Cost")
            seen += page.locator("a.row").all_inner_texts()
            cell = "td:nth-child(8) span"
            costs += page.locator(cell).evaluate_all("all => all.map(one => one.title)")
            more = page.get_by_role("link", name="More", exact=True)
            if not more.count():
                break
            more.click()
            page.wait_for_load_state()
        assert len(seen) == len(set(seen))
        assert set(seen) == sessions
        known = [float(one.removeprefix("$")) for one in costs if one.startswith("$")]
        assert known == sorted(known, reverse=True)

        page.get_by_role("link", name="Back to the first").click()
        expect(page.get_by_role("link", name="Back to the first")).to_have_count(0)
        expect(page.locator("a.row").first).to_have_text(seen[0])
        for key in "jjo":
            page.keyboard.press(key)
        expect(page.locator("#drawer h2")).to_have_text(seen[1])
        page.locator("#drawer").get_by_role("link", name="Whole page").click()
        page.wait_for_url(f"**/llm/sessions/{seen[1]}*")
        page.locator("[data-rows] tbody tr").first.click()
        expect(page.locator("#drawer .id")).to_be_visible()
        page.go_back()
        expect(page.locator("#drawer")).to_be_hidden()
        page.go_back()
        page.wait_for_url("**/llm/sessions?*open=*")
        expect(page.locator("#drawer h2")).to_have_text(seen[1])
        page.locator("#drawer .facts").get_by_role("link", name="user-").click()
        page.wait_for_url("**/llm/users/user-*")
        expect(page.locator("h2", has_text="Sessions seen last")).to_be_visible()
        assert visitor.faults == []

    def test_without_a_script_nothing_is_missing(self, browser: Browser, world: World) -> None:
        with Visitor.signed_in(browser, world.server, java_script_enabled=False) as window:
            page = window.page
            page.goto(path_of(world.demo, "llm/sessions"))
            page.get_by_role("link", name="Add up").click()
            expect(page.locator(".totals")).to_contain_text("median cost")
            assert page.locator("#prompt-0").inner_text()
            page.goto(path_of(world.demo, "llm/users?where=-status:error&sort=calls"))
            page.get_by_role("link", name="Add up").click()
            expect(page.locator(".totals")).to_contain_text("users")
            assert page.locator("#user-sessions-0").inner_text()

    def test_the_palette_opens_a_session_and_a_user(self, visitor: Visitor, world: World) -> None:
        session = newest_session(world.demo)
        page = visitor.go(path_of(world.demo, "overview"))
        for text, there in (
            (session, f"**/llm/sessions/{session}*"),
            ("user-001", "**/users/user-001*"),
        ):
            page.keyboard.press("Control+k")
            page.locator("#palette input").fill(text)
            expect(page.locator("#found a").first).to_contain_text(text)
            page.keyboard.press("Enter")
            page.wait_for_url(there)


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
    events = [
        {
            **span(session_id=HOSTILE, timestamp=now(), source=HOSTILE, kind=kind),
            **dict.fromkeys(("event_type", "tool_name", "cwd", "model", "agent_name"), HOSTILE),
            **{name: {HOSTILE: HOSTILE} for name in ("tool_input", "tool_response", "error")},
            "span_id": trace_id if kind == "tool_use" else new_id(),
            "status": "error",
            "tool_use_id": HOSTILE,
            "metadata": {"prompt": HOSTILE, "message": HOSTILE, HOSTILE: HOSTILE},
        }
        for kind in ("tool_use", "user_prompt", "notification", "llm_response", "agent_run")
    ]
    answer = world.empty.post("/v1/spans/batch", events)
    assert answer.status_code == 202, answer.text
    return trace_id


class TestSettings:
    def test_an_admin_makes_a_key_sends_with_it_and_revokes_it(
        self, visitor: Visitor, world: World
    ) -> None:
        page = visitor.go(path_of(world.empty, "settings"))
        page.get_by_role("link", name="Keys").click()
        page.get_by_label("Name of a new key").fill("CI <b>")
        page.get_by_role("button", name="Make a key").click()
        expect(page.get_by_role("status").first).to_contain_text("The key CI <b>")
        page.get_by_text("From Python").click()
        sample = page.locator("pre", has_text="urllib").inner_text()
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


class TestAgents:
    def test_from_the_most_expensive_session_to_what_a_tool_was_given(
        self, visitor: Visitor, world: World
    ) -> None:
        page = visitor.go(path_of(world.demo, "agents?range=7d"))
        expect(page.get_by_role("heading", name="Slowest agent sessions")).to_be_visible()
        page.locator("table.list").get_by_role("link", name="Cost", exact=True).click()
        page.wait_for_url("**sort=cost*")
        page.locator("table.list a.row").first.click()
        page.wait_for_url("**/agents/sessions/**")
        session = page.locator(".id").inner_text()

        for key in "jj":
            page.keyboard.press(key)
        page.keyboard.press("o")
        expect(page.locator("#drawer")).to_contain_text("user_prompt_submit")
        page.keyboard.press("Escape")
        page.locator("tr", has_text="Task").first.hover()
        page.locator("tr", has_text="Task").first.get_by_role("link", name="zoom").click()
        page.wait_for_url("**within=*")
        assert page.locator("tbody tr .step").first.inner_text().startswith("Task")
        page.locator("a.row", has_text=re.compile("Grep|WebFetch")).first.click()
        expect(page.locator("#drawer .facts")).to_contain_text("post_tool_use")
        expect(page.locator("#drawer .tree").first).to_be_visible()
        opened = page.locator("#drawer .id").inner_text()
        page.reload()
        expect(page.locator("#drawer .id")).to_have_text(opened)
        page.keyboard.press("Escape")
        page.get_by_role("link", name="Whole session").click()
        page.wait_for_url(lambda url: "within=" not in url)

        page.keyboard.press("Control+k")
        page.locator("#palette input").fill(session)
        expect(page.locator("#found a").first).to_contain_text("agent session")
        assert visitor.faults == []

    def test_what_an_empty_page_says_to_copy_makes_a_session(
        self, visitor: Visitor, world: World
    ) -> None:
        bare = create_project(world.server, "Bare")
        page = visitor.go(path_of(bare, "agents"))
        page.get_by_text("From Codex and others").click()
        command = page.locator(".empty pre").nth(1).inner_text()
        subprocess.run(["sh", "-c", command], check=True, capture_output=True)
        visitor.go(path_of(bare, "agents"))
        page.get_by_role("link", name="my-first-session").first.click()

        expect(page.locator("a.row")).to_have_text(["Bash"])
        expect(page.locator(".step .hint")).to_have_text("make test")

    def test_a_timeline_can_be_read_without_a_script(self, browser: Browser, world: World) -> None:
        path = path_of(world.demo, f"agents/sessions/{session_of(world.demo)}")
        with Visitor.signed_in(browser, world.server, java_script_enabled=False) as window:
            page = window.go(path)
            assert page.locator("rect.bar").count() >= 10
            page.locator("a.row", has_text="Bash").first.click()

            assert page.get_by_role("heading", name="Bash").count() == 1
            page.get_by_role("link", name="agent-").click()
            assert page.locator("rect.critical").count() >= 5

    def test_calls_of_the_session_are_in_the_timeline_and_open_as_traces(
        self, visitor: Visitor, world: World
    ) -> None:
        session, at = f"any/text?{new_id()} #1", now()
        call = trace(session_id=session, timestamp=at, output_text="Said by the model")
        event = span(session_id=session, timestamp=at, tool_name="Bash")
        world.demo.post("/v1/spans/batch", [event])
        world.demo.post("/v1/traces/batch", [call])
        page = visitor.go(path_of(world.demo, f"agents/sessions/{quote(session, safe='')}"))
        page.locator("a.row", has_text=call["model_requested"]).click()
        expect(page.locator("#drawer")).to_contain_text("Said by the model")

        page.reload()
        expect(page.locator("#drawer")).to_contain_text("Said by the model")
        assert page.locator("main .id").inner_text() == session
        page = visitor.go(path_of(world.demo, f"llm/traces/{call['trace_id']}"))
        page.get_by_role("link", name="Timeline").click()
        expect(page.locator("a.row", has_text="Bash")).to_be_visible()


class TestHostileTexts:
    """Whatever a sender controls is text on every page, and nothing else."""

    def test_none_of_it_becomes_markup(self, visitor: Visitor, world: World, attacked: str) -> None:
        quoted = quote('model:"' + HOSTILE.replace('"', '\\"') + '"')
        pages = (
            *("overview", "overview/more", "llm/traces", f"llm/traces/{attacked}", "llm/models"),
            f"llm/traces?where={quoted}&open={attacked}",
            "llm/traces?cols=time,status,model,output,user,environment,session,provider",
            *(f"llm/{page}/{quote(HOSTILE, safe='')}" for page in ("sessions", "users")),
            f"llm/users/{quote(HOSTILE, safe='')}/more",
            "llm/sessions?cols=last,user,prompt,models,environment",
            f"llm/sessions?whole=1&open={quote(HOSTILE)}",
            *("llm/users", "llm/users?whole=1&sort=last"),
            *(f"llm/sessions?{name}={quote(HOSTILE)}" for name in ("older", "open")),
            f"llm/users/beside?of={quote(HOSTILE)}",
            *(f"llm/explore?by={by}" for by in ("model", "user,environment", "session_id")),
            f"llm/explore?by={quote('metadata.' + HOSTILE)}",
            *("llm/suggest?add=model:", "find?q=%22%3E"),
            *("agents", "agents/glance", "agents/tools", "agents/suggest?add=tool:"),
            f"agents/sessions/{quote(HOSTILE, safe='')}",
            f"agents/sessions/{quote(HOSTILE, safe='')}?open={attacked}",
            *(
                f"agents/spans/{attacked}",
                f"agents/tools/uses?tool={quote(HOSTILE)}&open={attacked}",
            ),
            *(f"agents?{name}={quote(HOSTILE)}" for name in ("where", "sort", "older", "tz")),
            f"settings/prices?model={quote(HOSTILE)}&change={quote(HOSTILE)}",
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
