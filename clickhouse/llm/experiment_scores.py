"""Scores of the calls of runs: by run, and by item.

A score of a call belongs to the item of that call alone. One of a trace of OpenTelemetry, or of a
span of it that is no call of a run, belongs to each item with a call in that trace.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from clickhouse.client import Warehouse
from clickhouse.llm.experiments import MOST_NAMES, MOST_SCORES, Runs, of_runs
from clickhouse.llm.score_filters import ScoreFilter, counting, score_condition
from schemas.projects import ProjectContext

KEY = """arrayJoin(if(length(trace_id) = 49,
            [trace_id, substring(trace_id, 1, 32)], [trace_id]))"""
TRACE = "substring(trace_id, 1, 32)"
# Of the traces of these runs, in any run: one trace may hold calls of several items.
CALLS = """SELECT trace_id
            FROM experiment_calls
            WHERE project_id = {project_id:String}
                AND dataset = {dataset:String}
                AND length(trace_id) = 49
                AND substring(trace_id, 1, 32) IN ({traces})"""
OF_ITEMS = """(
    SELECT
        e.run AS run,
        e.item_id AS item_id,
        s.name::String AS name,
        s.data_type::String AS data_type,
        avg(s.value) AS value,
        argMax(s.text, (s.timestamp, s.score_id)) AS text,
        count() AS scores
    FROM
    (
        SELECT score_id, timestamp, name, data_type, value, text,
            if(call_id IN ({own}), call_id, trace_id) AS key
        FROM {counting}
    ) AS s
    INNER JOIN
    (
        SELECT DISTINCT run, item_id, key
        FROM ({calls})
    ) AS e ON e.key = s.key
    GROUP BY run, item_id, name, data_type
)"""
RUNS = """
SELECT run, name, data_type, avg(value), count(), sum(scores)
FROM {of_items}
GROUP BY run, name, data_type
ORDER BY run, count() DESC, name, data_type
LIMIT {names:UInt32} BY run
LIMIT {limit:UInt32}
"""
ITEMS = """
SELECT item_id, name, data_type, value, text, scores
FROM {of_items}
ORDER BY item_id, name, data_type
LIMIT {limit:UInt32}
"""


class RunScore(NamedTuple):
    """The scores of one name in one run."""

    run: str
    name: str
    data_type: str
    average: float | None
    """Of the averages of its items; `None` of words."""
    items: int
    """That have such a score."""
    scores: int


class ItemScore(NamedTuple):
    """The scores of one name of one item in one run."""

    item_id: str
    name: str
    data_type: str
    value: float | None
    """Their average; `None` of words."""
    text: str
    """The words of the newest."""
    scores: int


async def score_runs(warehouse: Warehouse, project: ProjectContext, runs: Runs) -> list[RunScore]:
    """Returns the scores of runs by name, those of most items first."""
    if not runs.names:
        return []
    bounds = {"names": MOST_NAMES, "limit": MOST_NAMES * len(runs.names)}
    return [RunScore(*row) for row in await _rows(warehouse, project, runs, RUNS, bounds)]


async def score_items(
    warehouse: Warehouse, project: ProjectContext, dataset: str, run: str
) -> list[ItemScore]:
    """Returns the scores of each item of a run by name."""
    runs = Runs(dataset, [run])
    found = await _rows(warehouse, project, runs, ITEMS, {"limit": MOST_SCORES})
    return [ItemScore(*row) for row in found]


async def _rows(
    warehouse: Warehouse,
    project: ProjectContext,
    runs: Runs,
    sql: str,
    bounds: dict[str, int],
) -> Sequence[Sequence[Any]]:
    where = score_condition(project, ScoreFilter())
    which = f"{where.sql}\n        AND trace_id IN ({of_runs(KEY)})"
    inner = OF_ITEMS.replace("{counting}", counting(which))
    inner = inner.replace("{calls}", of_runs(f"run, item_id, {KEY} AS key"))
    inner = inner.replace("{own}", CALLS.replace("{traces}", of_runs(TRACE)))
    values = where.values | runs.values(project) | bounds
    return (await warehouse.query(sql.replace("{of_items}", inner), values)).rows
