"""The pages of calls, sessions, users and agents, as people use them in Chromium."""

import csv
import io
import re
import subprocess
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pyarrow.parquet as pq
import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.payloads import new_id, span, trace
from tests.e2e.server import create_project
from tests.pages.conftest import World
from tests.pages.looking import Visitor
from tests.pages.places import (
    HOSTILE,
    day_ago,
    newest_session,
    now,
    path_of,
    session_of,
    taken,
)

pytestmark = [pytest.mark.slow, pytest.mark.browser]


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

    def test_it_is_whole_without_a_script(self, browser: Browser, world: World) -> None:
        with Visitor.signed_in(browser, world.server, java_script_enabled=False) as window:
            page = window.go(path_of(world.demo, self.ADDRESS))

            expect(page.locator("[data-rows] tr", has_text="support-chat")).to_be_visible()
            expect(page.locator(".coming")).to_be_hidden()
            expect(page.get_by_label("by")).to_have_value("metadata.feature")


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
        page.wait_for_load_state()  # the script that hears keys is run last
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

        page.get_by_text("Export", exact=True).click()
        rows = pq.read_table(io.BytesIO(taken(page, "Short Parquet"))).to_pylist()
        lines = list(csv.DictReader(io.StringIO(taken(page, "Short CSV").decode())))

        assert total == len(rows) == len(lines)
        assert [row["trace_id"] for row in rows] == [line["trace_id"] for line in lines]
        assert {row["provider"] for row in rows} == {"openai"}
        first = page.locator("a.row").first.get_attribute("href") or ""
        assert rows[0]["trace_id"] in first


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
        page.wait_for_url("**/agents/sessions/**")
        page.get_by_role("link", name="LLM calls").click()
        page.wait_for_url("**/llm/sessions/**")
        page.get_by_role("link", name="Timeline").click()
        expect(page.locator("a.row", has_text="Bash")).to_be_visible()


class TestTexts:
    def test_words_without_a_key_find_the_calls_that_have_them(
        self, visitor: Visitor, world: World
    ) -> None:
        project = create_project(world.server, "Texts")
        for said in ("A refund is on its way", "No refund", "Good morning"):
            project.post("/v1/traces/batch", [trace(timestamp=now(), output_text=said)])
        page = visitor.go(path_of(project, "llm/traces"))

        page.keyboard.press("/")
        page.keyboard.type("REFUND")
        page.locator('[data-term="text:REFUND"]').click()
        expect(page.locator("tbody tr")).to_have_count(2)
        page.keyboard.press("/")
        page.keyboard.type('-"on its way"')
        page.keyboard.press("Enter")

        expect(page.locator("td.wide")).to_have_text(["No refund"])
        expect(page.locator(".chip .cut")).to_have_text(["text:REFUND", 'text:"on its way"'])
        assert visitor.faults == []


def queue_with_three_calls(visitor: Visitor, world: World) -> None:
    """Makes a queue by its form, adds calls of the list, and opens the first."""
    page = visitor.go(path_of(world.demo, "llm/annotation"))
    page.get_by_label("Name", exact=True).fill(f"Week {HOSTILE}"[:100])
    page.get_by_label("Scores", exact=True).fill(
        f'quality (1 is useless): 1 to 5\ntone: kind, rude, "{HOSTILE.replace(chr(34), "")}"\n'
        "correct: yes or no\nlength: number"
    )
    page.get_by_label("Instructions").fill(HOSTILE)
    page.get_by_role("button", name="Make the queue").click()
    expect(page.locator("tr", has_text="1 to 5")).to_contain_text("1 is useless")
    queue = page.url
    page = visitor.go(path_of(world.demo, "llm/traces?where=status:success"))
    page.get_by_role("link", name="Annotate").click()
    page.get_by_label("How many").fill("3")
    page.get_by_role("button", name="Add").click()
    page.wait_for_url(queue.partition("?")[0] + "*")
    page.get_by_role("button", name="Annotate 3").click()


class TestAnnotation:
    def test_calls_are_put_into_a_queue_and_annotated_by_the_keyboard(
        self, visitor: Visitor, world: World
    ) -> None:
        queue_with_three_calls(visitor, world)
        page = visitor.page
        expect(page.get_by_text("0 done, 3 left")).to_be_visible()
        page.wait_for_load_state()  # the script that hears keys is run last
        expect(page.get_by_role("heading", name="Conversation")).to_be_visible()
        assert visitor.serious_findings() == []

        page.keyboard.press("Enter")
        expect(page.get_by_role("alert")).to_have_text("Choose a value first, or skip with s")
        for key in "423":
            page.keyboard.press(key)
        page.keyboard.press("Escape")
        page.keyboard.press("ArrowDown")
        page.keyboard.type("12.5")
        page.keyboard.press("Escape")
        page.keyboard.press("c")
        page.keyboard.type(f"as in the manual {HOSTILE}")
        page.keyboard.press("Control+Enter")
        expect(page.get_by_text("1 done, 2 left")).to_be_visible()
        page.wait_for_load_state()  # the script that hears keys is run last
        page.keyboard.press("s")
        expect(page.get_by_text("No. 3", exact=True)).to_be_visible()
        page.wait_for_load_state()  # the script that hears keys is run last
        page.keyboard.press("u")
        expect(page.get_by_text("No. 2 · you have skipped it")).to_be_visible()
        page.wait_for_load_state()  # the script that hears keys is run last
        page.keyboard.press("u")
        expect(page.get_by_text("No. 1 · you have saved it")).to_be_visible()
        page.wait_for_load_state()  # the script that hears keys is run last
        chosen = page.locator("input:checked").evaluate_all("all => all.map(one => one.value)")
        assert chosen == ["4", "rude"]
        expect(page.get_by_label("length: number")).to_have_value("12.5")
        expect(page.get_by_label("Comment")).to_have_value(f"as in the manual {HOSTILE}")

        page.keyboard.press("1")
        page.keyboard.press("Enter")
        expect(page.get_by_text("No. 3", exact=True)).to_be_visible()
        page.wait_for_load_state()  # the script that hears keys is run last
        page.keyboard.press("?")
        expect(page.get_by_text("skip the item")).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.get_by_text("skip the item")).to_be_hidden()
        page.keyboard.press("5")
        page.keyboard.press("Enter")
        page.get_by_role("button", name="Bring back the 1 that I skipped").click()
        expect(page.get_by_text("No. 2", exact=True)).to_be_visible()
        page.get_by_role("link", name="Queue").click()
        people = page.get_by_role("region", name="People", exact=True)
        expect(people.locator("td").first).to_have_text("2")
        page.get_by_role("button", name="Remove item 2 from the queue").click()
        expect(
            page.get_by_role("region", name="Items", exact=True).locator("tbody tr")
        ).to_have_count(2)
        assert page.evaluate("window.hit") is None
        assert visitor.faults == []
