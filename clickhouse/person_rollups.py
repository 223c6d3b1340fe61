"""Takes a person out of the rollups that name people: before the rows that they are made of.

error_hours holds 8-byte hashes of people. Which of them go is worked out from the rows: those of
the person, where no row of the same hour stays that has the same hash. Sums outlive rows, so the
hash of the id itself goes from all days that are over. Taking them out may be repeated, and does
nothing to what comes in meanwhile.

session_sums has the user in its key. Its sums move to nobody: one insert adds them there and takes
them off the person, modulo the width of the sums, as changes of costs do (0010). It has a token,
and comes in once. Then the rows of the person add up to nothing and are deleted.
"""

from typing import Any

from clickhouse.client import Warehouse
from clickhouse.persons import PATIENT, Whose, mutation_settings, owned_sql, personal_of

HASHES_AT_ONCE = 5_000
HOUR_US = 3_600_000_000
# The same on both sides: what a row of error_hours is told by, and one of its people.
PLACE = """sipHash64(group_hash, {hour}, toString(environment), toString(release),
    toString(level), received_date, {person})"""
GONE = """
SELECT place, issue_hash
FROM (
    SELECT {place} AS place, any(errors.group_hash) AS issue_hash, countIf(NOT ({owned})) AS others
    FROM errors
    WHERE project_id = {project_id:String} AND user_key != ''
        AND user_hash IN (SELECT user_hash FROM errors WHERE {owned} AND user_key != '')
    GROUP BY place
    HAVING others = 0
)
WHERE place > {after:UInt64}
ORDER BY place
LIMIT {limit:UInt32}
""".replace("{place}", PLACE).replace("{hour}", "toStartOfHour(timestamp)")
# A state of uniqExact is the number of its values and the values, 8 bytes each.
VALUES = """reinterpret(
    substring(toString(people), 1 + length(toString(people)) - 8 * finalizeAggregation(people)),
    'Array(UInt64)')"""
TAKE_OUT = (
    """
ALTER TABLE error_hours
UPDATE people = arrayReduce('uniqExactState', arrayFilter(
    one -> NOT ({place} IN {gone:Array(UInt64)}), {values}))
WHERE project_id = {project_id:String} AND group_hash IN {groups:Array(UInt64)}
""".replace("{place}", PLACE)
    .replace("{hour}", "hour")
    .replace("{person}", "one")
    .replace("{values}", VALUES)
)
HASH = "SELECT sipHash64({person:String})"
# Of days that were over: whoever came later is known by rows. What is read first costs no rewrite.
MET = """project_id = {project_id:String}
    AND received_date < toDate(fromUnixTimestamp64Micro({until_us:Int64}, 'UTC'))
    AND has({values}, {hash:UInt64})""".replace("{values}", VALUES)
IS_MET = "SELECT count() FROM error_hours WHERE {met}".replace("{met}", MET)
TAKE_OUT_HASH = f"""
ALTER TABLE error_hours
UPDATE people = arrayReduce('uniqExactState', arrayFilter(
    one -> one != {{hash:UInt64}}, {VALUES}))
WHERE {MET}
"""
COUNTS = "input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, reasoning_tokens"
WIDE = (*COUNTS.split(", "), "latency_ns")
HOUR_OF = """fromUnixTimestamp64Micro(toUnixTimestamp64Micro(timestamp)
    - positiveModulo(toUnixTimestamp64Micro(timestamp), 3600000000), 'UTC')"""
KEY = "bucket, received_date, session_id, provider, model_requested, status, environment"
MOVED = """
INSERT INTO session_sums (
    project_id, {key}, user_id, requests, {wide}, reported_cost, computed_cost,
    reported_first_cost, computed_first_cost, unpriced, latency_ns, session_hash)
SELECT
    project_id, {key}, side.1, toUInt64(side.2 * toInt64(sum_requests)), {moved},
    side.2 * sum_reported, side.2 * sum_computed, side.2 * sum_reported_first,
    side.2 * sum_computed_first, toUInt64(side.2 * toInt64(sum_unpriced)), {latency}, hash
FROM ({theirs})
ARRAY JOIN [tuple('', toInt8(1)), tuple({person:String}, toInt8(-1))] AS side
ORDER BY ALL
"""
OF_ROWS = """
    SELECT
        project_id, {hour} AS bucket, received_date, session_id, provider, model_requested,
        status, environment, count() AS sum_requests, {sums},
        sum(ifNull(t.reported_cost, 0)) AS sum_reported,
        sum(ifNull(t.computed_cost, 0)) AS sum_computed,
        sum(coalesce(t.reported_cost, t.computed_cost, 0)) AS sum_reported_first,
        sum(coalesce(t.computed_cost, t.reported_cost, 0)) AS sum_computed_first,
        countIf(t.reported_cost IS NULL AND t.computed_cost IS NULL) AS sum_unpriced,
        any(t.session_hash) AS hash
    FROM traces AS t
    WHERE ({owned}) AND billing = ''
    GROUP BY project_id, {key}
"""
# Of days that were over: nothing that came later is in them.
OF_SUMS = """
    SELECT
        project_id, {key}, sum(t.requests) AS sum_requests, {sums},
        sum(t.reported_cost) AS sum_reported, sum(t.computed_cost) AS sum_computed,
        sum(t.reported_first_cost) AS sum_reported_first,
        sum(t.computed_first_cost) AS sum_computed_first, sum(t.unpriced) AS sum_unpriced,
        any(t.session_hash) AS hash
    FROM session_sums AS t
    WHERE project_id = {project_id:String}
        AND user_id = {person:String}
        AND received_date < toDate(fromUnixTimestamp64Micro({until_us:Int64}, 'UTC'))
    GROUP BY project_id, {key}
    HAVING sum_requests != 0
"""


def _moving(theirs: str) -> str:
    return (
        MOVED.replace("{theirs}", theirs)
        .replace("{wide}", COUNTS)
        .replace("{key}", KEY)
        .replace("{hour}", HOUR_OF)
        .replace("{moved}", ", ".join(f"toUInt128(side.2 * sum_{one})" for one in WIDE[:-1]))
        .replace("{latency}", "toUInt128(side.2 * sum_latency_ns)")
        .replace(
            "{sums}", ", ".join(f"sum(toInt128(ifNull(t.{one}, 0))) AS sum_{one}" for one in WIDE)
        )
    )


# The order of all columns makes the blocks the same whenever it is repeated: so tokens count.
MOVE_SETTINGS = {
    "insert_deduplicate": 1,
    "max_insert_block_size": 4_000_000,
    "min_insert_block_size_rows": 4_000_000,
    "min_insert_block_size_bytes": 1 << 31,
    "max_partitions_per_insert_block": 0,
    "max_threads": 1,
}
LIVE = """
SELECT DISTINCT toUnixTimestamp64Micro({hour})
FROM traces
WHERE project_id = {project_id:String} AND user_id = {person:String}
LIMIT 100000
""".replace("{hour}", HOUR_OF)
# Mutations stay readable on disk for a while: this one names nobody.
NAMED = "SELECT hex(sipHash128({person:String}))"
EMPTY = """
ALTER TABLE session_sums
DELETE WHERE project_id = {project_id:String}
    AND hex(sipHash128(toString(user_id))) = {named:String}
    AND (toUnixTimestamp64Micro(bucket) < {until_us:Int64}
        OR received_date < toDate(fromUnixTimestamp64Micro({until_us:Int64}, 'UTC')))
    AND NOT has({live:Array(Int64)}, toUnixTimestamp64Micro(bucket)
        - positiveModulo(toUnixTimestamp64Micro(bucket), 3600000000))
"""


async def take_out_of_errors(store: Warehouse, whose: Whose) -> None:
    """Takes a person out of the counts of people; before the rows. May be repeated."""
    owned = owned_sql(personal_of("errors"))
    sql = GONE.replace("{person}", "user_hash").replace("{owned}", owned)
    settings = await mutation_settings(store)
    after: int | None = 0
    while after is not None:
        values = whose.values | {"after": after, "limit": HASHES_AT_ONCE}
        found = (await store.query(sql, values, **PATIENT)).rows
        if found:
            gone = {"gone": [row[0] for row in found], "groups": sorted({row[1] for row in found})}
            await store.command(TAKE_OUT, {"project_id": whose.project_id, **gone}, **settings)
        after = found[-1][0] if len(found) == HASHES_AT_ONCE else None
    await _take_out_of_sums(store, whose, settings)


async def _take_out_of_sums(store: Warehouse, whose: Whose, settings: dict[str, Any]) -> None:
    """Takes the person out of hours whose rows are gone, where they were counted by this id."""
    hashed = (await store.query(HASH, {"person": whose.person})).rows[0][0]
    values = {"project_id": whose.project_id, "until_us": whose.until_us, "hash": hashed}
    if (await store.query(IS_MET, values, **PATIENT)).rows[0][0]:
        await store.command(TAKE_OUT_HASH, values, **settings)


async def move_session_sums(store: Warehouse, whose: Whose, token: str) -> None:
    """Moves the sums of a person's calls to nobody; before the rows. The same token moves once.

    Those of calls whose rows are gone, too: they are what is left of the sums then.
    """
    owned = owned_sql(personal_of("traces"))
    moves = (OF_ROWS.replace("{owned}", owned), token), (OF_SUMS, f"{token}/sums")
    for theirs, name in moves:
        settings: dict[str, Any] = {**MOVE_SETTINGS, "insert_deduplication_token": name}
        await store.command(_moving(theirs), whose.values, **settings)


async def drop_empty_sums(store: Warehouse, whose: Whose) -> None:
    """Deletes the person's own sums, which add up to nothing; after the rows. May be repeated.

    Hours in which the person has calls that came later stay: their sums are right.
    """
    live = [row[0] for row in (await store.query(LIVE, whose.values)).rows]
    named = (await store.query(NAMED, {"person": whose.person})).rows[0][0]
    values = {"project_id": whose.project_id, "until_us": whose.until_us}
    settings = await mutation_settings(store)
    await store.command(EMPTY, values | {"live": live, "named": named}, **settings)
