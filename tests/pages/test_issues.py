"""The pages of issues: one story in a browser, and what forms and addresses do, over HTTP."""

import re
import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.payloads import new_id, trace
from tests.e2e.people import join
from tests.e2e.server import Project, Server, create_project, wait_for
from tests.pages.errors import (
    NUMBERS,
    Sender,
    a_shop,
    error,
    id_of,
    listed,
    sender_of,
    wait_listed,
)
from tests.pages.looking import NARROW, Visitor
from tests.pages.places import HOSTILE, now

pytestmark = [pytest.mark.slow, pytest.mark.browser]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("issues") / "data") as running:
        yield running


@pytest.fixture(scope="module")
def other(server: Server) -> Project:
    """A project of the same admin, with issues of its own."""
    project = create_project(server, "Other")
    a_shop(project)
    return project


@pytest.fixture
def project(server: Server) -> Project:
    return create_project(server, "Shop")


@pytest.fixture
def sender(project: Project) -> Sender:
    return sender_of(project)


def path_of(project: Project, rest: str = "") -> str:
    return f"/p/{project.project_id}/errors/issues{rest}"


def get(project: Project, rest: str = "", **values: str) -> httpx.Response:
    return project.server.admin.get(path_of(project, rest), params=values)


def act(
    project: Project, rest: str = "", client: httpx.Client | None = None, **form: Any
) -> httpx.Response:
    """Sends a form, and returns the page that it leads to."""
    asked = client or project.server.admin
    answer = asked.post(path_of(project, rest), data=form)
    if answer.status_code != 303:
        return answer
    return asked.get(answer.headers["location"])


def said(answer: httpx.Response) -> str:
    found = re.search(r'class="done[^>]*>(?:<p>)?([^<]+)', answer.text)
    return found[1] if found else ""


class TestAPersonsStory:
    def test_an_issue_is_found_read_resolved_and_gone_from_the_unresolved(
        self, browser: Browser, server: Server, project: Project
    ) -> None:
        a_shop(project)
        with Visitor.signed_in(browser, server) as visitor:
            page = visitor.go(path_of(project))
            expect(page.locator("tbody tr")).to_have_count(3)

            page.keyboard.press("/")
            page.keyboard.type("level:error")
            page.keyboard.press("Enter")
            page.wait_for_url("**where=is**")
            expect(page.locator("tbody tr")).to_have_count(1)

            page.keyboard.press("j")
            page.keyboard.press("o")
            drawer = page.locator("#drawer")
            expect(drawer.get_by_text("order 0: no answer").first).to_be_visible()
            drawer.get_by_role("link", name="Whole page").click()
            expect(page.locator(".source .crash")).to_contain_text("charge(card)")
            expect(page.locator(".fold summary")).to_contain_text("1 call within libraries")
            page.keyboard.press("[")
            page.wait_for_url("**/events/*")
            expect(page.get_by_text("order 1: no answer").first).to_be_visible()

            page.get_by_role("button", name="Resolve", exact=True).click()
            expect(page.locator(".done")).to_have_text("1 issue resolved.")
            expect(page.locator(".activity li").first).to_contain_text("resolved it")
            page.get_by_role("link", name="Issues").last.click()
            expect(page.locator("tbody tr")).to_have_count(2)
            expect(page.locator("tbody")).not_to_contain_text("PaymentFailed")

            page.wait_for_load_state()  # the script that hears keys is run last
            page.keyboard.press("j")
            page.keyboard.press("x")
            expect(page.locator("[data-chosen]")).to_have_text("1 selected")
            page.get_by_role("button", name="Resolve", exact=True).click()
            expect(page.locator("tbody tr")).to_have_count(1)
            page.get_by_role("button", name="Undo").click()
            expect(page.locator("tbody tr")).to_have_count(2)
            assert visitor.faults == []

    def test_it_works_without_a_script_on_a_phone(
        self, browser: Browser, server: Server, project: Project
    ) -> None:
        a_shop(project)
        with Visitor.signed_in(
            browser, server, viewport=NARROW, java_script_enabled=False
        ) as visitor:
            page = visitor.page
            page.goto(path_of(project))
            for box in page.locator("tbody input[type=checkbox]").all()[:2]:
                box.check()
            page.locator(".bulk summary", has_text="Ignore").click()
            page.get_by_role("button", name="For a day").click()

            expect(page.locator(".done")).to_contain_text("2 issues ignored.")
            expect(page.locator("tbody tr")).to_have_count(1)


class TestActions:
    def test_many_issues_are_changed_at_once(self, project: Project) -> None:
        a_shop(project)
        ids = [id_of(project, number) for number in (1, 2)]

        resolved = act(project, issue=ids, act="resolve")

        assert said(resolved) == "2 issues resolved."
        assert listed(project, where="is:unresolved") == [3]
        assert sorted(listed(project, where="is:resolved")) == [1, 2]
        assert said(act(project, issue=ids, act="open")) == "2 issues opened again."
        assert len(listed(project)) == 3

    @pytest.mark.parametrize(
        ("button", "text"),
        [
            ("ignore", "Ignored for good."),
            ("until:3600", "Ignored until 20"),
            ("events:10", "Ignored until it happens 10 more times."),
            ("people:100", "Ignored until 100 more people meet it."),
            ("resolve-next", "Resolved in the release after shop@2.14.0 by "),
        ],
    )
    def test_an_issue_says_how_long_its_state_lasts(
        self, other: Project, button: str, text: str
    ) -> None:
        page = act(other, "/2", act=button)

        assert text in page.text
        assert 2 not in listed(other)
        assert 2 in listed(other, where="is:all")
        assert 2 in listed(other, where="is:ignored" if text[0] == "I" else "is:resolved")

    def test_an_issue_is_assigned_to_members_alone(self, server: Server, project: Project) -> None:
        a_shop(project)
        join(server, project, name="Bo Member")
        text = get(project, "/1").text
        user_id = re.search(r'<option value="([^"]+)">Bo Member', text)
        assert user_id is not None

        assigned = act(project, "/1", act="assign", assignee=user_id[1])

        assert "assigned to Bo Member" in assigned.text
        assert listed(project, where="is:all assignee:none") == [2, 3]
        stranger = act(project, "/1", act="assign", assignee=new_id())
        assert said(stranger).startswith("Nothing was changed: only members")
        assert "nobody is assigned" in act(project, "/1", act="assign", assignee="").text

    def test_merged_issues_are_one_until_a_part_is_split_off(self, project: Project) -> None:
        a_shop(project)
        ids = [id_of(project, number) for number in (3, 1)]

        assert said(act(project, issue=ids, act="merge")) == "2 issues merged into one."

        assert sorted(listed(project)) == [1, 2]
        page = get(project, "/1").text
        assert "merged #3 into it" in page
        assert get(project, "/3").text.count("<h1>") == page.count("<h1>")
        parts = re.findall(r'name="fingerprint" value="([0-9a-f]{64})"', page)
        assert len(parts) == 2
        none, all_of_it = (act(project, "/1", act="unmerge", fingerprint=f) for f in ([], parts))
        assert said(none) == said(all_of_it) != ""
        split = act(project, "/1", act="unmerge", fingerprint=parts[:1])
        assert said(split) == "What was selected is an issue of its own now: this one."
        assert len(listed(project)) == 3

    def test_a_form_that_selects_nothing_changes_nothing_and_says_so(self, other: Project) -> None:
        before = listed(other, where="is:unresolved")

        assert "select issues first" in said(act(other, act="resolve"))
        assert "two issues or more" in said(act(other, act="merge", issue=[id_of(other, 1)]))
        assert act(other, act="explode", issue=[id_of(other, 1)]).status_code == 400
        assert listed(other, where="is:unresolved") == before

    @pytest.mark.parametrize("rest", ["", "/1"])
    def test_the_form_of_another_site_changes_nothing(self, other: Project, rest: str) -> None:
        form = {"act": "resolve", "issue": id_of(other, 1)}

        answer = other.server.admin.post(
            path_of(other, rest), data=form, headers={"Sec-Fetch-Site": "cross-site"}
        )

        assert answer.status_code == 403
        assert 1 in listed(other)

    def test_where_no_release_is_known_there_is_no_next_one(
        self, project: Project, sender: Sender
    ) -> None:
        sender.send(error())
        wait_listed(project, 1)

        page = act(project, "/1", act="resolve-next")

        assert "no release of this project is known yet" in said(page)
        assert listed(project) == [1]


class TestProjects:
    def test_of_another_project_an_issue_is_as_one_that_does_not_exist(
        self, other: Project, project: Project
    ) -> None:
        issue, nowhere = id_of(other, 1), new_id()
        event = re.search(r"/events/([0-9a-f]{32})/raw", get(other, "/1").text)
        assert event is not None

        for rest in ("", "/events", f"/events/{event[1]}", f"/events/{event[1]}/raw"):
            there = get(project, f"/{issue}{rest}")
            assert (there.status_code, there.text) == (
                404,
                get(project, f"/{nowhere}{rest}").text,
            )
        for one in ("resolve", "ignore", "assign", "unmerge"):
            assert act(project, f"/{issue}", act=one).status_code == 404
            assert act(project, act=one, issue=[issue]).status_code in (200, 400)
        assert act(project, act="merge", issue=[issue, id_of(other, 3)]).status_code == 200
        assert {1, 3} <= set(listed(other))

    def test_an_event_of_another_issue_is_not_this_ones(
        self, project: Project, sender: Sender
    ) -> None:
        a_shop(project)
        theirs = re.search(r"/events/([0-9a-f]{32})/raw", get(project, "/2").text)
        assert theirs is not None

        assert get(project, f"/1/events/{theirs[1]}").status_code == 404
        assert get(project, f"/1/events/{theirs[1]}/raw").status_code == 404
        beside = get(project, "/1/events", open=theirs[1])
        assert "There is no event" in beside.text
        assert "unsupported operand" not in beside.text


class TestEvents:
    def test_from_each_event_the_others_are_a_click_away(
        self, project: Project, sender: Sender
    ) -> None:
        first, middle, last = sender.send(*(error(ago_s=30.0 * n) for n in (3, 2, 1)))
        wait_for(lambda: last in get(project, "/1").text, "the events")

        def steps(event_id: str) -> list[str]:
            text = get(project, f"/1/events/{event_id}").text
            nav = text.partition('aria-label="Events of the issue">')[2].partition("Raw")[0]
            return re.findall(r"/events/([0-9a-f]{32})(?:\?[^\"]*)?\"", nav)

        assert steps(middle) == [first, first, last, last]
        assert steps(first) == [middle, last]
        assert steps(last) == [first, middle]
        missing = get(project, "/1/events/" + "0" * 32)
        assert (missing.status_code, "There is no event" in missing.text) == (404, True)

    def test_all_of_them_are_listed_in_pages_and_narrowed(
        self, project: Project, sender: Sender
    ) -> None:
        sent = sender.send_together(
            *(
                error(ago_s=60.0 * n, release=f"r{n % 2}", tags={"part": "web" if n % 3 else "api"})
                for n in range(52)
            )
        )
        wait_for(lambda: "52</span> events" in get(project, "/1/events").text, "all events")

        def events(**values: str) -> list[str]:
            text = get(project, "/1/events", **values).text
            return re.findall(r'hx-get="[^"]*/events/([0-9a-f]{32})', text)

        first = get(project, "/1/events")
        older = re.search(r"older=([^&\"]+)", first.text)
        assert older is not None
        assert [*events(), *events(older=older[1])] == sent
        assert events(where="release:r1 -part:web") == [
            one for n, one in enumerate(sent) if n % 2 and not n % 3
        ]
        assert len(events(where="part:web part:api")) == 50
        opened = get(project, "/1/events", open=sent[3]).text
        assert f"/events/{sent[3]}/raw" in opened
        assert "There is no event" in get(project, "/1/events", open="0" * 32).text
        for name, event_id in (("latest", sent[0]), ("oldest", sent[-1])):
            assert f"/events/{event_id}/raw" in get(project, f"/1/events/{name}").text

    def test_the_raw_event_is_all_that_is_kept(self, project: Project, sender: Sender) -> None:
        (event_id,) = sender.send(error(value="x" * 20_000))
        wait_listed(project, 1)

        page = get(project, "/1").text
        raw = get(project, f"/1/events/{event_id}/raw")

        assert "more characters" in page
        assert raw.headers["content-type"].startswith("application/json")
        assert raw.json()["eventId"] == event_id
        assert len(raw.json()["exceptions"][0]["value"]) > 8_000

    def test_it_leads_to_what_else_belongs_to_its_trace(
        self, project: Project, sender: Sender
    ) -> None:
        of = {"trace": {"trace_id": "ab" * 16, "span_id": "cd" * 8}}
        sender.send(error(contexts=of), error("TypeError", contexts=of))
        call = trace(timestamp=now(), metadata={"traceId": "ab" * 16})
        assert project.post("/v1/traces/batch", [call]).status_code == 202
        wait_listed(project, 2)

        text = wait_for(
            lambda: page if "LLM call" in (page := get(project, "/1").text) else "", "the call"
        )

        assert f"/llm/traces/{call['trace_id']}" in text
        assert "Error TypeError" in text
        assert text.count("Error PaymentFailed") == 0

    @pytest.mark.parametrize("shown", ["15m", "24h", "30d"])
    def test_its_course_counts_each_event_once_whatever_the_time_is(
        self, other: Project, shown: str
    ) -> None:
        text = get(other, "/1", range=shown).text
        table = text.partition("Events as a table")[2].partition("</table>")[0]
        counts = re.findall(r'class="n"><span title="(\d+)">', table)

        assert sum(map(int, counts)) == 3

    def test_it_says_why_it_belongs_to_its_issue(self, other: Project) -> None:
        text = get(other, "/1").text.partition("Why it belongs to this issue")[2]

        assert "grouped by its stack" in text
        assert "charge_PaymentFailed" in text


class TestLists:
    def test_it_is_read_in_pages_in_each_order(self, project: Project, sender: Sender) -> None:
        sender.send(*(error(f"Kind{n}", ago_s=60.0 * n) for n in range(45)))
        admin = project.server.admin

        def numbers(sort: str) -> list[int]:
            first = get(project, sort=sort).text
            following = re.search(r'rel="next" href="([^"]+)"', first)
            if following is None:
                return []
            second = admin.get(following[1].replace("&amp;", "&")).text
            assert 'rel="next"' not in second
            return [int(one) for text in (first, second) for one in NUMBERS.findall(text)]

        wait_for(lambda: len(numbers("last_seen")) == 45, "all issues")
        for sort in ("last_seen", "first_seen", "events", "people"):
            assert sorted(numbers(sort)) == list(range(1, 46)), sort

    @pytest.mark.parametrize("values", [{"older": "x"}, {"sort": "x"}, {"where": "is:odd"}])
    def test_an_address_that_no_page_gave_is_rejected(
        self, other: Project, values: dict[str, str]
    ) -> None:
        assert get(other, **values).status_code == 400

    @pytest.mark.parametrize(
        ("where", "found"),
        [
            ("is:all level:fatal", [2]),
            ("is:all -level:fatal", [1, 3]),
            ('is:all browser:"Firefox 121"', [1, 2, 3]),
            ("is:all browser:Chrome", []),
            ("is:all release:shop@2.14.0 environment:production user:u_1", [1, 2, 3]),
            ("is:all unsupported", [2]),
            ('is:all "took too"', [3]),
            ("is:all -unsupported -took", [1]),
            ("is:all type:TypeError", [2]),
            ("is:all level:fatal level:warning", [2, 3]),
            ('is:all browser:"Firefox 121" browser:Chrome', [1, 2, 3]),
        ],
    )
    def test_a_search_narrows(self, other: Project, where: str, found: list[int]) -> None:
        assert sorted(listed(other, where=where)) == found

    def test_suggestions_are_from_the_data(self, other: Project) -> None:
        def options(begun: str, **values: str) -> list[str]:
            answer = other.server.admin.get(
                path_of(other, "/suggest"),
                params={"add": begun, **values},
                headers={"HX-Request": "true"},
            )
            return re.findall(r'data-term="([^"]+)"', answer.text.replace("&#34;", "'"))

        assert "customer.tier:" in options("custom")
        assert options("browser:fire") == ["browser:'Firefox 121'"]
        assert options("release:") == ["release:shop@2.14.0"]
        assert "is:unresolved" in options("is:un")
        assert "trace:" in options("tra", of="events")
        assert "is:" not in options("is", of="events")

    def test_a_project_without_errors_says_how_the_first_is_sent(self, project: Project) -> None:
        key = sender_of(project).key

        for sdk in ("python", "node", "browser", "go", "php", "ruby", "java", "open-sentry"):
            assert get(project, sdk=sdk).text.count(key) >= 2


class TestPalette:
    def test_it_finds_by_every_id_and_by_names_within_the_project_alone(
        self, other: Project, project: Project, sender: Sender
    ) -> None:
        trace_id = uuid.uuid4().hex
        of = {"trace": {"trace_id": trace_id, "span_id": "cd" * 8}}
        (event_id,) = sender.send(error("Unheard", release="shop@7.7.7", contexts=of))
        wait_listed(project, 1)
        issue = id_of(project, 1)

        def found(text: str, where: Project = project) -> list[str]:
            answer = where.server.admin.get(
                f"/p/{where.project_id}/find", params={"q": text}, headers={"HX-Request": "true"}
            )
            assert answer.status_code == 200, answer.text
            return re.findall(r'href="/p/[^/]+/([^"?]+)', answer.text)

        event = f"errors/issues/{issue}/events/{event_id}"
        for text in (event_id, str(uuid.UUID(event_id)).upper(), trace_id):
            assert event in found(text), text
            assert event not in found(text, other)
        for text in ("1", "#1", issue, "unheard"):
            assert f"errors/issues/{issue}" in found(text), text
        assert "errors/issues" in found("7.7.7")
        for text in ("%", "_" * 40, "'", "#99", "0" * 32, HOSTILE, "x" * 300):
            assert event not in found(text), text


class TestHostileTexts:
    def test_none_of_it_becomes_markup(
        self, browser: Browser, server: Server, project: Project, sender: Sender
    ) -> None:
        (event_id,) = sender.send(hostile())
        wait_listed(project, 1)
        with Visitor.signed_in(browser, server) as visitor:
            for rest in (
                "",
                "?open=1",
                "/1",
                f"/1/events/{event_id}?frames=all&order=sent",
                f"/1/events?open={event_id}&cols=time,message,release,environment,user,server,id",
                f"/1/events?where={HOSTILE}",
                "/suggest?add=type:",
                "/suggest?add=",
                *(f"?{name}={HOSTILE}" for name in ("done", "where", "older", "sort", "open")),
                f"/1?done={HOSTILE}&of={HOSTILE}",
            ):
                page = visitor.go(path_of(project, rest.replace("#", "%23")))
                page.evaluate("document.querySelectorAll('details').forEach(one => one.open=true)")

                assert page.evaluate("window.hit") is None, rest
                assert page.locator("[onerror], script:not([src]), img[src=x]").count() == 0, rest
                assert page.locator("a[href^='javascript:'], img[src^='http']").count() == 0, rest

    def test_a_huge_event_makes_no_huge_page(self, project: Project, sender: Sender) -> None:
        frames = [
            {"filename": "x" * 500, "function": f"f{n}", "vars": {"a": "y" * 500}, **BIG}
            for n in range(250)
        ]
        huge = error(value="v" * 5_000, tags={f"t{n}": "z" * 150 for n in range(200)})
        huge["exception"]["values"][0]["stacktrace"]["frames"] = frames
        sender.send(huge)
        wait_listed(project, 1)

        page = get(project, "/1", frames="all")

        assert len(page.content) < 800_000
        assert "raw event" in page.text


BIG = {"in_app": True, "context_line": "c" * 200, "pre_context": ["p" * 200] * 5, "lineno": 9}


def hostile() -> dict[str, Any]:
    """Returns an event that has a hostile text wherever its sender may put one."""
    frame = {
        **dict.fromkeys(("filename", "abs_path", "module", "function", "context_line"), HOSTILE),
        **{"pre_context": [HOSTILE], "vars": {HOSTILE: HOSTILE}, "in_app": True, "lineno": 3},
    }
    texts = ("transaction", "release", "environment", "server_name", "logger", "platform")
    thrown = {
        **dict.fromkeys(("type", "value", "module"), HOSTILE),
        "mechanism": {"type": HOSTILE, "handled": False},
        "stacktrace": {"frames": [frame, {**frame, "in_app": False}]},
    }
    crumb = {
        **dict.fromkeys(("type", "category", "message", "level"), HOSTILE),
        "data": {HOSTILE: HOSTILE},
    }
    return error(
        **dict.fromkeys(texts, HOSTILE),
        exception={"values": [thrown, thrown]},
        logentry={"message": HOSTILE, "formatted": HOSTILE + "!"},
        user={**dict.fromkeys(("id", "email", "username", "ip_address"), HOSTILE), "x": HOSTILE},
        request={
            "url": "javascript:window.hit=1",
            "method": HOSTILE,
            "query_string": HOSTILE,
            "headers": {HOSTILE: HOSTILE},
            "cookies": HOSTILE,
            "data": {HOSTILE: [HOSTILE]},
            "env": {HOSTILE: HOSTILE},
        },
        tags={HOSTILE: HOSTILE, "url": "javascript:window.hit=1"},
        contexts={HOSTILE: {HOSTILE: HOSTILE}, "browser": {"name": HOSTILE}},
        extra={HOSTILE: {HOSTILE: HOSTILE}},
        modules={HOSTILE: HOSTILE},
        breadcrumbs={"values": [crumb]},
        sdk={"name": HOSTILE, "version": HOSTILE},
        fingerprint=[HOSTILE],
    )
