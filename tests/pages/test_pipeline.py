"""The page of the pipeline: who may do what about dead letters, and a repair as people do it."""

import json
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.payloads import new_id, trace
from tests.e2e.people import join
from tests.e2e.server import Project, Server, create_project, wait_for
from tests.pages.looking import NARROW, Visitor
from tests.poison import append_poison

pytestmark = [pytest.mark.slow, pytest.mark.browser]

HOSTILE = '"><img src=x onerror=window.hit=1><script>window.hit=1</script>'


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("pipeline") / "data") as running:
        yield running


@pytest.fixture(scope="module")
def other(server: Server) -> Project:
    """A project of the same admin."""
    return create_project(server, "Other")


@pytest.fixture
def project(server: Server) -> Project:
    return create_project(server, "Poisoned")


@pytest.fixture(scope="module")
def member(server: Server, other: Project) -> httpx.Client:
    return join(server, other, role="user")


def path_of(project: Project, rest: str = "") -> str:
    return f"/p/{project.project_id}/pipeline{rest}"


def refs(project: Project, **filters: str) -> list[str]:
    """Returns the names in the list, the latest first."""
    text = project.server.admin.get(path_of(project, "/dead"), params=filters).text
    return re.findall(r"<code>(raw\.traces:[\d:]+)</code></td>", text)


def poisoned(project: Project, *items: dict[str, Any] | bytes) -> list[str]:
    known = len(refs(project))
    append_poison(project.server.data_dir, project.project_id, *items)
    return wait_for(
        lambda: found if len(found := refs(project)) == known + len(items) else [],
        "the dead letters",
    )


def act(project: Project, rest: str, client: httpx.Client | None = None, **sent: Any) -> Any:
    asked = client or project.server.admin
    return asked.post(path_of(project, f"/dead/{rest}"), **({"data": {}} | sent))


def totals(project: Project) -> dict[str, int]:
    answer = project.get("/v1/outcomes").json()
    assert answer["balanced"], answer
    found: dict[str, int] = answer["totals"]
    return found


def shown(project: Project, answer: httpx.Response) -> str:
    assert answer.status_code == 303, answer.text
    return project.server.admin.get(answer.headers["location"]).text


class TestWhoMay:
    def test_of_another_project_a_dead_letter_is_as_one_that_does_not_exist(
        self, server: Server, project: Project, other: Project
    ) -> None:
        (ref,) = poisoned(project, trace(latency_ms="slow"))
        for rest in ("", "/raw"):
            there = server.admin.get(path_of(other, f"/dead/{ref}{rest}"))
            nowhere = server.admin.get(path_of(other, f"/dead/raw.traces:0:999:0{rest}"))
            assert (there.status_code, there.text) == (404, nowhere.text)
        for action in ("replay", "discard"):
            assert act(other, f"{ref}/{action}").status_code == 404
            assert "sent=0" in act(other, action).headers["location"]

        assert ref not in server.admin.get(path_of(other, "/dead"), params={"state": "all"}).text
        assert refs(project) == [ref]

    def test_a_member_reads_and_only_an_admin_acts(
        self, other: Project, member: httpx.Client
    ) -> None:
        (ref,) = poisoned(other, trace(latency_ms="slow"))
        page = member.get(path_of(other, f"/dead/{ref}")).text
        answers = [
            act(other, rest, member).status_code
            for rest in ("replay", "discard", f"{ref}/replay", f"{ref}/discard")
        ]

        assert "Expected a number, got a text" in page
        assert "Admins of the project repair" in page
        assert "<textarea" not in page
        assert answers == [403] * 4
        assert ref in refs(other)

    @pytest.mark.parametrize("rest", ["replay", "discard", "{ref}/replay", "{ref}/discard"])
    def test_the_form_of_another_site_changes_nothing(self, other: Project, rest: str) -> None:
        (ref, *_) = refs(other) or poisoned(other, trace(latency_ms="slow"))
        before = refs(other)
        evil = {"Sec-Fetch-Site": "cross-site"}

        answer = act(other, rest.format(ref=ref), headers=evil)

        assert answer.status_code == 403
        assert refs(other) == before


class TestActions:
    def test_what_ingest_would_reject_is_said_beside_the_field_and_not_sent(
        self, project: Project
    ) -> None:
        item = trace(latency_ms="slow")
        (ref,) = poisoned(project, item)
        wrong = {
            json.dumps(item | {"latency_ms": -1}): "<code>latency_ms</code>: Expected a number",
            json.dumps(item | {"latency_ms": 5, "provider": " x"}): "<code>provider</code>",
            "{": "This is no JSON",
            "[]": "Expected one JSON object",
            f"{json.dumps(item)},{json.dumps(item)}": "This is no JSON",
        }
        for body, said in wrong.items():
            answer = act(project, f"{ref}/replay", data={"body": body})

            assert answer.status_code == 400
            assert said in answer.text.partition('role="alert">')[2].partition("</span>")[0]
        assert refs(project) == [ref]

    def test_a_replay_may_be_repeated_and_stores_once(self, project: Project) -> None:
        item = trace(latency_ms="slow")
        (ref,) = poisoned(project, item)
        fixed = {"body": json.dumps(item | {"latency_ms": 5}, indent=2)}

        first = shown(project, act(project, f"{ref}/replay", data=fixed))
        wait_for(lambda: totals(project)["accepted"] == 1, "the trace")
        second = shown(project, act(project, f"{ref}/replay", data=fixed))
        many = shown(project, act(project, "replay"))

        assert "Repaired and replayed" in first
        assert "It was replayed before" in second
        assert "0 replayed." in many
        assert totals(project) | {"received": 1, "accepted": 1, "dead": 0} == totals(project)
        stored = project.get(f"/v1/traces/{item['trace_id']}").json()
        assert stored["latencyMs"] == 5

    def test_those_that_fit_the_filter_are_replayed_and_the_others_wait(
        self, project: Project
    ) -> None:
        slow = [trace(latency_ms=f"slow {n}") for n in range(2)]
        poisoned(project, *slow, trace(status="odd"))
        kept = refs(project, reason="not a trace: Invalid enum value … - at `$.status`")
        reason = "not a trace: Expected `float`, got `str` - at `$.latency_ms`"

        said = shown(project, act(project, "replay", params={"reason": reason}))
        # They are as unfit as before: each comes back, as another that names it.
        wait_for(lambda: len(refs(project)) == 3, "the new dead letters")
        again = refs(project, reason=reason)

        assert "2 replayed." in said
        assert len(kept) == 1
        assert set(refs(project)) == {*kept, *again}
        assert totals(project)["dead"] == 3
        assert len(refs(project, state="replayed")) == 2
        opened = project.server.admin.get(path_of(project, f"/dead/{again[0]}")).text
        assert "a failed replay of" in opened

    def test_what_is_discarded_waits_no_more_and_can_still_be_replayed(
        self, project: Project
    ) -> None:
        item = trace(latency_ms="slow")
        first, second = poisoned(project, item, trace(latency_ms="slower"))

        one = shown(project, act(project, f"{second}/discard"))
        again = shown(project, act(project, f"{second}/discard"))
        rest = shown(project, act(project, "discard"))

        assert ("Discarded." in one, "done with before" in again, "1 discarded." in rest) == (
            True,
            True,
            True,
        )
        assert refs(project) == []
        assert set(refs(project, state="discarded")) == {first, second}
        assert totals(project)["dead"] == 2
        fixed = json.dumps(item | {"latency_ms": 5})
        assert "Repaired" in shown(project, act(project, f"{second}/replay", data={"body": fixed}))
        wait_for(lambda: totals(project)["accepted"] == 1, "the trace")

    def test_the_list_is_read_in_pages(self, project: Project) -> None:
        poisoned_refs = len(refs(project))
        append_poison(
            project.server.data_dir, project.project_id, *(trace(status="odd") for _ in range(53))
        )
        wait_for(lambda: len(refs(project)) == 50, "a full page")
        admin, first = project.server.admin, path_of(project, "/dead")
        text = wait_for(
            lambda: re.search(r'rel="next" href="([^"]+)"', admin.get(first).text), "the next page"
        )
        older = admin.get(text[1].replace("&amp;", "&")).text

        assert poisoned_refs == 0
        assert re.findall(r"raw\.traces:0:\d+:(\d+)</code>", older) == ["2", "1", "0"]

    def test_the_raw_body_is_a_file_that_no_browser_shows(self, project: Project) -> None:
        (ref,) = poisoned(project, f"<script>{HOSTILE}".encode())

        answer = project.server.admin.get(path_of(project, f"/dead/{ref}/raw"))

        assert answer.content == f"<script>{HOSTILE}".encode()
        assert answer.headers["content-type"] == "application/octet-stream"
        assert answer.headers["content-disposition"].startswith("attachment")
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_whatever_a_sender_wrote_is_text_in_dead_letters(
    browser: Browser, project: Project
) -> None:
    hostile = trace(status=HOSTILE, output_text="</textarea>" + HOSTILE)
    (_, ref) = poisoned(project, hostile | {HOSTILE: HOSTILE}, f"</textarea>{HOSTILE}".encode())[:2]
    reason = f"x{HOSTILE}"
    with Visitor.signed_in(browser, project.server) as visitor:
        for rest in (
            *("", "/dead", "/dead?state=all", f"/dead?open={ref}", f"/dead/{ref}"),
            *(f"/dead?reason={reason}", f"/dead?open={reason}", f"/dead?done={reason}"),
        ):
            page = visitor.go(path_of(project, rest))
            page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")

            assert page.evaluate("window.hit") is None, rest
            assert page.locator("[onerror], script:not([src]), img[src=x]").count() == 0, rest
        assert visitor.faults == []


def test_a_poison_item_is_found_repaired_and_stored_once(
    browser: Browser, project: Project
) -> None:
    item = trace(trace_id=new_id(), latency_ms="slow", output_text="At last")
    poisoned(project, item)
    with Visitor.signed_in(browser, project.server, viewport=NARROW) as visitor:
        page = visitor.go(path_of(project))
        expect(page.locator(".moment")).to_contain_text("All stored within")
        page.get_by_role("link", name="latency_ms: Expected a number, got a text").click()
        page.get_by_role("link", name="latency_ms: Expected a number").click()
        body = page.get_by_label("Body", exact=True)
        expect(body).to_have_value(re.compile('"latency_ms": "slow"'))
        assert visitor.serious_findings() == []

        body.fill(body.input_value().replace('"slow"', "-3"))
        page.get_by_role("button", name="Repair and replay").click()
        expect(page.get_by_role("alert")).to_contain_text("latency_ms")
        assert visitor.serious_findings() == []
        body.fill(body.input_value().replace('_ms": -3', '_ms": 12.5'))
        page.get_by_role("button", name="Repair and replay").click()
        expect(page.locator("#drawer")).to_contain_text("Repaired and replayed")
        wait_for(lambda: totals(project)["accepted"] == 1, "the trace")
        page.get_by_role("link", name="find it").click()

        expect(page.locator("main")).to_contain_text("At last")
        page.goto(path_of(project, "/dead"))
        expect(page.locator("main")).to_contain_text("No dead letter waits")
        page.go_back()
        # The answer 400 of the form is an error to the console, and no fault.
        assert [one for one in visitor.faults if "400" not in one] == []
    assert totals(project)["received"] == 1
