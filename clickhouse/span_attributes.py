"""Rows by the attributes of the span of OpenTelemetry that told them.

Calls, and spans of agents, have the ids of their spans. Attributes stand with the span alone.
"""

from collections.abc import Sequence
from typing import NamedTuple

from clickhouse.attribute_filters import Attribute, with_attributes
from clickhouse.queries.conditions import Condition

# By hashes: millions of spans may have an attribute, and a set of texts takes six times as much.
# What follows no convention is no call.
HAVING = """sipHash64({id}) IN (
            SELECT sipHash64(item_id)
            FROM otel_spans
            WHERE {where}
        )"""


class AttributesOfSpans(NamedTuple):
    """What spans have, and what their resources do."""

    attributes: Sequence[Attribute] = ()
    resource: Sequence[Attribute] = ()


def having_attributes(column: str, asked: AttributesOfSpans, within: Sequence[str]) -> Condition:
    """Returns the condition for rows whose span has all of these.

    `within` are conditions on a time that spans and rows share; they and `project_id` are bound by
    who asks.
    """
    found = [
        *with_attributes(asked.attributes),
        *with_attributes(asked.resource, "resource"),
    ]
    parts = ["project_id = {project_id:String}", "convention != ''", *within]
    where = "\n                AND ".join([*parts, *(one.sql for one in found)])
    values = {name: value for one in found for name, value in one.values.items()}
    return Condition(HAVING.replace("{id}", column).replace("{where}", where), values)
