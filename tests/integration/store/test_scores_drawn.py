"""Scores in Grafana and on the charts of their page: as they are now, each once."""

import uuid
from collections.abc import Sequence
from typing import Any

import pytest

from api.pages.llm.score_charts import courses_of
from api.pages.parts.ranges import TimeRange
from clickhouse.client import Warehouse
from clickhouse.llm.score_filters import ScoreFilter
from clickhouse.llm.score_sums import ScoreGrouping, sum_scores
from grafana.boards import query_of
from grafana.plugin import View, expand
from schemas.projects import ProjectContext, ProjectId
from tests.integration.queries.rows import START_US
from tests.integration.queries.score_rows import make_score, store_scores

HOUR_S, HOUR_US = 3600, 3_600_000_000
WORDS: dict[str, Any] = {"name": "tone", "data_type": "categorical", "value": None}
LAST_US = START_US + 3 * HOUR_US - 1


@pytest.fixture(scope="module")
def project(warehouse: Warehouse) -> ProjectContext:
    """Scores of three hours; one was changed, one taken away, one is of later."""
    context = ProjectContext(ProjectId(uuid.uuid4().hex))
    thumb: dict[str, Any] = {"name": "thumb", "data_type": "boolean"}
    rows = [
        make_score("a", 10, value=-0.5),
        make_score("b", 20, value=0.9),
        make_score("b", 20 + HOUR_S, value=0.1, timestamp_us=START_US),
        make_score("c", 2 * HOUR_S, value=1.0),
        make_score("d", 30, value=7.0),
        make_score("d", 40, deleted=True),
        make_score("late", 4 * HOUR_S, value=99.0),
        make_score("t", 50, value=1.0, text="true", **thumb),
        make_score("u", 50, value=0.0, text="false", **thumb),
        *(make_score(f"v{n}", 50, value=1.0, text="true", **thumb) for n in range(2)),
        *(make_score(f"w{n}", 60, text=("kind", "rude")[n % 3 // 2], **WORDS) for n in range(6)),
    ]
    for one in rows:
        store_scores(warehouse, context.project_id, [one])
    store_scores(warehouse, uuid.uuid4().hex, rows)
    return context


def ask(warehouse: Warehouse, project: ProjectContext, name: str) -> Sequence[Sequence[Any]]:
    ends = (START_US // 1000, LAST_US // 1000)
    view = View(*ends, "utc", {"project": [project.project_id]})
    return warehouse.query_now(expand(query_of(f"traces: {name}").sql, view), None, {}).rows


async def test_grafana_has_the_numbers_of_the_page(
    warehouse: Warehouse, project: ProjectContext
) -> None:
    wanted = ScoreFilter(from_us=START_US, to_us=LAST_US)
    every = await sum_scores(warehouse, project, wanted, ScoreGrouping())

    found = ask(warehouse, project, "Scores by name")

    # The page leaves out what floats add: 0.2 for 0.19999999999999998.
    means = sorted((row[0], row[3] and pytest.approx(row[3])) for row in found)
    assert means == sorted((one.name, one.average) for one in every)
    numbers = [(row[0], row[1], row[2], row[4], row[5], row[6]) for row in found]
    assert sorted(numbers) == sorted(
        (one.name, one.data_type, one.count, one.p50, one.minimum, one.maximum) for one in every
    )
    assert {row[0]: row[7] for row in found} == {"helpfulness": "", "thumb": "true", "tone": "kind"}
    assert sum(row[2] for row in ask(warehouse, project, "Scores given")) == 13
    average = ask(warehouse, project, "Scores: average")
    assert [round(row[2], 6) for row in average] == [-0.2, 1.0]
    assert [row[2] for row in ask(warehouse, project, "Scores: share of true")] == [0.75]


async def test_charts_of_the_page_have_gaps_where_no_score_was_given(
    warehouse: Warehouse, project: ProjectContext
) -> None:
    shown = TimeRange(START_US, LAST_US, None, "UTC", LAST_US)
    wanted = ScoreFilter(from_us=START_US, to_us=LAST_US)
    sums = await sum_scores(warehouse, project, wanted, ScoreGrouping())

    drawn = await courses_of(warehouse, project, wanted, shown, sums)

    titles = {one.title: one for one in drawn}
    assert set(titles) == {"helpfulness: average", "thumb: share of true"}
    numbers = titles["helpfulness: average"]
    known = [value for value in numbers.drawn.lines[0].values if value is not None]
    assert [round(value, 6) for value in known] == [-0.2, 1.0]
    assert titles["thumb: share of true"].series[0].total == 75


async def test_of_one_name_words_are_drawn_too(
    warehouse: Warehouse, project: ProjectContext
) -> None:
    shown = TimeRange(START_US, LAST_US, None, "UTC", LAST_US)
    wanted = ScoreFilter(from_us=START_US, to_us=LAST_US, name="tone")
    sums = await sum_scores(warehouse, project, wanted, ScoreGrouping())

    (words,) = await courses_of(warehouse, project, wanted, shown, sums)

    assert {one.name: one.total for one in words.series} == {"kind": 4, "rude": 2}
