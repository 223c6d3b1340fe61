"""Which transactions, and which of their spans: the SQL conditions, with values bound.

What has a column in `transaction_hours` is answered by the rollup. A filter that asks for anything
else reads transactions one by one, and gives the same numbers.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from msgspec import Struct

from clickhouse.queries.conditions import Condition
from schemas.projects import ProjectContext

FROM = "timestamp >= fromUnixTimestamp64Micro({from_us:Int64}, 'UTC')"
TO = "timestamp <= fromUnixTimestamp64Micro({to_us:Int64}, 'UTC')"
ROLLED: Mapping[str, str] = {
    "name": "name",
    "op": "op",
    "environment": "environment",
    "release": "release",
}
"""What the rollup knows too; unset is the empty text."""
COLUMNS: Mapping[str, str] = {
    **ROLLED,
    "status": "status",
    "user": "user_key",
    "server": "server_name",
}
SPAN_COLUMNS: Mapping[str, str] = {"op": "op", "transaction": "transaction"}
MOST_WITHIN = 100_000
"""Transactions whose spans are looked at where spans alone do not tell what is asked for."""
WITHIN = """event_id IN (
            SELECT event_id
            FROM transactions
            WHERE {where}
            ORDER BY timestamp DESC
            LIMIT {most_within:UInt32})"""


class Named(NamedTuple):
    """One condition: a name in `COLUMNS`, and the value that it has or, negated, has not."""

    name: str
    value: str
    is_negated: bool = False


class Text(NamedTuple):
    """A text that stands in a name or a description, in capitals or not; or, negated, does not."""

    text: str
    is_negated: bool = False


class TransactionFilter(Struct, frozen=True, kw_only=True):
    """Which transactions. Bounds are inclusive, in microseconds since 1970 UTC."""

    from_us: int
    to_us: int
    named: tuple[Named, ...] = ()
    texts: tuple[Text, ...] = ()
    """Of names."""
    only_failed: bool = False

    @property
    def reads_rows(self) -> bool:
        """Whether it asks for what no rollup knows."""
        return self.only_failed or any(one.name not in ROLLED for one in self.named)


class SpanFilter(Struct, frozen=True, kw_only=True):
    """Which spans, of which transactions."""

    within: TransactionFilter
    """Its range, and what is asked of the transactions themselves."""
    named: tuple[Named, ...] = ()
    """By a name in `SPAN_COLUMNS`."""
    texts: tuple[Text, ...] = ()
    """Of descriptions."""
    op_begins: str = ""
    """As `db`, which `db.query` and `db.redis` begin with."""


def condition(
    project: ProjectContext, wanted: TransactionFilter, *, ends: bool = True
) -> Condition:
    """Returns the condition on transactions; without `ends` on the rollup's rows of any time."""
    parts = ["project_id = {project_id:String}"]
    if ends:
        parts += [FROM, TO]
    values: dict[str, Any] = {
        "project_id": project.project_id,
        "from_us": wanted.from_us,
        "to_us": wanted.to_us,
    }
    _add_named(wanted.named, COLUMNS, "named", parts, values)
    _add_texts(wanted.texts, "name", "text", parts, values)
    if wanted.only_failed:
        parts.append("failed")
    return Condition("\n        AND ".join(parts), values)


def span_condition(project: ProjectContext, wanted: SpanFilter) -> Condition:
    """Returns the condition on spans."""
    within = wanted.within
    parts = ["project_id = {project_id:String}", FROM, TO]
    where = condition(project, within)
    values = {**where.values, "op_begins": wanted.op_begins}
    names = [one for one in within.named if one.name == "name"]
    _add_named(
        [one._replace(name="transaction") for one in names], SPAN_COLUMNS, "of", parts, values
    )
    if len(names) < len(within.named) or within.texts or within.only_failed:
        parts.append(WITHIN.replace("{where}", where.sql))
        values["most_within"] = MOST_WITHIN
    _add_named(wanted.named, SPAN_COLUMNS, "span", parts, values)
    _add_texts(wanted.texts, "description", "said", parts, values)
    if wanted.op_begins:
        parts.append("startsWith(op, {op_begins:String})")
    return Condition("\n        AND ".join(parts), values)


def _add_named(
    named: Sequence[Named],
    columns: Mapping[str, str],
    prefix: str,
    parts: list[str],
    values: dict[str, Any],
) -> None:
    for number, one in enumerate(named):
        sign = "!=" if one.is_negated else "="
        parts.append(f"{columns[one.name]} {sign} {{{prefix}_{number}:String}}")
        values[f"{prefix}_{number}"] = one.value


def _add_texts(
    texts: Sequence[Text], column: str, prefix: str, parts: list[str], values: dict[str, Any]
) -> None:
    for number, one in enumerate(texts):
        sign = "=" if one.is_negated else ">"
        parts.append(
            f"positionCaseInsensitiveUTF8({column}, {{{prefix}_{number}:String}}) {sign} 0"
        )
        values[f"{prefix}_{number}"] = one.text
