"""Which scores, and the SQL for it. Of a score that was sent several times one version counts."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from clickhouse.queries.conditions import Condition
from schemas.ids import spellings
from schemas.projects import ProjectContext

TRACE_CHARS = 32
FROM = "timestamp >= fromUnixTimestamp64Micro({from_us:Int64}, 'UTC')"
TO = "timestamp <= fromUnixTimestamp64Micro({to_us:Int64}, 'UTC')"
IDS = "{ids:Array(String)}"
COUNTING = """scores
WHERE {where}
    AND (score_id, item_id) IN
    (
        SELECT score_id, argMax(item_id, (version, received_at, item_id))
        FROM scores
        WHERE project_id = {project_id:String}
            AND score_id IN {which}
        GROUP BY score_id
    )"""
FITTING = """(
                SELECT score_id
                FROM scores
                WHERE {where}
            )"""
EQUALITIES: Mapping[str, str] = {
    "name": "name = {name:String}",
    "any_names": "name IN {any_names:Array(String)}",
    "data_type": "data_type = {data_type:String}",
    "source": "source = {source:String}",
    "author": "author = {author:String}",
    "environment": "environment = {environment:String}",
    "text": "text = {text:String}",
    "span_id": "span_id = {span_id:String}",
    "user_id": "user_id = {user_id:String}",
    "least": "value >= {least:Float64}",
    "most": "value <= {most:Float64}",
}
OF_CALL = """(call_id IN {calls:Array(String)}
        OR trace_id = {of_trace:String} AND span_id = '' AND trace_id != '')"""
OF_TRACE = "trace_id IN {calls:Array(String)}"


class ScoreFilter(Struct, frozen=True, kw_only=True):
    """Which scores. Bounds are inclusive; times are microseconds since 1970 UTC."""

    from_us: int | None = None
    to_us: int | None = None
    name: str | None = None
    any_names: list[str] | None = None
    """With one of these."""
    data_type: str | None = None
    source: str | None = None
    author: str | None = None
    environment: str | None = None
    text: str | None = None
    least: float | None = None
    most: float | None = None
    trace_id: str | None = None
    """Of a call: what is said of it, and of all of its trace. Of a trace of OpenTelemetry, by its
    32 digits: what is said of it, and of its spans."""
    span_id: str | None = None
    session_id: str | None = None
    user_id: str | None = None


def score_condition(project: ProjectContext, wanted: ScoreFilter) -> Condition:
    """Returns the condition that binds the project and everything `wanted` names."""
    parts = ["project_id = {project_id:String}", "NOT deleted"]
    values: dict[str, Any] = {"project_id": project.project_id}
    for name, sql in (("from_us", FROM), ("to_us", TO), *EQUALITIES.items()):
        value = getattr(wanted, name)
        if value is not None:
            parts.append(sql)
            values[name] = value
    if wanted.session_id is not None:
        parts.append("session_id IN {sessions:Array(String)}")
        values["sessions"] = list(spellings(wanted.session_id))
    if wanted.trace_id is not None:
        head, dash, _ = wanted.trace_id.lower().partition("-")
        is_call = len(head) == TRACE_CHARS and bool(dash)
        parts.append(OF_CALL if is_call else OF_TRACE)
        named = (wanted.trace_id.lower(),) if is_call or len(head) == TRACE_CHARS else ()
        values["calls"] = list(dict.fromkeys((*spellings(wanted.trace_id), *named)))
        values["of_trace"] = head if is_call else ""
    return Condition("\n        AND ".join(parts), values)


def counting(where: str, *, of_ids: bool = False) -> str:
    """Returns what stands behind FROM for the scores that fit, each once, as it is now.

    A row counts if it fits and is the newest of its score: of a score that was changed, the old
    value must not be found, nor a new one under the old time. With `of_ids` only those of `ids`.
    """
    if of_ids:
        where, which = f"score_id IN {IDS}\n    AND {where}", IDS
    else:
        which = FITTING.replace("{where}", where)
    return COUNTING.replace("{where}", where).replace("{which}", which)
