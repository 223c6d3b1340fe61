"""The pages of transactions, as people use them in Chromium."""

import re
import time
import uuid
from collections.abc import Iterator

import msgspec
import pytest
from playwright.sync_api import Browser, expect

from schemas.errors.streamed import decode_streamed
from tests.e2e.payloads import new_id, trace
from tests.e2e.server import Project, Server, create_project
from tests.pages.conftest import World
from tests.pages.looking import NARROW, WIDE, Visitor
from tests.pages.places import HOSTILE, now, path_of
from tests.pages.transactions import send, span, stream, streamed, transaction

pytestmark = [pytest.mark.slow, pytest.mark.browser]
TRACE = "9a0364b9e99bb480dd25e1f0284c8555"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A server without the demo, which has no part in these tests."""
    with Server(tmp_path_factory.mktemp("performance") / "data") as server:
        empty = create_project(server, "Empty")
        yield World(server, empty, empty)


@pytest.fixture(scope="module")
def shop(world: World) -> Project:
    """A project with two releases of one name, a query that repeats, and a trace of everything."""
    project = create_project(world.server, "Shop")
    hour_ago = time.time() - 3600
    old = [
        transaction(uuid.uuid4().hex, began=hour_ago - n, timestamp=hour_ago - n + 0.2)
        for n in range(12)
    ]
    newer = [transaction(uuid.uuid4().hex, release="shop@2.0.0") for _ in range(5)]
    other = transaction(uuid.uuid4().hex, transaction="send_mail", op="queue.task")
    failed = transaction("f" * 32, status="internal_error", trace_id=TRACE)
    failed["spans"] = [
        span(failed, "1" * 16, op="function", description="lines", at_ms=20),
        *(
            span(
                failed,
                f"2{n:015}",
                parent_span_id="1" * 16,
                description=f"SELECT price FROM products WHERE id = {n}",
                at_ms=20 + n,
                data={"db.system": "postgresql"},
            )
            for n in range(6)
        ),
    ]
    error = {
        "event_id": uuid.uuid4().hex,
        "timestamp": failed["start_timestamp"] + 0.03,
        "exception": {"values": [{"type": "KeyError", "value": "no such product"}]},
        "contexts": {"trace": {"trace_id": TRACE, "span_id": "1" * 16}},
    }
    call = trace(
        trace_id=new_id(),
        timestamp=now(),
        model_requested="gpt-4o",
        latency_ms=5.0,
        status="success",
        metadata={"traceId": TRACE, "spanId": "1" * 16},
    )
    assert project.post("/v1/traces/batch", [call]).status_code == 202
    send(project, error, *old, *newer, other, failed)
    world.server.wait_stored()
    return project


class TestStory:
    def test_from_the_list_to_the_query_that_repeats(self, visitor: Visitor, shop: Project) -> None:
        page = visitor.go(path_of(shop, "performance"))
        expect(page.locator("a.row")).to_have_text(["/checkout", "send_mail"])
        page.get_by_role("link", name="Failed").click()
        page.wait_for_url("**sort=failure_rate*")
        page.get_by_role("link", name="/checkout").click()

        expect(page.get_by_role("region", name="Releases")).to_contain_text("shop@2.0.0")
        repeated = page.get_by_role("region", name="Repeated queries")
        expect(repeated).to_contain_text("SELECT price FROM products WHERE id = ?")
        expect(repeated).to_contain_text("1 of 18")
        repeated.get_by_role("link", name="6").click()

        page.wait_for_url(f"**/performance/transactions/{'f' * 32}")
        steps = page.locator(".waterfall tbody tr")
        expect(steps).to_have_count(10)
        expect(steps.nth(0)).to_contain_text("/checkout")
        expect(steps.filter(has_text="no such product")).to_have_count(1)
        expect(steps.filter(has_text="gpt-4o")).to_have_count(1)
        beside = page.get_by_role("region", name="Of the same trace")
        beside.get_by_role("link", name="KeyError: no such product").click()
        page.wait_for_url("**/errors/issues/**")
        expect(page.locator("main")).to_contain_text("KeyError")
        assert visitor.faults == []

    def test_a_span_opens_in_the_drawer_and_its_address_opens_it_again(
        self, visitor: Visitor, shop: Project
    ) -> None:
        page = visitor.go(path_of(shop, f"performance/transactions/{'f' * 32}"))
        page.locator(".waterfall a.row", has_text="WHERE id = 3").click()
        drawer = page.locator("#drawer")
        expect(drawer).to_contain_text("db.system")
        page.wait_for_url("**open=2*")
        page.reload()

        expect(drawer).to_contain_text("SELECT price FROM products WHERE id = 3")
        drawer.get_by_role("link", name="Close").click()
        expect(drawer).to_be_hidden()

    def test_the_filter_suggests_what_there_is_and_narrows(
        self, visitor: Visitor, shop: Project
    ) -> None:
        page = visitor.go(path_of(shop, "performance"))
        box = page.get_by_role("combobox", name="Add a condition")
        box.fill("release:2")
        expect(page.get_by_role("option")).to_have_text([re.compile("release:shop@2.0.0")])
        page.get_by_role("option").click()
        page.wait_for_url("**where=release*")

        expect(page.locator("tbody tr", has_text="/checkout").locator("td").nth(1)).to_have_text(
            "5"
        )
        box.fill("mail")
        box.press("Enter")
        page.wait_for_url("**mail*")
        expect(page.locator(".nothing")).to_contain_text("No transaction of this time fits")

    def test_the_slowest_spans_are_sorts_and_lead_to_an_example(
        self, visitor: Visitor, shop: Project
    ) -> None:
        page = visitor.go(path_of(shop, "performance/spans"))
        page.get_by_role("link", name="Queries").click()
        page.wait_for_url("**kind=queries*")
        row = page.locator("tbody tr")

        expect(row).to_have_count(1)
        expect(row).to_contain_text("SELECT price FROM products WHERE id = ?")
        row.get_by_role("link").click()
        page.wait_for_url(f"**/performance/transactions/{'f' * 32}")

    def test_spans_are_found_before_their_transaction_and_then_in_it(
        self, visitor: Visitor, world: World
    ) -> None:
        project = create_project(world.server, "Streams")
        stream(project, streamed("2" * 16, segment="1" * 16), streamed("3" * 16, segment="1" * 16))
        world.server.wait_stored()

        page = visitor.go(path_of(project, "performance/spans"))
        page.get_by_role("link", name="SELECT ?").click()
        expect(page.locator("h1")).to_contain_text("/streamed")
        expect(page.locator("main")).to_contain_text("The transaction itself has not come yet")
        expect(page.locator(".waterfall a.row")).to_have_count(2)
        page.locator(".waterfall a.row").first.click()
        expect(page.locator("#drawer")).to_contain_text("sentry.segment.id")

        stream(project, streamed("1" * 16, op="http.server"))
        world.server.wait_stored()
        page.reload()
        expect(page.locator("main")).to_contain_text("http.server")
        expect(page.locator("main")).not_to_contain_text("has not come yet")
        expect(page.locator(".waterfall a.row")).to_have_count(2)
        listed = visitor.go(
            path_of(project, "performance/transactions?name=/streamed&op=http.server")
        )
        expect(listed.locator("tbody tr")).to_contain_text("2")
        assert visitor.faults == []

    def test_what_is_empty_says_how_to_send_with_the_dsn_of_the_project(
        self, visitor: Visitor, world: World
    ) -> None:
        page = visitor.go(path_of(world.empty, "performance"))

        expect(page.locator("pre").first).to_contain_text(
            re.compile(r'dsn="http://[0-9a-f]{32}@127\.0\.0\.1:\d+/\d+"')
        )


NAMED = "name=/checkout&op=http.server"
PAGES = (
    "performance",
    "performance?where=release:none",
    f"performance/name?{NAMED}",
    f"performance/name/more?{NAMED}",
    f"performance/transactions?{NAMED}&sort=failed",
    f"performance/transactions/{'f' * 32}?open={'1' * 16}",
    f"performance/transactions/{'f' * 32}/spans/{'1' * 16}",
    "performance/spans?sort=p95",
)


@pytest.fixture(scope="module")
def windows(browser: Browser, world: World) -> Iterator[list[Visitor]]:
    opened = [Visitor.signed_in(browser, world.server, viewport=size) for size in (NARROW, WIDE)]
    yield opened
    for window in opened:
        window.context.close()


@pytest.mark.parametrize("page", PAGES, ids=lambda text: text.replace("/", "-"))
def test_a_page_is_whole_quiet_and_accessible_at_each_width_in_each_theme(
    windows: list[Visitor], shop: Project, page: str
) -> None:
    for window in windows:
        opened = window.go(path_of(shop, page))

        assert opened.locator("h1").count() == 1
        for theme in ("dark", "light"):
            opened.emulate_media(color_scheme=theme)
            expect(opened.locator("html")).to_have_attribute("data-theme", theme)
            assert (theme, window.serious_findings()) == (theme, [])
        assert window.faults == []
        width = opened.evaluate("document.documentElement.scrollWidth")
        assert width <= opened.viewport_size["width"]


def test_it_can_be_read_without_a_script(browser: Browser, world: World, shop: Project) -> None:
    with Visitor.signed_in(browser, world.server, java_script_enabled=False) as window:
        page = window.go(path_of(shop, f"performance/name?{NAMED}"))
        page.get_by_role("link", name="Where the time goes").click()

        expect(page.get_by_role("region", name="Sorts of spans")).to_contain_text("SELECT price")


def test_no_text_of_a_sender_becomes_markup(visitor: Visitor, world: World) -> None:
    project = create_project(world.server, "Hostile")
    attack = transaction(
        "e" * 32,
        transaction=HOSTILE,
        op=HOSTILE,
        status=HOSTILE,
        release=HOSTILE,
        environment=HOSTILE,
        server_name=HOSTILE,
        user={"id": HOSTILE},
        tags={"key": HOSTILE},
        extra={HOSTILE: HOSTILE},
        measurements={HOSTILE: {"value": 1, "unit": HOSTILE}},
    )
    attack["spans"] = [
        span(attack, f"3{n:015}", op=HOSTILE, description=HOSTILE, data={HOSTILE: HOSTILE})
        for n in range(6)
    ]
    alone = streamed("5" * 16, segment="4" * 16, name=HOSTILE, op=HOSTILE, of=HOSTILE)
    stream(project, alone)
    send(project, attack)
    world.server.wait_stored()
    unfinished = decode_streamed(msgspec.json.encode(alone)).transaction_id
    (group,) = project.get("/v1/transactions").json()["transactions"]
    visitor.go(path_of(project, "performance"))
    link = visitor.page.locator("a.row").get_attribute("href") or ""
    assert group["name"] in (HOSTILE, HOSTILE[:200])
    name = link.partition("/performance/name")[2]
    paths = (
        *("performance", "performance/spans", f"performance/name{name}"),
        *(f"performance/name/more{name}", f"performance/transactions{name}"),
        *(f"performance/transactions/{'e' * 32}", "performance/suggest?add=op:"),
        f"performance/transactions/{'e' * 32}?open=3{0:015}",
        f"performance/transactions/{unfinished}?open={'5' * 16}",
        "performance/suggest?of=spans&add=transaction:",
    )

    for path in paths:
        page = visitor.go(path_of(project, path))
        page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")

        assert page.evaluate("window.hit") is None, path
        assert page.locator("[onerror], script:not([src]), img[src=x]").count() == 0, path
        assert "60481729" not in page.locator("body").inner_text(), path
    assert [one for one in visitor.faults if "favicon" not in one] == []
