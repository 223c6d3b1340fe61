"""Sessions as lines of a list: what their calls add up to, and what all of them add up to."""

from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from clickhouse.client import Warehouse
from clickhouse.llm import rollups
from clickhouse.llm.filters import TraceFilter
from clickhouse.llm.rollups import RollupColumns, Sums
from clickhouse.llm.sightings import Sighting, read_sightings, restricted, with_moments
from clickhouse.llm.subject_totals import SubjectTotals, total_subjects
from clickhouse.llm.subjects import ANY, SESSION, Least
from clickhouse.llm.trace_lines import Place
from clickhouse.llm.traces import EARLIEST_US, LATEST_US
from clickhouse.queries.values import cents_sum
from schemas.ids import spellings
from schemas.projects import ProjectContext

MOST_NAMES = 20
"""Of models, users and environments of one session."""
SETS = (("users", "user_id"), ("models", "model_requested"), ("environments", "environment"))
HASHES = "SELECT arrayJoin(arrayMap(id -> sipHash64(id), {ids:Array(String)})) LIMIT 3"


class SessionLine(Struct, frozen=True, kw_only=True):
    """One session. Costs are US cents, `None` where that of no call is known."""

    session_id: str
    hash: int
    """Of its id, as `traces` has it."""
    first: Place
    """Its first call."""
    last_us: int
    """When its last call began."""
    calls: int
    errors: int
    input_tokens: int
    output_tokens: int
    cost_cents: float | None
    unpriced: int
    latency_ms: float
    """The mean of its calls."""
    users: list[str]
    models: list[str]
    environments: list[str]

    @property
    def duration_ms(self) -> float:
        """From the begin of the first call to that of the last one."""
        return (self.last_us - self.first.us) / 1000


async def read_sessions(
    warehouse: Warehouse,
    project: ProjectContext,
    wanted: TraceFilter,
    hashes: Sequence[int],
    *,
    base_only: bool = False,
) -> list[SessionLine]:
    """Returns sessions by the hashes of their ids, in the order of these.

    Only traces that match `wanted` count, which has both ends of its range.
    """
    if not hashes:
        return []
    names = (SESSION.dimension,)
    scoped = rollups.scope(project, wanted, names=names, base_only=base_only)
    columns = with_moments(_with_sets(rollups.sums(scoped)))
    sql = rollups.statement(restricted(scoped, SESSION), names, columns)
    answer = await warehouse.query(sql, rollups.values_of(scoped) | {"subjects": hashes})
    moments = [row[place] for row in answer.rows for place in (-2, -1)]
    seen = await read_sightings(warehouse, scoped, SESSION, hashes, moments)
    # A row that is deleted between the two statements has been seen no more.
    lines = {row[-3]: _line(row, seen[row[-3]]) for row in answer.rows if row[-3] in seen}
    return [lines[one] for one in hashes if one in lines]


async def read_session(
    warehouse: Warehouse, project: ProjectContext, session_id: str
) -> SessionLine | None:
    """Returns a session with all of its traces, `None` where the project has none of that id."""
    found = await warehouse.query(HASHES, {"ids": list(spellings(session_id))})
    whole = TraceFilter(from_us=EARLIEST_US, to_us=LATEST_US)
    lines = await read_sessions(warehouse, project, whole, [row[0] for row in found.rows])
    return lines[0] if lines else None


async def total_sessions(
    warehouse: Warehouse,
    project: ProjectContext,
    wanted: TraceFilter,
    *,
    least: Least = ANY,
    base_only: bool = False,
) -> SubjectTotals:
    """Returns what the sessions of a list add up to."""
    scoped = rollups.scope(project, wanted, names=(SESSION.dimension,), base_only=base_only)
    return await total_subjects(warehouse, scoped, SESSION, least)


def _with_sets(columns: RollupColumns) -> RollupColumns:
    """Returns columns with the names that a session's calls have, and its hash."""
    for name, column in SETS:
        one = f"groupUniqArrayIf({MOST_NAMES})(t.{column}::String, t.{column} != '')"
        columns = columns._replace(
            flat=[*columns.flat, f"arraySort({one})"],
            base=[*columns.base, f"{one} AS m_{name}"],
            rolled=[*columns.rolled, f"arrayFilter(n -> n != '', [{column}::String]) AS m_{name}"],
            total=[*columns.total, f"arraySort(groupUniqArrayArray({MOST_NAMES})(m_{name}))"],
        )
    return columns._replace(
        flat=[*columns.flat, "any(t.session_hash)"],
        base=[*columns.base, "any(t.session_hash) AS m_hash"],
        rolled=[*columns.rolled, "session_hash AS m_hash"],
        total=[*columns.total, "any(m_hash)"],
    )


def _line(row: Sequence[Any], seen: Sighting) -> SessionLine:
    sums = Sums(*row[1 : 1 + len(Sums._fields)])
    users, models, environments = row[-6:-3]
    return SessionLine(
        session_id=row[0],
        hash=row[-3],
        first=seen.first,
        last_us=seen.last_us,
        calls=sums.requests,
        errors=sums.errors,
        input_tokens=sums.input,
        output_tokens=sums.output,
        cost_cents=None if sums.unpriced == sums.requests else cents_sum(sums.counted),
        unpriced=sums.unpriced,
        latency_ms=sums.latency_ns / sums.requests / 1e6 if sums.requests else 0.0,
        users=users,
        models=models,
        environments=environments,
    )
