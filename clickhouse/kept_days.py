"""What of kept days is for all projects: which keys are asked for, and how people leave them.

The days themselves: `clickhouse.llm.key_days`.
"""

from collections.abc import Collection, Mapping
from datetime import date
from typing import Any, NamedTuple

from clickhouse.client import Warehouse
from clickhouse.tags import stored_tag
from schemas.projects import ProjectId

API_KEYS = "#api_key"
"""The path under which sums by API keys are: no key of the metadata is spelt so."""
USERS = ""
"""The path under which sums by users are."""
MOST_PATHS = 8
"""Of a project: those that were asked for on most days."""
LEAST_CHARS = 5
"""Of an id that is looked for within values: shorter ones stand in what says nothing of anybody."""
MOST_COPIED = 100_000
"""Builds of a project: all paths of all days that are kept."""
ASKED = """
SELECT project_id::String, path
FROM asked_keys
WHERE received_date >= {since:Date}
GROUP BY project_id, path
ORDER BY project_id, uniqExact(received_date) DESC, max(received_date) DESC, path
LIMIT {most:UInt32} BY project_id
"""
KEPT = """
SELECT project_id::String, path::String, max(received_date)
FROM key_days
GROUP BY project_id, path
ORDER BY project_id, path
LIMIT 1000000
"""
DROP = """
DELETE FROM key_days
WHERE project_id = {project_id:String}
    AND path IN {paths:Array(String)}
    AND (received_date >= {whole_from:Date} OR path = {users:String})
"""
# Rows that a build before has lost are on the disk still: the first takes them off it.
UNMARK = "ALTER TABLE key_days APPLY DELETED MASK"
FORGET = """
ALTER TABLE key_days DELETE
WHERE project_id = {project_id:String}
    AND path != {keys:String}
    AND (received_date >= {whole_from:Date} OR path = {users:String})
"""
THEIRS = """(tag = {value:String}
        OR ({is_long:Bool} AND position(tag, {person:String}) > 0)
        OR tag IN (
            SELECT tag
            FROM key_days
            WHERE project_id = {project_id:String}
                AND path = {path:String}
                AND grain IN ('few', 'many')
            GROUP BY tag
            HAVING countIf(owner != sipHash64({person:String})) = 0))"""
"""Values that name a person, or that nobody else has brought."""
NAMING = """
SELECT received_date, build, countIf(grain = 'seal' AND owner = 1)
FROM key_days
WHERE project_id = {project_id:String}
    AND path = {path:String}
    AND received_date < {whole_from:Date}
GROUP BY received_date, build
HAVING countIf(grain = 'refused') = 0
    AND (countIf(grain = 'seal' AND owner = 1) != 1
        OR countIf(grain != 'seal' AND (owner = sipHash64({person:String}) OR {theirs})) > 0)
ORDER BY received_date, build
LIMIT {most:UInt32}
"""
COPIED = """grain, received_date, bucket, provider, model_requested, status, environment, rows,
    requests, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, reasoning_tokens,
    reported_cost, computed_cost, reported_first_cost, computed_first_cost, unpriced, latency_ns,
    latency, few, sessions"""
COPY = """
INSERT INTO key_days (project_id, path, build, tag, owner, {copied})
SELECT
    project_id, path, transform(build, {builds:Array(UInt64)}, {copies:Array(UInt64)}, 0),
    if({theirs}, '', tag), if(owner = sipHash64({person:String}), 0, owner), {copied}
FROM key_days
WHERE project_id = {project_id:String}
    AND path = {path:String}
    AND received_date IN {days:Array(Date)}
    AND build IN {builds:Array(UInt64)}
    AND grain {grains}
"""
LEAVE = """
ALTER TABLE key_days DELETE
WHERE project_id = {project_id:String}
    AND path = {path:String}
    AND received_date < {whole_from:Date}
    AND build IN {builds:Array(UInt64)}
"""
AT_ONCE = 100
"""Builds of one statement: they travel in the address of a request to a server."""


class Leaving(NamedTuple):
    """Who leaves the kept days of a project."""

    project_id: ProjectId
    person: str
    whole_from: date
    """The first day of receipt whose calls are all there: days before cannot be built anew."""

    @property
    def values(self) -> dict[str, Any]:
        """What statements bind."""
        return {
            "project_id": self.project_id,
            "person": self.person,
            "value": stored_tag(self.person),
            "is_long": len(self.person) >= LEAST_CHARS,
            "whole_from": self.whole_from,
        }


async def asked_paths(store: Warehouse, since: date) -> dict[ProjectId, list[str]]:
    """Returns the paths that are asked for since a day, by project, so many as are kept."""
    rows = (await store.query(ASKED, {"since": since, "most": MOST_PATHS})).rows
    found: dict[ProjectId, list[str]] = {}
    for project_id, path in rows:
        found.setdefault(ProjectId(project_id), []).append(path)
    return found


async def kept_paths(store: Warehouse) -> dict[ProjectId, dict[str, date]]:
    """Returns the paths of which days are kept, with the last of these, by project."""
    found: dict[ProjectId, dict[str, date]] = {}
    for project_id, path, last in (await store.query(KEPT, {})).rows:
        found.setdefault(ProjectId(project_id), {})[path] = last
    return found


async def drop_paths(
    store: Warehouse, project_id: ProjectId, paths: Collection[str], *, whole_from: date
) -> None:
    """Deletes what is kept of some paths, where calls are still there or other sums know it."""
    values = {"project_id": project_id, "paths": sorted(paths), "whole_from": whole_from}
    await store.command(DROP, values | {"users": USERS})


async def forget_people(
    store: Warehouse, leaving: Leaving, *, build: int, settings: Mapping[str, Any]
) -> None:
    """Takes a person out of what is kept of a project, off the disk too. May be repeated.

    Days whose calls are there are deleted: they are built anew. Days whose calls are gone are
    copied without the values that name the person or that nobody else has brought. Numbers of the
    copies begin with `build`. Sums by API keys stay: they name nobody.
    """
    await store.command(UNMARK, None, **settings)
    for path in (await kept_paths(store)).get(leaving.project_id, {}):
        if path not in (USERS, API_KEYS):
            build += await _leave(store, leaving, path, build=build, settings=settings)
    values = {"project_id": leaving.project_id, "whole_from": leaving.whole_from}
    await store.command(FORGET, values | {"users": USERS, "keys": API_KEYS}, **settings)


async def _leave(
    store: Warehouse, leaving: Leaving, path: str, *, build: int, settings: Mapping[str, Any]
) -> int:
    """Replaces the builds of a path that have something of a person; returns how many copies."""
    values = leaving.values | {"path": path}
    naming = NAMING.replace("{theirs}", THEIRS)
    found = (await store.query(naming, values | {"most": MOST_COPIED})).rows
    copied = 0
    for some in (found[at : at + AT_ONCE] for at in range(0, len(found), AT_ONCE)):
        whole = [(day, number) for day, number, is_sealed in some if is_sealed]
        chosen = {
            "days": [day for day, _ in whole],
            "builds": [number for _, number in whole],
            "copies": [build + copied + place for place in range(len(whole))],
        }
        copied += len(whole)
        if whole:
            for grains in ("IN ('few', 'many')", "= 'seal'"):
                await store.command(_copy_sql(grains), values | chosen)
        every = {"builds": [number for _, number, _ in some]}
        await store.command(LEAVE, values | every, **settings)
    return copied


def _copy_sql(grains: str) -> str:
    sql = COPY.replace("{theirs}", THEIRS).replace("{copied}", COPIED)
    return sql.replace("{grains}", grains)
