"""Datasets, prompts, judges, budgets and retention, as people use them in Chromium."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.payloads import new_id, trace
from tests.e2e.server import Project, Server, create_project, wait_for
from tests.pages.conftest import World
from tests.pages.looking import Visitor
from tests.pages.places import now, path_of, taken

pytestmark = [pytest.mark.slow, pytest.mark.browser]

QUESTIONS = ("Can I return shoes?", "How long is a voucher valid?", "Do you deliver to Norway?")


@pytest.fixture(scope="module")
def world(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A server without the demo: each journey has a project of its own."""
    with Server(tmp_path_factory.mktemp("quality") / "data") as server:
        project = create_project(server, "Quality")
        yield World(server, project, project)


def asked(question: str, answer: str, **changes: Any) -> dict[str, Any]:
    """Returns a call of now."""
    body = {"messages": [{"role": "user", "content": question}]}
    usual = {"trace_id": new_id(), "timestamp": now(), "request_body": body, "status": "success"}
    return trace(**usual | {"output_text": answer} | changes)


def send(project: Project, items: list[dict[str, Any]]) -> None:
    before = project.get("/v1/traces").json()["total"]
    answer = project.post("/v1/traces/batch", items)
    assert answer.status_code == 202, answer.text
    wait_for(
        lambda: project.get("/v1/traces").json()["total"] == before + len(items), "all the calls"
    )


class TestDatasets:
    def test_from_a_filtered_list_to_the_item_that_a_second_run_made_worse_and_back(
        self, visitor: Visitor, world: World
    ) -> None:
        project = create_project(world.server, "Experiments")
        support = {"metadata": {"feature": "support"}}
        send(project, [asked(one, "It depends.", **support) for one in QUESTIONS])
        send(project, [asked("Unrelated", "no")])

        page = visitor.go(path_of(project, "llm/traces?where=metadata.feature:support"))
        page.get_by_role("link", name="To dataset").click()
        page.get_by_label("Name of the new one").fill("two words")
        page.get_by_role("button", name="Make items").click()
        name = page.get_by_label("Name of the new one")
        expect(name).to_have_attribute("aria-invalid", "true")
        expect(name).to_be_focused()
        name.fill("questions")
        page.get_by_label("At most").fill("0")
        page.get_by_role("button", name="Make items").click()
        expect(page.get_by_label("At most")).to_have_attribute("aria-invalid", "true")
        page.get_by_label("At most").fill("10")
        page.get_by_role("button", name="Make items").click()
        expect(page.get_by_role("status")).to_have_text("3 items were made of calls.")
        expect(page.get_by_role("region", name="Items").locator("tbody tr")).to_have_count(3)

        items = project.get("/v1/datasets/questions/items").json()["items"]
        worse = items[1]["id"]
        for run in ("before", "after <b>"):
            calls = [(one["id"], new_id()) for one in items]
            tags = {"experiment.dataset": "questions", "experiment.run": run}
            send(
                project,
                [
                    asked("", "So it is.", trace_id=call, metadata=tags | {"experiment.item": item})
                    for item, call in calls
                ],
            )
            scores = [
                {
                    "name": "correct",
                    "trace_id": call,
                    "data_type": "boolean",
                    "value": run == "before" or item != worse,
                }
                for item, call in calls
            ]
            assert project.post("/v1/scores", scores).status_code in (200, 202)
        wait_for(lambda: len(project.get("/v1/scores").json()["scores"]) == 6, "the scores")
        page.reload()
        page.get_by_label("with").select_option("after <b>")
        page.get_by_role("button", name="Compare", exact=True).click()

        expect(page.get_by_role("heading", level=1)).to_have_text("before and after <b>")
        first = page.get_by_role("region", name="Items of both runs").locator("tbody tr").first
        expect(first.locator("th")).to_have_text(worse)
        expect(first.locator("td.bad")).to_have_text("−1")
        compared = page.url
        first.locator('[data-label="B"] a').click()
        expect(page.locator("main")).to_contain_text("So it is.")
        page.go_back()
        expect(page).to_have_url(compared)
        page.get_by_role("link", name="Latency").click()
        expect(page.locator("tr[aria-current]")).to_contain_text("Latency")
        assert visitor.serious_findings() == []
        assert [one for one in visitor.faults if " 400 " not in one] == []


class TestPrompts:
    def test_versions_that_were_found_are_compared_and_one_is_kept_for_programs(
        self, visitor: Visitor, world: World
    ) -> None:
        project = create_project(world.server, "Prompts")
        texts = ("You help the customers of a shop. Be brief.", "You help the customers of a shop.")
        send(
            project,
            [
                asked(
                    "",
                    "yes",
                    request_body={"messages": [{"role": "system", "content": text}]},
                )
                for text in texts
                for _ in range(2)
            ],
        )

        page = visitor.go(path_of(project, "llm/prompts"))
        page.locator("main tbody a").first.click()
        expect(page.locator(".tabs [aria-current]")).to_have_text("Calls")
        rows = page.get_by_role("region", name="Versions", exact=True).locator("tbody tr")
        expect(rows).to_have_count(2)
        expect(page.get_by_role("group", name="What changed")).to_contain_text("Be brief.")
        page.get_by_role("link", name="keep one").click()
        summary = page.locator("summary", has_text="Write a prompt")
        if not page.get_by_label("Name").is_visible():
            summary.click()
        page.get_by_label("Name").fill("support")
        page.get_by_label("Prompt", exact=True).fill("You help the customers of {{company}}.")
        page.get_by_label("Labels").fill("Production!")
        page.get_by_role("button", name="Keep this version").click()
        expect(page.get_by_label("Labels")).to_have_attribute("aria-invalid", "true")
        page.get_by_label("Labels").fill("production")
        page.get_by_role("button", name="Keep this version").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("support")
        expect(page.get_by_role("region", name="Versions", exact=True)).to_contain_text(
            "production"
        )

        kept = project.get("/v1/prompts/support")
        assert (kept.json()["version"], kept.json()["variables"]) == (1, ["company"])
        assert kept.headers["cache-control"].startswith("private, max-age=60")
        assert visitor.serious_findings() == []


class TestJudges:
    def test_a_rule_is_made_tried_on_calls_switched_on_and_its_scores_are_seen(
        self, visitor: Visitor, world: World
    ) -> None:
        project = create_project(world.server, "Judges")
        send(project, [asked("Hi", "Sorry, no."), asked("Hi", "Of course.")])

        page = visitor.go(path_of(project, "llm/judges"))
        expect(page.get_by_label("JSON Schema")).to_be_hidden()
        page.get_by_label("Rule").select_option("json_schema")
        expect(page.get_by_label("Pattern")).to_be_hidden()
        page.get_by_label("Rule").select_option("regex")
        page.get_by_label("Name").fill("polite")
        page.get_by_label("Pattern").fill("(sorry")
        page.get_by_label("True where it is not found").check()
        page.get_by_label("On", exact=True).uncheck()
        page.get_by_role("button", name="Make the judge").click()
        expect(page.get_by_label("Pattern")).to_have_attribute("aria-invalid", "true")
        page.get_by_label("Pattern").fill("(?i)sorry")
        page.get_by_role("button", name="Make the judge").click()
        page.get_by_role("button", name="Try").click()
        said = page.get_by_role("region", name="What it says").locator("tbody td")
        expect(said).to_have_count(2)
        assert sorted(said.all_inner_texts()) == ["false", "true"]
        page.get_by_label("On", exact=True).check()
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_role("region", name="Judges")).to_contain_text("on")

        def judged() -> int:
            """Sends one more: each process that stores calls soon knows of the judge."""
            send(project, [asked("Hi", "So sorry.")])
            return len(project.get("/v1/scores", name="polite").json()["scores"])

        wait_for(judged, "a score")
        page.get_by_role("link", name="polite").click()
        page.get_by_role("link", name="Its scores").click()
        expect(page.get_by_role("region", name="The newest scores")).to_contain_text("false")
        assert visitor.serious_findings() == []


class TestScores:
    def test_a_score_is_chosen_beside_sessions_and_users_and_taken_away_with_them(
        self, visitor: Visitor, world: World
    ) -> None:
        project = create_project(world.server, "Scores")
        of_ann = {"session_id": "s1", "metadata": {"userId": "ann"}}
        calls = [asked("Hi", "yes", **of_ann), asked("Hi", "no", session_id="s2")]
        send(project, calls)
        mark = {"name": "helpfulness", "value": 0.25, "trace_id": calls[0]["trace_id"]}
        assert project.post("/v1/scores", [mark]).status_code in (200, 202)
        wait_for(lambda: project.get("/v1/scores").json()["scores"], "the score")

        page = visitor.go(path_of(project, "llm/sessions"))
        page.locator("main summary", has_text="Score").click()
        page.get_by_role("link", name="helpfulness").click()
        expect(page.get_by_role("columnheader", name="helpfulness")).to_be_visible()
        row = page.get_by_role("region", name="Sessions").locator("tr", has_text="s1")
        expect(row.locator("td").last).to_have_text("0.25")
        page.locator("summary", has_text="Export").click()
        lines = taken(page, "CSV").decode().splitlines()
        assert lines[0].endswith(",average_score,scores")
        ends = {one.split(",")[0]: one.split(",")[-2:] for one in lines[1:]}
        assert ends == {"s1": ["0.25", "1"], "s2": ["", "0"]}
        page.go_back()
        expect(page.get_by_role("columnheader", name="helpfulness")).to_have_count(0)
        page = visitor.go(path_of(project, "llm/users?score=helpfulness"))
        expect(page.get_by_role("region", name="Users")).to_contain_text("0.25")
        assert visitor.serious_findings() == []


class TestBudgets:
    def test_a_budget_is_made_and_shows_what_is_spent_of_it(
        self, visitor: Visitor, world: World
    ) -> None:
        project = create_project(world.server, "Budgets")
        send(project, [asked("Hi", "yes", cost_cents=60.0)])

        page = visitor.go(path_of(project, "llm/budgets"))
        expect(page.get_by_label("Hours", exact=True)).to_be_hidden()
        page.get_by_label("Within").select_option("rolling")
        expect(page.get_by_label("Time zone")).to_be_hidden()
        page.get_by_label("Hours", exact=True).fill("2")
        page.get_by_label("Name").fill("All calls")
        page.get_by_label("Amount", exact=True).fill("none")
        page.get_by_role("button", name="Make the budget").click()
        expect(page.get_by_label("Amount", exact=True)).to_have_attribute("aria-invalid", "true")
        expect(page.get_by_label("Hours", exact=True)).to_have_value("2")
        page.get_by_label("Amount", exact=True).fill("1")
        page.get_by_role("button", name="Make the budget").click()

        row = page.get_by_role("region", name="Budgets").locator("tbody tr").first
        expect(row).to_contain_text("All calls")
        expect(row.locator('[data-label="Used"]')).to_have_text("60.0 %")
        expect(row.locator('[data-label="Spent"]')).to_have_text("$0.60")
        assert visitor.serious_findings() == []


class TestRetention:
    def test_what_would_go_is_previewed_and_what_is_saved_says_what_goes_next(
        self, visitor: Visitor, world: World
    ) -> None:
        project = create_project(world.server, "Retention")
        send(project, [asked("Hi", "yes")])

        page = visitor.go(path_of(project, "settings/retention"))
        field = page.get_by_label("Calls of models")
        field.fill("0")
        page.get_by_role("button", name="Preview").click()
        expect(field).to_have_attribute("aria-invalid", "true")
        field.fill("30")
        page.get_by_role("button", name="Preview").click()
        expect(page.locator("main")).to_contain_text("This would delete nothing now.")
        expect(field).to_have_value("30")
        page.get_by_role("button", name="Save").click()

        expect(page.locator("main")).to_contain_text("Saved.")
        row = page.get_by_role("region", name="What is kept").locator("tbody tr").first
        expect(row.locator('[data-label="Kept"]')).to_have_text("30 days")
        today = datetime.now(UTC).date().isoformat()
        expect(row.locator('[data-label="Oldest day"]')).to_have_text(today)
        expect(row.locator('[data-label="Next to go, UTC"]')).to_have_text(re.compile(r"20\d\d-"))
        assert visitor.serious_findings() == []
