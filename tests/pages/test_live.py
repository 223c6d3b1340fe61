"""Pages that are open while events come."""

import itertools
import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import expect

from tests.e2e.payloads import new_id, trace
from tests.e2e.people import join
from tests.e2e.server import COOKIE, Project, Server, create_project
from tests.pages.conftest import World
from tests.pages.errors import error, sender_of, wait_listed
from tests.pages.looking import Visitor
from tests.pages.places import HOSTILE, now, path_of

pytestmark = [pytest.mark.slow, pytest.mark.browser]

SOON_S = 15.0


def send(project: Project, said: str, **fields: Any) -> None:
    item = trace(trace_id=new_id(), timestamp=now(), output_text=said, status="success", **fields)
    answer = project.post("/v1/traces/batch", [item])
    assert answer.status_code == 202, answer.text


def events_of(client: httpx.Client, project: Project, page: str) -> Any:
    return client.stream("GET", f"/p/{project.project_id}/{page}", timeout=SOON_S)


class TestNewEvents:
    def test_a_newcomer_sees_the_first_one_appear_and_then_the_next_ones(
        self, visitor: Visitor, world: World
    ) -> None:
        project = create_project(world.server, "Newcomer")
        page = visitor.go(path_of(project, "llm/traces"))
        expect(page.locator(".empty")).to_contain_text("without a reload")

        send(project, "The very first")
        expect(page.locator("td.wide").first).to_have_text("The very first")
        page.keyboard.press("j")
        page.keyboard.press("o")
        expect(page.locator("#drawer .facts")).to_be_visible()
        send(project, HOSTILE)
        expect(page.locator("td.wide").first).to_have_text(HOSTILE)

        assert page.locator("tr[aria-current]").inner_text().count("The very first") == 1
        assert page.locator("tr.at").inner_text().count("The very first") == 1
        assert page.evaluate("window.hit") is None
        assert visitor.faults == []

    def test_a_new_issue_appears_and_its_page_follows_what_happens_to_it(
        self, visitor: Visitor, world: World
    ) -> None:
        project = create_project(world.server, "Failing")
        sender = sender_of(project)
        page = visitor.go(path_of(project, "errors/issues"))
        expect(page.locator(".empty")).to_contain_text("without a reload")

        sender.send(error("First"))
        expect(page.locator("tbody tr")).to_contain_text("First")
        page.get_by_role("link", name="Live").click()
        page.locator("td.pick label").click()
        sender.send(error("Second"))
        wait_listed(project, 2)
        page.wait_for_timeout(1_500)  # what must not happen has no event
        expect(page.locator("[data-chosen]")).to_have_text("1 selected")
        expect(page.locator("tbody tr")).to_have_count(1)
        page.locator("td.pick label").click()
        expect(page.locator("tbody tr")).to_have_count(2)

        visitor.go(path_of(project, "errors/issues/1?live=1"))
        expect(page.locator("#figures .big").first).to_have_text("1")
        shown = page.locator(".event-head code").inner_text()
        sender.send(error("First", release="shop@2"))
        expect(page.locator("#figures .big").first).to_have_text("2")
        expect(page.locator("#side")).to_contain_text("shop@2")
        assert page.locator(".event-head code").inner_text() == shown
        assert visitor.faults == []

    def test_figures_and_charts_follow_where_live_is_chosen(
        self, visitor: Visitor, world: World
    ) -> None:
        project = create_project(world.server, "Followed")
        send(project, "one")
        page = visitor.go(path_of(project, "llm/explore?range=1h&by=model"))
        page.get_by_role("link", name="Live").click()
        page.wait_for_url("**live=1*")
        page.locator(".as-table summary").click()
        expect(page.locator("[data-rows] td.n").first).to_have_text("1")

        send(project, "two", model_requested="another-model")

        expect(page.locator("[data-rows] tbody tr")).to_have_count(2)
        expect(page.locator(".chart canvas")).to_have_count(1)
        assert page.locator(".as-table").get_attribute("open") is not None
        page.get_by_role("link", name="Overview").click()
        expect(page.locator(".tile .figure").first).to_have_text("2")
        send(project, "three")
        expect(page.locator(".tile .figure").first).to_have_text("3")
        assert visitor.faults == []

    def test_new_rows_wait_behind_a_button_while_older_ones_are_read(
        self, visitor: Visitor, world: World
    ) -> None:
        page = visitor.go(path_of(world.demo, "llm/traces?live=1"))
        before = page.locator("a.row").first.get_attribute("href")
        page.mouse.wheel(0, 700)
        page.wait_for_function("scrollY > 300")

        send(world.demo, "While you read")
        page.locator(".news").wait_for()

        assert page.locator("a.row").first.get_attribute("href") == before
        page.locator(".news").click()
        expect(page.locator("td.wide").first).to_have_text("While you read")
        assert page.evaluate("scrollY") < 9

    def test_a_range_with_an_end_is_not_live(self, visitor: Visitor, world: World) -> None:
        page = visitor.go(path_of(world.demo, "llm/traces?from=2026-01-01&to=2026-01-02&live=1"))

        assert page.locator("[data-live], .live").count() == 0


class TestStreams:
    def test_five_viewers_get_the_same_part_of_one_query(self, world: World) -> None:
        project = create_project(world.server, "Five")
        got: list[str] = []

        def follow() -> None:
            with events_of(world.server.admin, project, "llm/traces.events?seen=0") as answer:
                assert answer.headers["x-accel-buffering"] == "no"
                got.append(first_part(answer))

        threads = [threading.Thread(target=follow) for _ in range(5)]
        for one in threads:
            one.start()
        send(project, "for all of you")
        for one in threads:
            one.join(SOON_S)

        assert len(got) == 5
        assert len(set(got)) == 1
        assert "for all of you" in json.loads(got[0])["html"]

    def test_who_signs_out_is_sent_nothing_more(self, world: World) -> None:
        project = create_project(world.server, "Left")
        member = join(world.server, project)
        with events_of(member, project, "llm/traces.events?seen=0") as answer:
            lines = answer.iter_lines()
            assert next(lines).startswith(":")
            cookie = {"Cookie": f"{COOKIE}={member.cookies[COOKIE]}"}
            httpx.post(
                f"{world.server.url}/api/auth/sign-out",
                headers=cookie,
                trust_env=False,
                verify=False,
            )
            send(project, "not for you")
            rest = rest_of(lines)

        assert "signed out" in rest
        assert "not for you" not in rest

    def test_who_is_no_member_any_more_is_sent_nothing_more(self, world: World) -> None:
        project = create_project(world.server, "Removed")
        member = join(world.server, project)
        own = {"X-Project-Id": project.project_id}
        people = world.server.admin.get("/dashboard/api/users", headers=own).json()["users"]
        user_id = next(one["userId"] for one in people if one["role"] == "user")
        with events_of(member, project, "overview.events?seen=0") as answer:
            lines = answer.iter_lines()
            assert next(lines).startswith(":")
            gone = world.server.admin.delete(f"/dashboard/api/users/{user_id}", headers=own)
            assert gone.status_code == 200, gone.text
            send(project, "not for you")

            assert "signed out" in rest_of(lines)

    def test_the_server_stops_at_once_with_streams_that_are_open(self, tmp_path: Path) -> None:
        with Server(tmp_path / "data") as server:
            project = create_project(server, "Open")
            with events_of(server.admin, project, "llm/explore.events?seen=0") as answer:
                lines = answer.iter_lines()
                assert next(lines).startswith(":")
                os.kill(server.pid, signal.SIGTERM)

                # Not broken off, as what is open after a second would be.
                assert "restart" in rest_of(lines)
                assert server.wait_exit() == 0


def rest_of(lines: Iterator[str]) -> str:
    """Returns what a stream says until it ends, or until it should have ended."""
    late = time.monotonic() + SOON_S
    return "\n".join(itertools.takewhile(lambda _: time.monotonic() < late, lines))


def first_part(answer: httpx.Response) -> str:
    for line in answer.iter_lines():
        if line.startswith("data: {"):
            return line.removeprefix("data: ")
    raise AssertionError("the stream ended without a part")
