"""A page that shows every part with made-up values, for who works on them."""

import math

from litestar import Response, get

from api.auth import AnyRequest, services
from api.pages.forms import Problem
from api.pages.parts.charts import Chart, Mark, Series, chart_of, moments_of, spark, with_marks
from api.pages.parts.filters import Key, chips_of, read_terms
from api.pages.parts.ranges import Live, TimeRange, range_of
from api.pages.parts.strips import Slot, strip_of
from api.pages.parts.texts import as_json
from api.pages.parts.trees import tree_of
from api.pages.parts.waterfall import Note, Row, waterfall_of
from api.pages.render import page
from api.pages.showcase_talk import showcase
from api.pages.viewer import NoSuchPage, Viewed
from api.parameters import values_of

KEYS = {"model": Key("model", "the model", negates=True), "user": Key("user", "whose call it was")}
SECOND_US = 1_000_000
STEPS: list[tuple[str, int, int | None, int, str, int, str]] = [
    ("GET /checkout", 0, 7_240, 0, "request", 0, ""),
    ("SELECT carts", 1, 2, 1, "database", 2, ""),
    ("gpt-4o", 3, 12, 1, "model", 7, ""),
    ("get_stock", 4, 9, 2, "tool", 5, ""),
    ("get_price", 4, 6, 2, "tool", 5, "504 Gateway Timeout"),
    ("asks a person", 13, 7_213, 1, "waiting", 1, ""),
    ("charge", 7_213, 7_240, 1, "request", 0, ""),
    ("sent", 7_241, None, 0, "message", 8, ""),
]
"""Of a waterfall: label, begin and end in seconds, depth, kind, colour, error."""
TREE = {"text": "a\nb", "number": 1.5, "none": None, "list": [True, {"deep": {"er": []}}]}


@get("/parts", include_in_schema=False)
async def parts_page(request: AnyRequest, viewer: Viewed) -> Response[str]:
    """Show every part."""
    if not services(request).shows_parts:
        raise NoSuchPage
    values = values_of(request)
    shown = range_of(values, viewer.project)
    difference, talk = showcase()
    return await page(
        request,
        "parts.html",
        shown=shown,
        live=Live("", 0, is_on=True),
        chips=chips_of(read_terms('model:gpt-4o -model:o4-mini user:"Ann B"', KEYS), KEYS),
        charts=[_one(shown), _many(shown), _stacked(shown)],
        sparks=[spark([1, 4, 2, 8, 5, 7]), spark([1, None, 2, 3, None, 1])],
        difference=difference,
        talk=talk,
        strip=strip_of([Slot(n, 1 + n % 5, n % 3 % 2, n % 7) for n in range(0, 60, 4)], 60),
        tree=tree_of(TREE),
        fall=waterfall_of([*map(_row, STEPS)], heads=("Cost",)),
        tree_json=as_json(TREE),
        problem=Problem("The name is taken. Choose another one.", "taken"),
        snippets=[("With curl", "curl http://127.0.0.1:8080/v1/traces/batch")],
    )


def _row(step: tuple[str, int, int | None, int, str, int, str]) -> Row:
    label, start, end, depth, kind, colour, error = step
    return Row(
        label=label,
        start_us=start * SECOND_US,
        end_us=None if end is None else end * SECOND_US,
        depth=depth,
        kind=kind,
        colour=colour,
        hint=error,
        notes=[Note("$0.04", "$0.0412") if kind == "model" else Note()],
        is_error=bool(error),
        is_idle=kind == "waiting",
        is_frame=label == "GET /checkout",
    )


def _one(shown: TimeRange) -> Chart:
    now = {at: 30 + 20 * math.sin(n / 3) for n, at in enumerate(moments_of(shown))}
    then = {at: 28 + 20 * math.cos(n / 4) for n, at in enumerate(moments_of(shown.before))}
    chart = chart_of(
        "One series, and the time before",
        "count",
        shown,
        [Series("Calls", now, 0, sum(now.values()))],
        before=[Series("Calls", then)],
    )
    return with_marks(chart, [Mark(shown.first_us + shown.length_us // 3, "Release 4.2.0")])


def _stacked(shown: TimeRange) -> Chart:
    moments = moments_of(shown)
    series = [
        Series(name, {at: 20.0 * (n + 1 + math.sin(m / 3)) for m, at in enumerate(moments)}, n)
        for n, name in enumerate(("DNS", "Connect", "First byte"))
    ]
    return chart_of("Parts of a whole", "ms", shown, series, is_stacked=True)


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
