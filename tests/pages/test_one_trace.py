"""The page of one trace, as who debugs an agent uses it."""

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.payloads import new_id, trace
from tests.e2e.server import Server, create_project, wait_for
from tests.pages.conftest import World
from tests.pages.looking import NARROW, WIDE, Visitor
from tests.pages.places import HOSTILE, path_of
from tests.pages.telemetry import CALL, ROOT, TOOL, send_metric, send_trace

pytestmark = [pytest.mark.slow, pytest.mark.browser]

RULES = "".join(f"- Rule {n} is to be kept.\n" for n in range(40))
MANY = [{"file": f"src/{n}.py", "line": n, "text": "x"} for n in range(90)]
ANSWER = "Done:\n\n```python\nprint(  'one two'  )\n```\n\nand **bold**"
# Numbers of this length are rounded by who reads them as JavaScript does.
LONG_NUMBER = 12345678901234567890


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A server without the week of the demo, which takes longer than all that is here."""
    with Server(tmp_path_factory.mktemp("one-trace") / "data") as server:
        project = create_project(server, "Agents")
        yield World(server, project, project)


def asked(day: str, messages: list[dict[str, Any]], **settings: Any) -> dict[str, Any]:
    return {"model": "m", "system": f"{RULES}Today is {day}.", "messages": messages, **settings}


def store(world: World, session: str, bodies: list[dict[str, Any]]) -> list[str]:
    """Stores calls of one session, a second after each other, and returns their ids."""
    began = datetime.now(UTC) - timedelta(minutes=5)
    items = [
        trace(
            trace_id=new_id(),
            session_id=session,
            timestamp=(began + timedelta(seconds=number)).isoformat(),
            provider="anthropic",
            request_body=body,
            response_body={"content": [{"type": "text", "text": ANSWER}], "number": LONG_NUMBER},
        )
        for number, body in enumerate(bodies)
    ]
    answer = world.demo.post("/v1/traces/batch", items)
    assert answer.status_code == 202, answer.text
    return [str(item["trace_id"]) for item in items]


@pytest.fixture(scope="module")
def calls(world: World) -> list[str]:
    """Two calls of an agent: the second says again what the first said, and a little more."""
    first = [{"role": "user", "content": "Find the bug"}, {"role": "user", "content": "Now!"}]
    used = {"type": "tool_use", "id": "t1", "name": "grep", "input": {"for": "bug"}}
    given = {"type": "tool_result", "tool_use_id": "t1", "content": MANY}
    more = [{"role": "assistant", "content": [used]}, {"role": "user", "content": [given]}]
    bodies = [
        asked("Monday", first, temperature=0.2, tools=[{"name": "grep"}]),
        asked("Tuesday", first + more, temperature=0.7, tools=[{"name": "grep"}, {"name": "edit"}]),
    ]
    return store(world, "one-trace", bodies)


@pytest.fixture
def page(visitor: Visitor, world: World, calls: list[str]) -> Page:
    visitor.context.grant_permissions(["clipboard-read", "clipboard-write"])
    return visitor.go(path_of(world.demo, f"llm/traces/{calls[1]}"))


def copied(page: Page, beginning: str = "") -> str:
    """Returns what is in the clipboard, once it begins so."""
    expect(page.locator("#toast")).to_have_text("Copied")

    def read() -> str:
        text = str(page.evaluate("navigator.clipboard.readText()"))
        return text if text.startswith(beginning) else ""

    return wait_for(read, f"a text that begins with {beginning!r}")


class TestDifference:
    def test_it_shows_what_is_new_and_folds_what_was_said_before(
        self, page: Page, calls: list[str]
    ) -> None:
        against = page.locator(".against")
        expect(against).to_contain_text("2 messages new · 1 changed · 2 as before")
        assert against.locator("dt").all_inner_texts() == [
            "System prompt", "temperature", "Tools added",
        ]  # fmt: skip
        assert against.locator("del").all_inner_texts() == ["0.2"]
        assert against.locator("ins").all_inner_texts() == ["0.7", "edit"]
        changed = page.locator(".said.changed")
        assert changed.locator("del").inner_text().strip() == "Monday"
        assert changed.locator("ins").inner_text().strip() == "Tuesday"

        before = page.locator(".said.same p", has_text="Find the bug")
        expect(before).to_be_hidden()
        page.get_by_text("2 messages as before").click()
        expect(before).to_be_visible()

        against.get_by_role("link", name="call before").click()
        page.wait_for_url(f"**/{calls[0]}*")
        expect(page.locator(".against")).to_have_count(0)

    def test_a_result_and_its_call_lead_to_each_other(self, page: Page) -> None:
        page.get_by_role("link", name="its result").click()

        assert page.url.endswith("#result-1")
        expect(page.locator("#result-1")).to_contain_text("result grep t1")
        expect(page.locator("#call-1 code").first).to_have_text("grep")


class TestCopying:
    def test_what_was_sent_is_copied_and_not_what_it_looks_like(self, page: Page) -> None:
        answer = page.locator(".said.assistant").last
        answer.get_by_role("button", name="Copy the message").focus()
        page.keyboard.press("Enter")
        assert copied(page) == ANSWER

        answer.get_by_role("button", name="Copy the code").click()
        assert copied(page, "print") == "print(  'one two'  )"

    def test_an_id_and_a_whole_body_are_copied(self, page: Page, calls: list[str]) -> None:
        page.get_by_role("button", name="Copy the id").click()
        assert copied(page) == calls[1]

        page.get_by_text("Response body").click()
        page.locator("details.body[open]").get_by_role("button", name="Copy all of it").click()
        assert f'"number":{LONG_NUMBER}' in copied(page, "{").replace(" ", "")

    def test_a_body_is_downloaded_under_a_name_of_its_own(
        self, page: Page, calls: list[str]
    ) -> None:
        page.get_by_text("Metadata").or_(page.get_by_text("Request body")).first.click()
        with page.expect_download() as started:
            page.locator("details.body[open]").get_by_role("link", name="Download").click()

        assert started.value.suggested_filename == f"{calls[1]}-request_body.json"


class TestTree:
    def test_a_search_opens_the_way_and_a_value_is_copied(self, page: Page) -> None:
        page.get_by_text("Request body").click()
        tree = page.locator("details.body[open] [data-tree]")
        field = tree.get_by_role("searchbox")
        field.fill("SRC/7")
        expect(tree.locator("output")).to_have_text("1 of 11")
        field.press("Enter")
        expect(tree.locator("output")).to_have_text("2 of 11")
        expect(tree.locator(".at")).to_contain_text("src/70.py")
        expect(tree.locator(".at")).to_be_visible()
        field.press("Shift+Enter")
        field.press("Shift+Enter")
        expect(tree.locator("output")).to_have_text("11 of 11")

        tree.get_by_role("button", name="Copy path").click()
        assert copied(page) == '$["messages"][3]["content"][0]["content"][79]["file"]'
        field.fill("no such thing")
        expect(tree.locator("output")).to_have_text("Nothing found")
        field.press("Escape")
        expect(field).to_have_value("")

    def test_keys_move_in_it_and_numbers_stay_as_they_were_sent(self, page: Page) -> None:
        page.get_by_text("Response body").click()
        tree = page.locator("details.body[open] [data-tree]")
        tree.locator("summary").first.click()
        tree.locator("summary").first.click()
        page.keyboard.press("End")
        expect(tree.locator(".at .key")).to_have_text("number")
        tree.get_by_role("button", name="Copy value").click()
        assert copied(page) == str(LONG_NUMBER)

        tree.locator(".at").focus()
        page.keyboard.press("Home")
        page.keyboard.press("ArrowLeft")
        expect(tree.locator(".key").first).to_be_hidden()
        page.keyboard.press("ArrowRight")
        expect(tree.locator(".key").first).to_be_visible()

    def test_a_large_result_is_a_tree_whose_values_are_copied_whole(self, page: Page) -> None:
        tree = page.locator("#result-1 [data-tree]")
        tree.locator("summary").nth(1).click()
        tree.get_by_role("button", name="Copy value").click()

        assert '"file": "src/0.py"' in copied(page)


def test_it_is_accessible_in_the_dark_and_fits_a_narrow_screen(
    visitor: Visitor, world: World, calls: list[str]
) -> None:
    visitor.page.emulate_media(color_scheme="dark")
    visitor.page.set_viewport_size({"width": 360, "height": 800})
    page = visitor.go(path_of(world.demo, f"llm/traces/{calls[1]}"))
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")

    assert visitor.serious_findings() == []
    assert visitor.faults == []
    assert page.evaluate("document.documentElement.scrollWidth") == 360


def test_it_is_read_without_a_script_and_nothing_there_needs_one(
    visitor: Visitor, world: World, calls: list[str]
) -> None:
    options = {"java_script_enabled": False, "viewport": NARROW}
    browser = visitor.context.browser
    assert browser is not None
    with Visitor.signed_in(browser, world.server, **options) as window:
        opened = window.go(path_of(world.demo, f"llm/traces/{calls[1]}"))

        assert opened.locator("[data-copy]:visible, .tree-tools:visible").count() == 0
        assert opened.locator(".said.new").count() == 2
        assert opened.locator("a[download]").count() == 2


def hostile_request(end: str) -> dict[str, Any]:
    """Returns a request whose every text is hostile, and ends in its own way."""
    text = f"{HOSTILE} {end}"
    tool = {"type": "function", "function": {"name": text, "parameters": {text: text}}}
    call = {
        "id": HOSTILE,
        "function": {"name": HOSTILE, "arguments": f'{{"{end}": [{"1," * 999}1]}}'},
    }
    return {
        "model": text, text: text, "temperature": text, "tools": [tool],
        "messages": [
            {"role": "system", "content": text},
            {"role": "user", "name": HOSTILE, "content": [
                {"type": "text", "text": f"```{HOSTILE}\n{text}\n```\n```html\n{text}\n```"},
                {"type": "input_audio", "input_audio": {"data": HOSTILE, "format": HOSTILE}},
                {"type": "file", "file": {"filename": HOSTILE, "file_data": HOSTILE}},
                {"type": "image", "source": {"media_type": HOSTILE, "data": HOSTILE}},
                {"type": "refusal", "refusal": text},
            ]},
            {"role": "assistant", "content": None, "tool_calls": [call], HOSTILE: {HOSTILE: end}},
            {"role": "tool", "tool_call_id": HOSTILE, "content": [{HOSTILE: [text] * 90}]},
            {"role": "user", "content": f"{end} and nothing more"},
        ],
    }  # fmt: skip


def test_hostile_texts_are_text_in_the_difference_in_code_and_in_trees(
    visitor: Visitor, world: World
) -> None:
    ids = store(world, HOSTILE, [hostile_request("then"), hostile_request("now")])
    page = visitor.go(path_of(world.demo, f"llm/traces/{ids[1]}"))
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    expect(page.locator(".said.changed")).not_to_have_count(0)
    expect(page.locator(".against del")).not_to_have_count(0)
    tree = page.locator("details.body [data-tree]").first
    tree.get_by_role("searchbox").fill("<img")
    expect(tree.locator("output")).to_contain_text(" of ")

    assert page.evaluate("window.hit") is None
    assert page.locator("[onerror], script:not([src]), img[src=x], [style]").count() == 0
    assert page.locator("a[href^='javascript:'], main [src^='http']").count() == 0
    assert visitor.serious_findings() == []
    assert visitor.faults == []


class TestDistributed:
    """The trace of a request over several services, as OpenTelemetry tells it."""

    def test_from_a_call_of_a_model_to_the_whole_request_and_into_a_span(
        self, visitor: Visitor, world: World
    ) -> None:
        trace_id = uuid.uuid4().hex
        send_trace(world.demo, trace_id)
        page = visitor.go(path_of(world.demo, f"llm/traces/{trace_id}-{CALL}"))
        page.get_by_role("link", name=trace_id).click()

        page.wait_for_url(f"**/otel/traces/{trace_id}*")
        rows = page.locator(".waterfall tbody tr")
        for text in ("GET /orders", "find order", "stock is low", "chat gpt-4o", "find_order"):
            expect(rows.filter(has_text=text).first).to_be_visible()
        expect(rows.filter(has_text="Where is my order?")).to_contain_text("user")
        expect(rows.filter(has_text="On its way")).to_contain_text("assistant")
        expect(rows.filter(has_text="chat gpt-4o")).to_contain_text("150")
        expect(page.locator(".kinds")).to_contain_text("shop")

        rows.filter(has_text="chat gpt-4o").get_by_role("link").first.click()
        drawer = page.locator("#drawer")
        expect(drawer.locator(".talk")).to_contain_text("On its way")
        page.wait_for_url(f"**open={trace_id}-{CALL}*")
        page.reload()
        expect(drawer).to_contain_text("gen_ai.request.model")
        drawer.get_by_role("link", name="Close").click()
        expect(drawer).to_be_hidden()
        assert visitor.faults == []

    def test_rows_fold_by_the_keyboard_and_one_span_is_shown_alone(
        self, visitor: Visitor, world: World
    ) -> None:
        trace_id = uuid.uuid4().hex
        send_trace(world.demo, trace_id)
        page = visitor.go(path_of(world.demo, f"otel/traces/{trace_id}"))
        inner = page.locator(".waterfall a.row", has_text="chat gpt-4o")
        page.locator(".waterfall a.row", has_text="find order").focus()
        page.keyboard.press("ArrowLeft")
        expect(inner).to_be_hidden()
        page.locator(".waterfall a.row", has_text="GET /orders").focus()
        page.keyboard.press("ArrowLeft")
        page.keyboard.press("ArrowRight")
        expect(inner).to_be_hidden()
        page.get_by_role("button", name="Fold the").nth(1).click()
        expect(inner).to_be_visible()

        visitor.go(path_of(world.demo, f"otel/traces/{trace_id}?under={'2' * 16}"))
        expect(inner).to_be_visible()
        expect(page.locator(".waterfall")).not_to_contain_text("GET /orders")
        page.get_by_role("link", name="Show the whole trace").click()
        expect(page.locator(".waterfall")).to_contain_text("GET /orders")

    def test_it_is_found_by_what_its_spans_are_of(self, visitor: Visitor, world: World) -> None:
        trace_id = uuid.uuid4().hex
        send_trace(world.demo, trace_id)
        page = visitor.go(path_of(world.demo, "otel/traces"))
        box = page.get_by_role("combobox", name="Add a condition")
        box.fill("service:sho")
        expect(page.get_by_role("option").first).to_contain_text("service:shop")
        page.get_by_role("option").first.click()
        page.wait_for_url("**where=service*")
        newest = page.locator("tbody tr").first
        expect(newest).to_contain_text("GET /orders")
        expect(newest).to_contain_text("150")
        box.fill("latency:>60000")
        box.press("Enter")
        expect(page.locator(".nothing")).to_contain_text("No trace of this time fits")

        visitor.go(path_of(world.demo, f"otel/traces?where={quote('service:shop cost:>60000')}"))
        expect(page.locator(".nothing")).to_contain_text("No trace of this time fits")

        where = quote(f"trace:{trace_id} resource.service.name:nowhere")
        visitor.go(path_of(world.demo, f"otel/spans?where={where}"))
        expect(page.locator(".nothing")).to_be_visible()

        where = quote(f"trace:{trace_id} attr.http.route:/orders resource.service.name:!=nowhere")
        visitor.go(path_of(world.demo, f"otel/spans?where={where}"))
        expect(page.locator("a.row")).to_have_text(["GET /orders"])
        page.locator("a.row").click()
        page.get_by_role("link", name=trace_id).click()
        page.wait_for_url(f"**/otel/traces/{trace_id}*")
        assert visitor.faults == []

    def test_services_and_their_map_lead_to_what_they_do(
        self, visitor: Visitor, world: World
    ) -> None:
        send_trace(world.demo, uuid.uuid4().hex)
        page = visitor.go(path_of(world.demo, "otel/services"))
        row = page.locator("tbody tr", has=page.get_by_role("link", name="web", exact=True))
        expect(row).to_contain_text("0 %")
        page.locator("header .tools").get_by_role("link", name="Map").click()
        expect(page.get_by_role("region", name="Calls")).to_contain_text("shop")
        box = page.locator(".service-map a", has_text="shop")
        box.focus()
        page.keyboard.press("Enter")

        page.wait_for_url("**/otel/services/shop*")
        expect(page.get_by_role("region", name="Who calls it")).to_contain_text("web")
        page.get_by_role("region", name="Operations").get_by_role("link", name="find order").click()
        page.wait_for_url("**/otel/spans*")
        expect(page.locator("a.row").first).to_have_text("find order")
        assert visitor.faults == []

    def test_a_metric_leads_to_the_trace_behind_it(self, visitor: Visitor, world: World) -> None:
        trace_id = uuid.uuid4().hex
        send_trace(world.demo, trace_id)
        send_metric(world.demo, "orders.placed", trace_id)
        page = visitor.go(path_of(world.demo, "otel/metrics?q=orders"))
        page.get_by_role("link", name="orders.placed").click()
        page.get_by_role("link", name="By service").click()
        page.wait_for_url("**by=service*")
        page.get_by_text("As a table").click()
        table = page.get_by_role("region", name="Growth: web as a table")
        expect(table.get_by_role("columnheader").nth(1)).to_have_text("web")
        expect(table).to_contain_text("7")
        page.get_by_role("link", name=trace_id).click()
        page.wait_for_url(f"**/otel/traces/{trace_id}*")
        assert visitor.faults == []

    def test_the_palette_finds_it_by_its_id_and_services_by_name(
        self, visitor: Visitor, world: World
    ) -> None:
        trace_id = uuid.uuid4().hex
        send_trace(world.demo, trace_id)
        page = visitor.go(path_of(world.demo, "overview"))
        page.keyboard.press("Control+k")
        box = page.locator("#palette input")
        box.fill("sho")
        expect(page.locator("#found")).to_contain_text("service")
        box.fill(trace_id)
        hit = page.locator("#found a", has_text="distributed trace")
        expect(hit).to_contain_text("GET /orders")
        hit.click()
        page.wait_for_url(f"**/otel/traces/{trace_id}*")

    def test_a_long_one_comes_in_pages(self, visitor: Visitor, world: World) -> None:
        trace_id = uuid.uuid4().hex
        send_trace(world.demo, trace_id, more=600)
        page = visitor.go(path_of(world.demo, f"otel/traces/{trace_id}"))
        expect(page.locator(".waterfall tbody tr")).to_have_count(504)
        page.get_by_role("link", name="After").click()
        expect(page.locator(".pages")).to_contain_text("2 of 2")
        expect(page.locator(".waterfall tbody tr")).to_have_count(104)

    def test_no_text_of_a_sender_becomes_markup(self, visitor: Visitor, world: World) -> None:
        trace_id = uuid.uuid4().hex
        text = HOSTILE + "W" * 300
        send_trace(world.demo, trace_id, text)
        send_metric(world.demo, text, trace_id, text)
        for path in (
            *(f"otel/traces/{trace_id}{end}" for end in ("", f"?open={trace_id}-{CALL}")),
            *(f"otel/spans/{trace_id}-{one}" for one in (ROOT, CALL, TOOL)),
            *("otel/traces", "otel/spans", "otel/suggest?add=service:"),
            *("otel/services", f"otel/services/{quote(text, safe='')}", "otel/map"),
            *("otel/metrics", f"otel/metrics/one?name={quote(text)}&by=service"),
        ):
            page = visitor.go(path_of(world.demo, path))
            page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")

            assert page.evaluate("window.hit") is None, path
            assert page.locator("[onerror], script:not([src]), img[src=x]").count() == 0, path
            assert "60481729" not in page.locator("body").inner_text(), path
            width = page.evaluate("document.documentElement.scrollWidth")
            assert width <= WIDE["width"] or "suggest" in path, path
        assert [one for one in visitor.faults if "favicon" not in one] == []
