"""Scores over time: averages of numbers, shares of what is true, and of one name its words."""

from collections.abc import Sequence

from msgspec.structs import replace

from api.pages.parts.charts import Chart, Series, Unit, chart_of, colours_of
from api.pages.parts.ranges import TimeRange
from api.pages.parts.texts import us_of
from clickhouse.client import Warehouse
from clickhouse.llm.score_filters import ScoreFilter
from clickhouse.llm.score_sums import ScoreGrouping, sum_scores
from schemas.llm.score_answers import ScoreGroup
from schemas.projects import ProjectContext

MOST_CHARTS = 6
"""Of the names with most scores."""
MOST_WORDS = 8
MOST_CELLS = 5_000
AVERAGED = ("numeric", "boolean")


async def courses_of(
    store: Warehouse,
    project: ProjectContext,
    wanted: ScoreFilter,
    shown: TimeRange,
    sums: Sequence[ScoreGroup],
) -> list[Chart]:
    """Returns a chart for each of the names with most scores; of one name also of its words."""
    charted = [one for one in sums if one.data_type in AVERAGED][:MOST_CHARTS]
    found: list[Chart] = []
    if charted:
        names = replace(wanted, any_names=sorted({one.name for one in charted}))
        grouping = ScoreGrouping((shown.bucket,), MOST_CELLS)
        cells = await sum_scores(store, project, names, grouping)
        found = [_average(one, cells, shown) for one in charted]
    if wanted.name is not None and any(one.data_type == "categorical" for one in sums):
        words = replace(wanted, data_type="categorical")
        grouping = ScoreGrouping(("value", shown.bucket), MOST_CELLS)
        found.append(_words(await sum_scores(store, project, words, grouping), shown))
    return found


def _average(of: ScoreGroup, cells: Sequence[ScoreGroup], shown: TimeRange) -> Chart:
    is_share = of.data_type == "boolean"
    unit: Unit = "percent" if is_share else "count"
    scale = 100 if is_share else 1
    values = {
        us_of(start): cell.average * scale
        for cell in cells
        if (cell.name, cell.data_type) == (of.name, of.data_type)
        and (start := cell.key[shown.bucket])
        and cell.average is not None
    }
    total = None if of.average is None else of.average * scale
    title = f"{of.name}: {'share of true' if is_share else 'average'}"
    return chart_of(title, unit, shown, [Series(of.name, values, 0, total, has_gaps=True)])


def _words(cells: Sequence[ScoreGroup], shown: TimeRange) -> Chart:
    counts: dict[str, dict[int, float | None]] = {}
    totals: dict[str, float] = {}
    for cell in cells:
        word, start = cell.key["value"] or "", cell.key[shown.bucket]
        if start:
            counts.setdefault(word, {})[us_of(start)] = cell.count
            totals[word] = totals.get(word, 0) + cell.count
    most = sorted(totals, key=lambda word: (-totals[word], word))[:MOST_WORDS]
    series = [
        Series(word, counts[word], colour, totals[word])
        for word, colour in zip(most, colours_of(most), strict=True)
    ]
    return chart_of("How often each word was given", "count", shown, series, is_stacked=True)
