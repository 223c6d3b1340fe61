"""Which error events: the SQL conditions, with values bound."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from msgspec import Struct

from clickhouse.queries.conditions import Condition
from clickhouse.tags import having_tags, stored_tag, tag_sql
from schemas.projects import ProjectContext

FROM = "timestamp >= fromUnixTimestamp64Micro({from_us:Int64}, 'UTC')"
TO = "timestamp <= fromUnixTimestamp64Micro({to_us:Int64}, 'UTC')"
EQUALITIES: Mapping[str, str] = {
    "environment": "environment = {environment:String}",
    "release": "release = {release:String}",
    "user": "user_key = {user:String}",
    "transaction": "transaction = {transaction:String}",
    "server_name": "server_name = {server_name:String}",
    "trace_id": "trace_id = {trace_id:String}",
    "handled": "handled = {handled:Bool}",
}
"""By the name of the filter; the value is bound under it."""
COLUMNS: Mapping[str, str] = {
    "level": "level",
    "user": "user_key",
    **{one: one for one in ("environment", "release", "transaction", "server_name", "trace_id")},
}
"""Of what may be left out: the name of the filter, and its column."""
SEARCHED = "concat(title, '\\n', culprit, '\\n', transaction)"
"""Where a text is looked for."""


class EventFilter(Struct, frozen=True, kw_only=True):
    """Which events. Bounds are inclusive; times are microseconds since 1970 UTC."""

    group_hashes: tuple[int, ...] | None = None
    """The groups that they belong to (`errors.group_hash`); `None` for all."""
    from_us: int | None = None
    to_us: int | None = None
    levels: tuple[str, ...] = ()
    """One of these; any where there are none."""
    environment: str | None = None
    release: str | None = None
    user: str | None = None
    """What the person is counted by: `Person.key`."""
    transaction: str | None = None
    server_name: str | None = None
    trace_id: str | None = None
    handled: bool | None = None
    tags: tuple[tuple[str, str], ...] = ()
    """Pairs of a key and a value; all keys must match, each by one of its values."""
    without: tuple[tuple[str, str], ...] = ()
    """Pairs of a field (a name above, or `level`) or a tag's key, and a value; none may match."""
    text: str | None = None
    """Stands in the title, the culprit or the transaction, in capitals or not."""


class Place(NamedTuple):
    """Where an event stands among others: the cursor of a page."""

    at_us: int
    event_id: str


def condition(project: ProjectContext, wanted: EventFilter) -> Condition:
    """Returns the condition that binds the project and everything `wanted` names."""
    parts = ["project_id = {project_id:String}"]
    values: dict[str, Any] = {"project_id": project.project_id}
    _add_groups(wanted.group_hashes, parts, values)
    for name, sql in (("from_us", FROM), ("to_us", TO), *EQUALITIES.items()):
        value = getattr(wanted, name)
        if value is not None:
            parts.append(sql)
            values[name] = value
    if wanted.levels:
        parts.append("level IN {levels:Array(String)}")
        values["levels"] = list(wanted.levels)
    for number, (key, value) in enumerate(wanted.without):
        is_tag = key not in COLUMNS
        parts.append(f"{tag_sql(key) if is_tag else COLUMNS[key]} != {{without_{number}:String}}")
        values[f"without_{number}"] = stored_tag(value) if is_tag else value
    tags, bound = having_tags(wanted.tags)
    parts += tags
    values |= bound
    if wanted.text:
        parts.append(f"positionCaseInsensitiveUTF8({SEARCHED}, {{text:String}}) > 0")
        values["text"] = wanted.text
    return Condition("\n    AND ".join(parts), values)


def _add_groups(hashes: tuple[int, ...] | None, parts: list[str], values: dict[str, Any]) -> None:
    if hashes is None:
        return
    if len(hashes) == 1:
        # So that the engine reads by the key, newest first, and stops when a page is full.
        parts.append("group_hash = {group_hash:UInt64}")
        values["group_hash"] = hashes[0]
    else:
        parts.append("group_hash IN {group_hashes:Array(UInt64)}")
        values["group_hashes"] = list(hashes)
