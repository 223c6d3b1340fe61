"""Texts of senders stay within their place on a phone, and turn no text of ours around."""

import time

import pytest
from playwright.sync_api import Browser

from tests.e2e.payloads import new_id
from tests.e2e.server import Project, create_project
from tests.pages.conftest import World
from tests.pages.errors import sender_of, wait_listed
from tests.pages.looking import NARROW, Visitor

pytestmark = [pytest.mark.slow, pytest.mark.browser]

WORD = "W" * 10_000
TURNS = "\u202eann"
"""All that follows it is written from right to left."""
PAGES = ("issues", "logs", "feedback", "check-ins", "alerts")
OF_DEAD = """() => {
  const all = document.createTreeWalker(document.querySelector("main"), NodeFilter.SHOW_TEXT);
  while (all.nextNode()) {
    const at = all.currentNode.data.indexOf("Dead");
    if (at < 0) continue;
    const range = document.createRange();
    return [at, at + 3].map((one) => {
      range.setStart(all.currentNode, one);
      range.setEnd(all.currentNode, one + 1);
      return range.getBoundingClientRect().left;
    });
  }
}"""


def send_long_words(project: Project) -> None:
    sender, now = sender_of(project), time.time()
    trace = {"trace_id": "5" * 32, "span_id": "6" * 16}
    said = {"message": WORD, "name": WORD[:300], "url": f"https://shop.example/{WORD}"}
    line = {"timestamp": now, "level": "error", "body": WORD, "trace_id": "5" * 32}
    logged = {"type": "log", "item_count": 1}
    sender.send(
        {"level": "error", "message": WORD, "contexts": {"trace": trace}, "release": "W" * 190}
    )
    sender.send_items(
        (
            logged,
            {"items": [line | {"attributes": {WORD[:90]: {"type": "string", "value": WORD}}}]},
        ),
        (
            {"type": "transaction"},
            {"event_id": new_id().replace("-", ""), "transaction": WORD, "type": "transaction"}
            | {"start_timestamp": now - 1, "timestamp": now, "contexts": {"trace": trace}},
        ),
        (
            {"type": "feedback"},
            {
                "event_id": new_id().replace("-", ""),
                "timestamp": now,
                "contexts": {"feedback": said},
            },
        ),
        (
            {"type": "check_in"},
            {"check_in_id": new_id().replace("-", ""), "monitor_slug": "w" * 50, "status": "error"},
        ),
    )
    channel = {
        "name": "W" * 120,
        "kind": "webhook",
        "config": {"url": "https://hooks.example.com/x"},
    }
    headers = {"X-Project-Id": project.project_id}
    admin = project.server.admin
    made = admin.post("/dashboard/api/alert-channels", json=channel, headers=headers)
    assert made.status_code == 201, made.text
    wait_listed(project, 1)


def test_a_word_of_ten_thousand_characters_widens_no_page(browser: Browser, world: World) -> None:
    project = create_project(world.server, "Long words")
    send_long_words(project)
    world.server.wait_stored()
    with Visitor.signed_in(browser, world.server, viewport=NARROW) as window:
        for path in PAGES:
            page = window.go(f"/p/{project.project_id}/errors/{path}")
            rows = page.locator("main a.row").all()
            paths = [page.url, *(one.get_attribute("href") or "" for one in rows)]
            for one in paths:
                shown = window.go(one)
                shown.evaluate(
                    "document.querySelectorAll('details').forEach(one => one.open = true)"
                )
                width = shown.evaluate("document.documentElement.scrollWidth")

                assert (one, width) == (one, NARROW["width"])
        assert "WWWW" in window.go(f"/p/{project.project_id}/errors/feedback").inner_text("main")


def test_long_names_of_a_dataset_and_its_runs_widen_no_page(browser: Browser, world: World) -> None:
    project = create_project(world.server, "Long runs")
    dataset, item, runs = WORD[:100], WORD[:200], ("R" * 200, "S" * 200)
    path = f"/v1/datasets/{dataset}"
    for place, form in (
        ("/v1/datasets", {"name": dataset, "description": WORD[:2000]}),
        (f"{path}/items", {"id": item, "input": WORD}),
        *((f"{path}/runs", {"name": run, "description": WORD[:2000]}) for run in runs),
    ):
        assert project.post(place, form).status_code == 201
    one = f"/p/{project.project_id}/llm/datasets/{dataset}"
    ends = ("", f"/items/{item}", f"/run?run={runs[0]}", f"/comparison?a={runs[0]}&b={runs[1]}")

    with Visitor.signed_in(browser, world.server, viewport=NARROW) as window:
        widths = [
            window.go(one + end).evaluate("document.documentElement.scrollWidth") for end in ends
        ]

    assert widths == [NARROW["width"]] * len(ends)


def test_a_sign_that_turns_writing_around_ends_with_its_text(
    visitor: Visitor, world: World
) -> None:
    page = visitor.go(f"/p/{world.demo.project_id}/settings/persons")
    page.get_by_label("Id of the person").fill(TURNS)
    page.get_by_role("button", name="Look for it").click()
    page.get_by_text("No row names").wait_for()

    first, last = page.evaluate(OF_DEAD)

    assert first < last
