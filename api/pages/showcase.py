"""A page that shows every part with made-up values, for who works on them."""

import math

from litestar import Response, get

from api.auth import AnyRequest, services
from api.pages.entrance import Problem
from api.pages.parts.charts import Chart, Series, chart_of, moments_of, spark
from api.pages.parts.filters import Key, chips_of, read_terms
from api.pages.parts.messages import Message, Part
from api.pages.parts.ranges import TimeRange, range_of
from api.pages.parts.strips import Slot, strip_of
from api.pages.parts.trees import tree_of
from api.pages.render import page
from api.pages.viewer import NoSuchPage, Viewed
from api.parameters import values_of

KEYS = {"model": Key("model", "the model", negates=True), "user": Key("user", "whose call it was")}
TALK = [
    Message("system", [Part("text", "You are a helpful assistant.")]),
    Message("user", [Part("text", "What is **the weather** in `Oslo`?\n\n- now\n- tomorrow")]),
    Message(
        "assistant",
        [
            Part("reasoning", "The tool knows."),
            Part("call", name="get_weather", value={"city": "Oslo", "days": 2}),
        ],
    ),
    Message("tool", [Part("result", name="call_1", value={"now": "rain", "tomorrow": "rain"})]),
    Message("assistant", [Part("text", "Rain, and then rain.\n\n```\nrain\n```")]),
    Message("user", [Part("link", "https://example.com/umbrella.png"), Part("text", "ok " * 1200)]),
]
TREE = {"text": "a\nb", "number": 1.5, "none": None, "list": [True, {"deep": {"er": []}}]}


@get("/parts", include_in_schema=False)
async def parts_page(request: AnyRequest, viewer: Viewed) -> Response[str]:
    """Show every part."""
    if not services(request).shows_parts:
        raise NoSuchPage
    values = values_of(request)
    shown = range_of(values, viewer.project)
    return await page(
        request,
        "parts.html",
        shown=shown,
        chips=chips_of(read_terms('model:gpt-4o -model:o4-mini user:"Ann B"', KEYS), KEYS),
        charts=[_one(shown), _many(shown)],
        sparks=[spark([1, 4, 2, 8, 5, 7]), spark([1, None, 2, 3, None, 1])],
        strip=strip_of([Slot(n, 1 + n % 5, n % 3 % 2, n % 7) for n in range(0, 60, 4)], 60),
        talk=TALK,
        tree=tree_of(TREE),
        problem=Problem("The name is taken. Choose another one."),
        snippets=[("With curl", "curl http://127.0.0.1:8080/v1/traces/batch")],
    )


def _one(shown: TimeRange) -> Chart:
    now = {at: 30 + 20 * math.sin(n / 3) for n, at in enumerate(moments_of(shown))}
    then = {at: 28 + 20 * math.cos(n / 4) for n, at in enumerate(moments_of(shown.before))}
    return chart_of(
        "One series, and the time before",
        "count",
        shown,
        [Series("Calls", now, 0, sum(now.values()))],
        before=[Series("Calls", then)],
    )


def _many(shown: TimeRange) -> Chart:
    moments = moments_of(shown)
    series = [
        Series(
            f"model-{n}",
            {
                at: 900.0 * (n + 1) * (2 + math.sin(m / (n + 2)))
                for m, at in enumerate(moments)
                if m % 9
            },
            n,
            900.0 * (n + 1),
        )
        for n in range(8)
    ]
    return chart_of("Eight series, with gaps", "ms", shown, series)
