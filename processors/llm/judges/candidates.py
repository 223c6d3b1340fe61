"""Has calls wait for judges as soon as they are stored, however late they came.

It hangs on the steps whose items become calls. What the columns of a block do not say is asked of
the store later, by the judge.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc
import structlog

from controlplane.database import Database
from controlplane.failures import ControlPlaneError
from controlplane.llm.judge_arrivals import Place, note_arrived
from controlplane.llm.judge_queue import Waiting, count_queued
from controlplane.llm.judges import list_enabled
from processors.blocks import StoredItems
from schemas.llm.judges import ENVIRONMENT, MOST_QUEUED, CallRef, Judge, share_of
from schemas.projects import ProjectId

TABLE = "traces"
COLUMNS = ("project_id", "trace_id", "model_requested", "environment", "status")

log = structlog.get_logger(__name__)


class Candidates:
    """The judges that are on, as this process knows them; one in each process with a stream."""

    def __init__(self, database: Database, *, most_queued: int = MOST_QUEUED) -> None:
        self._database = database
        self._most_queued = most_queued
        self._judges: Mapping[ProjectId, Sequence[Judge]] = {}
        self._queued: Counter[str] = Counter()

    async def refresh(self) -> None:
        """Reads which there are. Raises `ControlPlaneError`."""
        found: dict[ProjectId, list[Judge]] = {}
        for judge in await list_enabled(self._database):
            found.setdefault(judge.project_id, []).append(judge)
        self._queued = Counter(await count_queued(self._database)) if found else Counter()
        self._judges = found

    async def follow(self, stored: StoredItems) -> None:
        """Has the calls of a block wait for the judges that may judge them.

        Raises `ControlPlaneError`; a bug of ours is no reason to store no more calls.
        """
        try:
            await self._follow(stored)
        except ControlPlaneError:
            raise
        except Exception:
            log.exception("calls not queued for judges")

    async def _follow(self, stored: StoredItems) -> None:
        judges = self._judges
        if not judges:
            return
        table = next(one for one in stored.batch.kind.tables if one.name == TABLE)
        rows = stored.batch.rows(table, stored.items)
        projects = set(rows["project_id"].unique().to_pylist()) & judges.keys()
        if not projects:
            return
        calls = await asyncio.to_thread(calls_of, rows, {one: judges[one] for one in projects})
        await self._put(place_of(stored.batch.kind.name, rows), calls)

    async def _put(self, place: Place, calls: Mapping[str, Sequence[CallRef]]) -> None:
        given = {one: some for one, some in calls.items() if some}
        if not given:
            return
        now_us = time.time_ns() // 1000
        full = {one for one in given if self._queued[one] + len(given[one]) > self._most_queued}
        taken = [Waiting(one, now_us, some) for one, some in given.items() if one not in full]
        dropped = {one: len(given[one]) for one in full}
        if await note_arrived(self._database, place, taken, dropped, now_us):
            self._queued.update({one.judge_id: len(one.calls) for one in taken})


def place_of(kind: str, rows: pa.RecordBatch) -> Place:
    """Returns where rows of one block end in the log."""
    log_id, partition = rows["log_id"][0].as_py(), rows["log_partition"][0].as_py()
    return Place(log_id, partition, kind, pc.max(rows["log_offset"]).as_py())


def calls_of(
    rows: pa.RecordBatch, judges: Mapping[ProjectId, Sequence[Judge]]
) -> dict[str, list[CallRef]]:
    """Returns which calls of a block each judge may judge, by its id. Pure."""
    found: dict[str, list[CallRef]] = {one.id: [] for some in judges.values() for one in some}
    moments = rows["timestamp"].cast(pa.int64())
    columns = [moments, *(rows[name] for name in COLUMNS)]
    values = zip(*(one.to_pylist() for one in columns), strict=True)
    for at_us, project_id, trace_id, model, environment, status in values:
        if environment == ENVIRONMENT:
            continue
        place: float | None = None
        for judge in judges.get(project_id, ()):
            asked = (judge.calls.model, judge.calls.environment, judge.calls.status)
            given = (model, environment, status)
            if any(one not in (None, it) for one, it in zip(asked, given, strict=True)):
                continue
            place = share_of(trace_id) if place is None else place
            if place < judge.sampling:
                found[judge.id].append(CallRef(trace_id, at_us))
    return found
