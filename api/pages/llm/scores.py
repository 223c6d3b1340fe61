"""Scores of a time: averages and how they spread by name; of one name also over time, the newest
and what they are about."""

import asyncio
from collections.abc import Sequence
from typing import Any

from litestar import Response, get
from msgspec import Struct

from api.auth import AnyRequest
from api.pages.arriving import page_with
from api.pages.llm.score_charts import courses_of
from api.pages.parts.changes import changes_in
from api.pages.parts.charts import with_marks
from api.pages.parts.quality_snippets import score_snippets
from api.pages.parts.ranges import TimeRange, on_clock, range_of
from api.pages.viewer import Viewed, Viewer
from api.parameters import values_of
from api.reads import reader_of
from clickhouse.llm.score_filters import ScoreFilter
from clickhouse.llm.score_sums import MOST_NAMES, ScoreGrouping, spread_scores, sum_scores
from clickhouse.llm.scores import ScoreLine, list_scores
from schemas.llm.score_answers import ScoreGroup, ScoreSpread

SHOWN = 50
MOST_DAYS = 100
MOST_MODELS = 20
NAME_CHARS = 200


class NamedScores(Struct, frozen=True):
    """The scores of one name and type."""

    sums: ScoreGroup
    spread: ScoreSpread

    @property
    def shares(self) -> list[tuple[str, float]]:
        """Of words or of ranges of numbers, how many of a hundred scores are such."""
        counted = [(one.value, one.count) for one in self.spread.categories]
        counted += [(f"{one.least:.4g} to {one.most:.4g}", one.count) for one in self.spread.ranges]
        return [(label, 100 * count / self.sums.count) for label, count in counted]


@get("/llm/scores", include_in_schema=False)
async def scores_page(request: AnyRequest, viewer: Viewed) -> Response[Any]:
    """Show the scores of a range by name; with `name`, those of one name."""
    values = values_of(request)
    shown = range_of(values, viewer.project, default="30d")
    name = values.get("name", "")[:NAME_CHARS] or None
    made = _scores(request, viewer, shown, name)
    return await page_with(request, "llm/scores.html", made, shown=shown, name=name)


async def _scores(
    request: AnyRequest, viewer: Viewer, shown: TimeRange, name: str | None
) -> dict[str, Any]:
    project = on_clock(viewer.project, shown)
    wanted = ScoreFilter(from_us=shown.first_us, to_us=shown.last_us, name=name)
    days: list[ScoreGroup] = []
    models: list[ScoreGroup] = []
    lines: Sequence[ScoreLine] = ()
    async with reader_of(request, project).turn() as store:
        sums = await sum_scores(store, project, wanted, ScoreGrouping(limit=MOST_NAMES))
        spreads = await spread_scores(store, project, wanted, sums)
        drawn = await courses_of(store, project, wanted, shown, sums)
        if name is not None and sums:
            days, models, page = await asyncio.gather(
                sum_scores(store, project, wanted, ScoreGrouping(("day",), MOST_DAYS)),
                sum_scores(store, project, wanted, ScoreGrouping(("model",), MOST_MODELS)),
                list_scores(store, project, wanted, limit=SHOWN),
            )
            lines = page.lines
    marks = await changes_in(request, project.project_id, shown) if drawn else []
    return {
        "drawn": [with_marks(one, marks) for one in drawn],
        "scores": [NamedScores(*pair) for pair in zip(sums, spreads, strict=True)],
        "days": sorted(days, key=lambda one: one.key["day"] or "", reverse=True),
        "models": models,
        "lines": lines,
        "snippets": [] if sums else await score_snippets(request, viewer),
    }
