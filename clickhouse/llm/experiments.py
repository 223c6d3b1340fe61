"""Runs of datasets: which there are, and what the calls of each item cost, took and came to.

Calls of one item that share an attempt are one try: costs and tokens add up, and the latency is
that of the whole. Of several tries of an item the averages count. Which calls belong to a run
stands in `experiment_calls`; what they cost is read from their rows, as it is now.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from clickhouse.client import Warehouse
from clickhouse.llm.filters import COUNTED_COST
from schemas.projects import ProjectContext

MOST_RUNS = 100
"""That are answered at once: those with the newest calls."""
MOST_RUN_NAMES = 1_000
"""That pages of runs go through."""
MOST_ITEMS = 10_000
"""Of one run."""
MOST_NAMES = 50
"""Of scores, in one run."""
MOST_SCORES = 200_000
"""Of items by their names."""
OF_RUNS = """SELECT {columns}
        FROM experiment_calls
        WHERE project_id = {project_id:String}
            AND dataset = {dataset:String}
            AND run IN {runs:Array(String)}"""
NEWEST = """
SELECT run, max(timestamp) AS last
FROM experiment_calls
WHERE project_id = {project_id:String} AND dataset = {dataset:String}
GROUP BY run
ORDER BY last DESC, run
LIMIT {limit:UInt32}
"""
ATTEMPTS = """(
    SELECT
        e.run AS run,
        e.item_id AS item_id,
        max(e.version) AS version,
        count() AS calls,
        countIf(t.status != 'success') AS errors,
        countIf(t.cost IS NULL) AS unpriced,
        sum(ifNull(t.cost, 0)) AS cost,
        sum(t.tokens) AS tokens,
        min(t.start_us) AS start_us,
        max(t.start_us + intDiv(t.latency_ns, 1000)) AS end_us,
        if(count() = 1, any(t.latency_ns) / 1e6, (end_us - start_us) / 1e3) AS latency_ms,
        argMax(t.trace_id, (t.start_us, t.trace_id)) AS last_id
    FROM
    (
        SELECT
            trace_id,
            toUnixTimestamp64Micro(timestamp) AS start_us,
            latency_ns,
            status,
            {cost} AS cost,
            ifNull(input_tokens, 0) + ifNull(output_tokens, 0) AS tokens
        FROM traces
        WHERE project_id = {project_id:String}
            AND timestamp IN ({timestamps})
            AND trace_id IN ({ids})
            AND billing = ''
    ) AS t
    INNER JOIN
    (
        {calls}
    ) AS e ON t.trace_id = e.trace_id
    GROUP BY run, item_id, e.attempt
)"""
RUNS = """
SELECT
    run,
    max(version),
    uniqExact(item_id),
    count(),
    sum(calls),
    countIf(errors > 0),
    sum(unpriced),
    sum(cost),
    sum(tokens),
    quantilesExactInclusive(0.5, 0.95)(latency_ms),
    min(start_us),
    max(end_us)
FROM {attempts}
GROUP BY run
LIMIT {limit:UInt32}
"""
ITEMS = """
SELECT
    item_id,
    count() AS tries,
    sum(calls),
    countIf(errors > 0),
    sum(unpriced),
    sum(cost),
    sum(tokens) / tries,
    avg(latency_ms),
    argMax(last_id, (end_us, last_id)),
    argMax(start_us, (end_us, last_id))
FROM {attempts}
GROUP BY item_id
ORDER BY item_id
LIMIT {limit:UInt32}
"""
OUTPUTS = """
SELECT trace_id, substringUTF8(ifNull(output_text, ''), 1, {chars:UInt32}),
    substringUTF8(error, 1, {chars:UInt32})
FROM traces
WHERE project_id = {project_id:String}
    AND timestamp IN (
        SELECT timestamp
        FROM experiment_calls
        WHERE project_id = {project_id:String}
            AND dataset = {dataset:String}
            AND run IN {runs:Array(String)}
            AND item_id IN {items:Array(String)}
    )
    AND trace_id IN {ids:Array(String)}
LIMIT {limit:UInt32}
"""


class RunSums(NamedTuple):
    """What the calls of one run add up to. Times are microseconds since 1970 UTC."""

    run: str
    version: int
    """Of the dataset, as its calls say; 0 where none does."""
    items: int
    tries: int
    calls: int
    failed: int
    """Tries of which a call failed."""
    unpriced: int
    """Calls whose cost is not known, and not in `cost`."""
    cost: Decimal
    """In dollars."""
    tokens: int
    latencies_ms: Sequence[float]
    """p50 and p95, of tries."""
    first_us: int
    last_us: int


class ItemSums(NamedTuple):
    """What the calls of one item in one run add up to."""

    item_id: str
    tries: int
    calls: int
    failed: int
    unpriced: int
    cost: Decimal
    """Of all tries, in dollars."""
    tokens: float
    """Of one try, on average."""
    latency_ms: float
    """Of one try, on average."""
    last_id: str
    """The last call of the last try."""
    last_start_us: int


class Output(NamedTuple):
    """What one call answered, cut."""

    text: str
    error: str


class Runs(NamedTuple):
    """Some runs of one dataset."""

    dataset: str
    names: Sequence[str]

    def values(self, project: ProjectContext) -> dict[str, Any]:
        """Returns what statements bind."""
        return {
            "project_id": project.project_id,
            "dataset": self.dataset,
            "runs": list(self.names),
        }


async def newest_runs(
    warehouse: Warehouse, project: ProjectContext, dataset: str, *, limit: int
) -> list[str]:
    """Returns the runs of a dataset that have the newest calls, the newest first."""
    values = {"project_id": project.project_id, "dataset": dataset, "limit": limit}
    return [row[0] for row in (await warehouse.query(NEWEST, values)).rows]


async def sum_runs(warehouse: Warehouse, project: ProjectContext, runs: Runs) -> dict[str, RunSums]:
    """Returns what runs add up to, by name; those that have no call are not there."""
    if not runs.names:
        return {}
    values = runs.values(project) | {"limit": len(runs.names)}
    sql = RUNS.replace("{attempts}", _attempts(project))
    rows = (await warehouse.query(sql, values)).rows
    return {row[0]: RunSums(*row) for row in rows}


async def sum_items(
    warehouse: Warehouse, project: ProjectContext, dataset: str, run: str
) -> dict[str, ItemSums]:
    """Returns what each item of a run adds up to, by its id."""
    values = Runs(dataset, [run]).values(project) | {"limit": MOST_ITEMS}
    sql = ITEMS.replace("{attempts}", _attempts(project))
    rows = (await warehouse.query(sql, values)).rows
    return {row[0]: ItemSums(*row) for row in rows}


async def read_outputs(
    warehouse: Warehouse,
    project: ProjectContext,
    runs: Runs,
    items: Mapping[str, str],
    *,
    chars: int,
) -> dict[str, Output]:
    """Returns what calls answered, by their ids; `items` has the items of the calls."""
    if not items:
        return {}
    values = runs.values(project) | {
        "items": sorted(set(items.values())),
        "ids": list(items),
        "chars": chars,
        "limit": len(items),
    }
    rows = (await warehouse.query(OUTPUTS, values)).rows
    return {row[0]: Output(row[1], row[2]) for row in rows}


def of_runs(columns: str) -> str:
    """Returns the statement for columns of the calls of some runs."""
    return OF_RUNS.replace("{columns}", columns)


def _attempts(project: ProjectContext) -> str:
    return (
        ATTEMPTS.replace("{cost}", COUNTED_COST[project.cost_preference])
        .replace("{timestamps}", of_runs("timestamp"))
        .replace("{ids}", of_runs("trace_id"))
        .replace("{calls}", of_runs("run, item_id, attempt, version, trace_id"))
    )
