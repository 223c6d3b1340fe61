"""Deletes the traces of a day that rules do not keep, from every table alike.

A trace is what has one of these in common: an id of OpenTelemetry; else the session of an agent;
else the id of a call or a span. It goes as a whole, on the day of its last row. Its rows may have
come in on `WINDOW_DAYS` days, so whoever thins a day must do so later than that.

First the store notes which traces go (`mark`), then their rows are deleted (`delete`), which may be
repeated and broken off. So what is gone already changes nothing in what goes. Sums stay.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any, NamedTuple

from clickhouse.client import Warehouse
from clickhouse.failures import WarehouseUnavailable
from clickhouse.migrate import is_replicated
from schemas.projects import CostPreference, ProjectId
from schemas.retention import WINDOW_DAYS, KeepRule, KeptKind, Stage

SLICE = 1_000_000
"""Traces that one statement deletes: they are read into memory."""
SLICE_REPLICATED = 30_000
"""There a statement carries them itself, and Keeper takes 1 MB."""
SHARES = 1_000_000
"""Of which the sample keeps some: a trace is the same share for ever."""
TRACE: Mapping[str, str] = {
    "traces": """multiIf(span_id != '', substring(trace_id, 1, 32),
        startsWith(scope, 'trace:'), substring(scope, 7), scope != '', scope, trace_id)""",
    "spans": """multiIf(trace_id != '', trace_id,
        session_id != '', concat('session:', session_id), span_id)""",
    "otel_spans": "trace_id",
    "otel_traces": "trace_id",
}
"""What a row belongs to, by table."""
DELETED: Mapping[KeptKind, tuple[str, ...]] = {
    "calls": ("traces",),
    "agent_spans": ("spans",),
    "otel_spans": ("otel_spans", "otel_traces"),
}
"""The tables of a kind that traces leave; the first is counted."""
RECEIVED = """project_id = {project_id:String}
            AND received_date >= {first:Date}
            AND received_date <= {last:Date}"""
ON_DAY = """project_id = {project_id:String}
            AND received_date >= {since:Date} AND received_date <= {day:Date}"""
COST: Mapping[CostPreference, str] = {
    "reported": "coalesce(reported_cost, computed_cost, 0)",
    "computed": "coalesce(computed_cost, reported_cost, 0)",
}
SCORED = """
            SELECT arrayJoin(arrayFilter(one -> one != '', [
                said.1, said.2, said.3, if(said.4 = '', '', concat('session:', said.4))])) AS name
            FROM (
                SELECT argMax((trace_id, call_id, span_id, session_id, deleted),
                    (version, received_at, item_id)) AS said
                FROM scores
                WHERE project_id = {project_id:String} AND received_date >= {first:Date}
                GROUP BY score_id
            )
            WHERE NOT said.5"""
"""What scores are about: traces, calls, spans, and sessions as the traces of agents are called."""
# Scores stand beside: one may come long after its trace, and says nothing of the trace's day.
MARKED = """
SELECT trace, sampled
FROM (
    SELECT
        trace,
        max(came) AS last_day,
        max(failed) AS has_error,
        sum(cost) AS usd,
        max(ms) AS longest_ms,
        groupUniqArray(100)(environment) AS environments,
        max(is_scored) AS scored,
        intHash64(trace) % {shares} < {kept_shares:UInt32} AS sampled
    FROM (
        SELECT sipHash64({of_call}) AS trace, received_date AS came, status = 'error' AS failed,
            if(billing = '', {cost}, toDecimal128(0, 12)) AS cost, latency_ms AS ms,
            environment::String AS environment,
            trace_id IN ({scored}) OR substring(trace_id, 1, 32) IN ({scored}) AS is_scored
        FROM traces
        WHERE {received}
        UNION ALL
        SELECT sipHash64({of_span}), received_date, status = 'error', toDecimal128(0, 12),
            ifNull(duration_ms, 0), '', span_id IN ({scored})
        FROM spans
        WHERE {received}
        UNION ALL
        SELECT sipHash64(trace_id), received_date, status = 'error', toDecimal128(0, 12),
            duration_ns / 1e6, environment::String, false
        FROM otel_spans
        WHERE {received}
        UNION ALL
        SELECT sipHash64(name), toDate(0), false, toDecimal128(0, 12), 0, '', true
        FROM ({scored})
    )
    WHERE trace IN (
        SELECT sipHash64({of_call}) FROM traces WHERE {on_day}
        UNION ALL
        SELECT sipHash64({of_span}) FROM spans WHERE {on_day}
        UNION ALL
        SELECT sipHash64(trace_id) FROM otel_spans WHERE {on_day}
    )
    GROUP BY trace
)
WHERE last_day >= {since:Date} AND last_day <= {day:Date}{not_kept}
"""
MARK = """
INSERT INTO thinned_traces (project_id, run_id, day, received_date, trace, sampled)
SELECT {project_id:String}, {run_id:String}, {day:Date}, {today:Date}, trace, sampled
FROM ({marked})
"""
RULES: Mapping[str, str] = {
    "error": "has_error",
    "cost": "usd >= toDecimal128({value:String}, 12)",
    "latency": "longest_ms >= toFloat64({value:String})",
    "environment": "has(environments, {value:String})",
    "scored": "scored",
}
NOTED = """
SELECT count()
FROM thinned_traces
WHERE project_id = {project_id:String}
    AND run_id = {run_id:String}
"""
GOES = """{received}
    AND sipHash64({trace}) IN (
        SELECT trace FROM thinned_traces
        WHERE project_id = {project_id:String} AND run_id = {run_id:String}{which}
            AND trace % {slices:UInt32} = {slice:UInt32})"""
DELETE = "DELETE FROM {table} WHERE {goes}"
GOING = "SELECT count() FROM {going}"
GOING_OF = """{table}
WHERE project_id = {project_id:String}
    AND received_date >= {oldest:Date}
    AND received_date <= {day:Date}
    AND sipHash64({trace}) IN (SELECT trace FROM ({marked}){which})"""
COUNT = "SELECT count() FROM {table} WHERE {goes}"
HAS_MESSAGES = "SELECT count() FROM messages WHERE {received}"
HELD = """
        SELECT received_date, arrayJoin(arrayConcat(input_messages, output_messages))
        FROM {table} WHERE {received}"""
DELETE_UNNAMED = """
DELETE FROM messages
WHERE {received}
    AND (received_date, hash) NOT IN ({held})"""
HAS_COPIES = "SELECT count() FROM experiment_calls WHERE {received}"
DELETE_COPIES = """
DELETE FROM experiment_calls
WHERE {received}
    AND trace_id NOT IN (
        SELECT trace_id FROM traces
        WHERE {received}
            AND trace_id IN (SELECT trace_id FROM experiment_calls WHERE {received}))"""
FORGET = """
DELETE FROM thinned_traces WHERE project_id = {project_id:String} AND run_id = {run_id:String}
"""
DAYS = """
SELECT received_date
FROM (
    SELECT DISTINCT received_date FROM traces WHERE {old}
    UNION DISTINCT SELECT DISTINCT received_date FROM spans WHERE {old}
    UNION DISTINCT SELECT DISTINCT received_date FROM otel_spans WHERE {old}
)
ORDER BY received_date
LIMIT 4000
""".replace("{old}", "project_id = {project_id:String} AND received_date < {before:Date}")
MARK_SETTINGS: dict[str, Any] = {
    "max_memory_usage": 2 << 30,
    "max_bytes_before_external_group_by": 1 << 30,
    "max_execution_time": 600,
    "max_threads": 1,
}
DELETE_SETTINGS: dict[str, Any] = {
    "allow_nondeterministic_mutations": 1,
    "max_execution_time": 600,
}
DELETE_SETTINGS_REPLICATED = DELETE_SETTINGS | {
    "mutations_execute_subqueries_on_initiator": 1,
    "mutations_max_literal_size_to_replace": 1 << 20,
}


class Run(NamedTuple):
    """The thinning of one day of a project."""

    project_id: ProjectId
    day: date
    run_id: str
    stage: Stage
    cost_preference: CostPreference = "reported"

    @property
    def values(self) -> dict[str, Any]:
        """What statements bind."""
        return {
            "project_id": self.project_id,
            "run_id": self.run_id,
            "day": self.day,
            "since": self.day,
            "first": self.day - timedelta(days=WINDOW_DAYS),
            "last": self.day,
        }


async def list_days(store: Warehouse, project_id: ProjectId, before: date) -> list[date]:
    """Returns the days before another of which there are rows of traces, the oldest first."""
    found = await store.query(DAYS, {"project_id": project_id, "before": before})
    return [row[0] for row in found.rows]


async def mark(store: Warehouse, run: Run, today: date) -> dict[str, int]:
    """Notes which traces go, under a run that is new; returns how many rows, by kind.

    Raises `QueryTooExpensive` where a day has more traces than are held in memory.
    """
    await _mark(store, run, today)
    counts: dict[str, int] = {}
    for kind, tables in DELETED.items():
        counts[kind] = await _count(store, run, tables[0], kind)
    return counts


async def mark_again(store: Warehouse, run: Run, today: date) -> None:
    """Notes the same of a run that was broken off so long ago that its notes are gone."""
    if not await _noted(store, run):
        await _mark(store, run, today)


def marking(run: Run) -> tuple[str, dict[str, Any]]:
    """Returns the statement that yields the traces that go, and what it binds."""
    values = run.values | {"last": run.day + timedelta(days=WINDOW_DAYS)}
    values["kept_shares"] = round(run.stage.percent / 100 * SHARES)
    kept = []
    for number, rule in enumerate(run.stage.rules):
        kept.append(_rule_sql(rule, number))
        values[f"value_{number}"] = rule.value
    sql = MARKED.replace("{not_kept}", "".join(f"\n    AND NOT ({one})" for one in kept))
    return _filled(sql).replace("{cost}", COST[run.cost_preference]), values


def going(run: Run, table: str, kind: KeptKind, since: date) -> tuple[str, dict[str, Any]] | None:
    """Returns which rows of a table would go of the days from `since` to that of the run.

    What it binds has no `first`, the first day of which such rows may be, and no `oldest`, the
    first of which they are counted. `None` where none go.
    """
    if kind not in (*run.stage.ruled, *run.stage.sampled):
        return None
    marked, values = marking(run)
    which = "" if kind in run.stage.ruled else " WHERE NOT sampled"
    sql = GOING_OF.replace("{table}", table).replace("{trace}", TRACE[table])
    return sql.replace("{marked}", marked).replace("{which}", which), values | {"since": since}


async def delete(store: Warehouse, run: Run) -> None:
    """Deletes the rows of the traces that were noted. May be repeated.

    Raises `WarehouseUnavailable` where the rows are still there.
    """
    for kind, tables in DELETED.items():
        for table in reversed(tables):
            await _delete(store, run, table, kind)
        if await _count(store, run, tables[0], kind):
            raise WarehouseUnavailable(
                f"the store deleted rows of {tables[0]} and shows them still"
            )
    await _delete_messages(store, run)
    await _delete_copies(store, run)


async def forget(store: Warehouse, run: Run) -> None:
    """Deletes the notes of a run that is over."""
    await store.command(FORGET, {"project_id": run.project_id, "run_id": run.run_id})


async def _mark(store: Warehouse, run: Run, today: date) -> None:
    sql, values = marking(run)
    sql = MARK.replace("{marked}", sql)
    await store.command(sql, values | {"today": today}, **MARK_SETTINGS)


async def _delete(store: Warehouse, run: Run, table: str, kind: KeptKind) -> None:
    goes = _goes(run, table, kind)
    noted = 0 if goes is None else await _noted(store, run)
    if goes is None or not noted:
        return
    replicated = await is_replicated(store)
    settings = DELETE_SETTINGS_REPLICATED if replicated else DELETE_SETTINGS
    slices = 1 + noted // (SLICE_REPLICATED if replicated else SLICE)
    sql = DELETE.replace("{table}", table).replace("{goes}", goes)
    for number in range(slices):
        values = run.values | {"slices": slices, "slice": number}
        await store.command(sql, values, **settings)


async def _delete_messages(store: Warehouse, run: Run) -> None:
    """Deletes messages of which no row is left that names them."""
    sql = _filled(HAS_MESSAGES)
    if not (await store.query(sql, run.values)).rows[0][0] or not await _noted(store, run):
        return
    held = "\n        UNION ALL".join(
        HELD.replace("{table}", table) for table in ("traces", "otel_spans", "logs")
    )
    sql = DELETE_UNNAMED.replace("{held}", held)
    # Copies look for themselves: the rows are days old, and what went of them is gone from all.
    await store.command(_filled(sql), run.values, **DELETE_SETTINGS)


async def _delete_copies(store: Warehouse, run: Run) -> None:
    """Deletes what runs of datasets say of calls that are gone."""
    if (await store.query(_filled(HAS_COPIES), run.values)).rows[0][0]:
        await store.command(_filled(DELETE_COPIES), run.values, **DELETE_SETTINGS)


async def _count(store: Warehouse, run: Run, table: str, kind: KeptKind) -> int:
    goes = _goes(run, table, kind)
    if goes is None:
        return 0
    sql = COUNT.replace("{table}", table).replace("{goes}", goes)
    values = run.values | {"slices": 1, "slice": 0}
    return int((await store.query(sql, values, max_execution_time=600)).rows[0][0])


async def _noted(store: Warehouse, run: Run) -> int:
    values = {"project_id": run.project_id, "run_id": run.run_id}
    return int((await store.query(NOTED, values)).rows[0][0])


def _goes(run: Run, table: str, kind: KeptKind) -> str | None:
    """Returns which rows of a table go, `None` where none do."""
    if kind in run.stage.ruled:
        which = ""
    elif kind in run.stage.sampled:
        which = " AND NOT sampled"
    else:
        return None
    return _filled(GOES.replace("{trace}", TRACE[table]).replace("{which}", which))


def _rule_sql(rule: KeepRule, number: int) -> str:
    return RULES[rule.when].replace("{value:", f"{{value_{number}:")


def _filled(sql: str) -> str:
    for place, text in (
        ("{scored}", SCORED),
        ("{received}", RECEIVED),
        ("{on_day}", ON_DAY),
        ("{of_call}", TRACE["traces"]),
        ("{of_span}", TRACE["spans"]),
        ("{shares}", str(SHARES)),
    ):
        sql = sql.replace(place, text)
    return sql
