"""Every page: whole, quiet and accessible; and no text of a sender becomes markup."""

from collections.abc import Iterator
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.payloads import new_id, span, trace
from tests.e2e.server import Project
from tests.pages.conftest import World
from tests.pages.looking import NARROW, OF_COLOURS, WIDE, Visitor
from tests.pages.places import HOSTILE, newest, newest_session, now, path_of, session_of

ORDERS = f"name={quote('GET /api/orders')}&op=http.server"

pytestmark = [pytest.mark.slow, pytest.mark.browser]


@pytest.fixture(scope="module")
def windows(browser: Browser, world: World) -> Iterator[list[Visitor]]:
    windows = [Visitor.signed_in(browser, world.server, viewport=size) for size in (NARROW, WIDE)]
    yield windows
    for window in windows:
        window.context.close()


def slowest_of_demo(project: Project) -> str:
    """Returns the transaction that has the slowest query of the page of orders."""
    listed = project.get("/v1/transactions/spans", span_op="db", name="GET /api/orders").json()
    return str(listed["spans"][0]["slowestTransaction"])


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
        ("demo", "llm/retention"),
        ("demo", "llm/users/user-001"),
        ("demo", "settings"),
        ("demo", "settings/members"),
        ("demo", "settings/keys"),
        ("demo", "settings/dsn"),
        ("demo", "settings/tokens"),
        ("demo", "settings/persons"),
        ("demo", "settings/exports"),
        ("demo", "settings/retention"),
        ("demo", "settings/prices"),
        ("demo", "settings/errors"),
        ("demo", "settings/source-maps"),
        ("demo", "/account"),
        ("demo", "llm/models"),
        ("demo", "llm/scores"),
        ("demo", "llm/scores?name=helpfulness"),
        ("demo", "llm/prompts"),
        ("demo", "llm/prompts?name=support-chat&range=7d"),
        ("empty", "llm/prompts"),
        ("demo", "llm/budgets"),
        ("empty", "llm/budgets"),
        ("empty", "llm/annotation"),
        ("demo", "llm/annotation-items"),
        ("demo", "llm/judges"),
        ("empty", "llm/judges"),
        ("demo", "llm/datasets"),
        ("demo", "llm/datasets/support-questions"),
        ("demo", "llm/datasets/support-questions/items/refund-1"),
        ("demo", "llm/datasets/support-questions/run?run=short-prompt"),
        ("demo", "llm/datasets/support-questions/comparison?a=short-prompt&b=with-rules"),
        ("empty", "llm/datasets"),
        ("demo", "llm/traces?where=model:none-of-it"),
        ("demo", "errors/issues?where=is:all"),
        ("demo", "errors/issues?open=1"),
        ("demo", "errors/issues/1"),
        ("demo", "errors/issues/1?order=sent&frames=all"),
        ("demo", "errors/issues/1/events"),
        ("empty", "errors/issues"),
        ("empty", "errors/alerts"),
        ("demo", "uptime/status-pages"),
        ("empty", "uptime/status-pages"),
        ("demo", "errors/logs?where=level:warn"),
        ("demo", "releases"),
        ("demo", "releases/one?version=shop%404.2.0"),
        ("empty", "releases"),
        ("empty", "errors/feedback"),
        ("empty", "errors/check-ins"),
        ("demo", "performance"),
        ("demo", f"performance/name?{ORDERS}"),
        ("demo", f"performance/transactions?{ORDERS}&sort=slowest"),
        ("demo", "transaction"),
        ("demo", "performance/spans"),
        ("demo", "distributed trace"),
        ("demo", "otel/traces"),
        ("demo", "otel/spans?where=service:web"),
        ("empty", "otel/traces"),
        ("demo", "otel/services"),
        ("demo", "otel/services/orders"),
        ("demo", "otel/map"),
        ("empty", "otel/services"),
        ("demo", "otel/metrics"),
        ("demo", "otel/metrics/one?name=claude_code.cost.usage&by=model"),
        ("empty", "performance"),
        ("demo", "agents"),
        ("demo", "agents/tools"),
        ("demo", "agents/tools/uses?tool=Bash&sort=latest"),
        ("demo", "agent session"),
        ("empty", "agents"),
        ("empty", "uptime/monitors"),
        ("empty", "uptime/monitors/new"),
        *(("empty", f"uptime/monitors/new?type={one}") for one in ("tcp", "dns", "domain")),
        ("empty", "uptime/incidents?new=1"),
        ("empty", "uptime/sla"),
        ("empty", "uptime/escalation"),
        ("empty", "deploys/app"),
        ("empty", "deploys/deployments"),
        *(
            ("empty", f"deploys/{one}")
            for one in ("environment", "domains", "webhooks", "settings")
        ),
        ("demo", "pipeline"),
        ("demo", "pipeline/dead"),
        ("empty", "pipeline"),
        ("empty", "overview"),
        ("empty", "llm/explore"),
        ("empty", "llm/traces"),
        ("empty", "llm/sessions"),
        ("empty", "llm/users"),
        ("empty", "llm/models"),
        ("empty", "llm/scores"),
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
        elif page == "transaction":
            page = f"performance/transactions/{slowest_of_demo(shown)}"
        elif page == "distributed trace":
            listed = shown.get("/v1/otel/traces", status="error", limit=1).json()["traces"]
            page = f"otel/traces/{listed[0]['traceId']}"
        for window in windows:
            opened = window.go(page if page[0] == "/" else path_of(shown, page))

            assert opened.locator("h1").count() == 1
            for theme, rules in (("dark", ()), ("light", OF_COLOURS)):
                opened.emulate_media(color_scheme=theme)
                expect(opened.locator("html")).to_have_attribute("data-theme", theme)
                assert (theme, window.serious_findings(rules)) == (theme, [])
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
            *(
                "llm/users",
                "llm/users?whole=1&sort=last",
                f"llm/retention?where=user:{quote(HOSTILE)}",
            ),
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
            assert "60481729" not in page.locator("body").inner_text(), path
        assert [one for one in visitor.faults if "400" not in one and "favicon" not in one] == []
