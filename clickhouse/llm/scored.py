"""Calls by what scores say of them, as the scores are now."""

from typing import Any

from msgspec import Struct

from clickhouse.llm.score_filters import counting
from clickhouse.queries.conditions import Condition
from schemas.zones import DAY_US

EARLY_US = DAY_US
"""How long before the time that is asked for a score may have been given: one may come before its
call. With it the key of `scores` leaves out what is older."""
SINCE = "timestamp >= fromUnixTimestamp64Micro({scored_from_us:Int64}, 'UTC')"
# A whole trace of OpenTelemetry is named by 32 digits; each of its calls begins with them.
SCORED = """(sipHash64(trace_id) IN ({hashes})
            OR length(trace_id) = 49 AND sipHash64(substring(trace_id, 1, 32)) IN ({hashes}))"""
# By hashes, as spans by attributes: a set of millions of ids takes a sixth.
HASHES = """
            SELECT sipHash64(call_id)
            FROM {counting}"""
BOUNDS = {
    "name": "name = {scored_name:String}",
    "text": "text = {scored_text:String}",
    "least": "value >= {scored_least:Float64}",
    "most": "value <= {scored_most:Float64}",
}


class Scored(Struct, frozen=True, kw_only=True):
    """What a score of a call, or of all of its trace, has to be. Bounds are inclusive."""

    name: str | None = None
    """`None` is any."""
    text: str | None = None
    """The words; of booleans `true` or `false`."""
    least: float | None = None
    most: float | None = None


def scored_calls(wanted: Scored, from_us: int | None) -> Condition:
    """Returns the condition for rows of `traces`; `project_id` is bound by who asks.

    `from_us` is where the time begins that is asked for.
    """
    parts = [
        "project_id = {project_id:String}",
        "NOT deleted",
        "call_id != ''",
    ]
    values: dict[str, Any] = {}
    if from_us is not None:
        parts.append(SINCE)
        values["scored_from_us"] = from_us - EARLY_US
    for name, sql in BOUNDS.items():
        value = getattr(wanted, name)
        if value is not None:
            parts.append(sql)
            values[f"scored_{name}"] = value
    hashes = HASHES.replace("{counting}", counting("\n                AND ".join(parts)))
    return Condition(SCORED.replace("{hashes}", hashes), values)
