"""Which templates this process has stored today, so that a text is stored once and not per call.

At most so many of a project and a day: of a prompt that is new with each call no text is stored,
and such calls are counted together where people read (`clickhouse.llm.prompt_sums`). A process that
begins anew stores each once more; the store then keeps one row a day.
"""

from collections import OrderedDict
from collections.abc import Sequence
from typing import NamedTuple

import pyarrow as pa

from clickhouse.llm.prompt_tables import template_arrays
from processors.blocks import StoredItems
from processors.columns import Rows
from schemas.kinds import PROMPT_TEMPLATES
from schemas.llm.rows import TraceRow
from schemas.projects import ProjectId
from schemas.zones import DAY_US

MOST_A_DAY = 300
"""Templates of one project and day."""
MOST_DAYS = 2_000
"""Projects times days that are remembered: some 30 KB each at most, however long names are."""
_Day = tuple[str, int]


class Used(NamedTuple):
    """A call that holds its template, and when and whose it came."""

    item: int
    """Which of the items of its block it is."""
    project_id: ProjectId
    received_at_us: int
    row: TraceRow


class KnownTemplates:
    """What this process has stored; one for all kinds of calls."""

    def __init__(self) -> None:
        self._stored: OrderedDict[_Day, set[int]] = OrderedDict()

    def rows(self, calls: Sequence[Used]) -> Rows:
        """Returns rows for the templates that are not stored yet, each once. Remembers nothing."""
        fresh: dict[tuple[_Day, int], Used] = {}
        counts: dict[_Day, int] = {}
        for one in calls:
            day = (one.project_id, one.received_at_us // DAY_US)
            version = hash((one.row.prompt, one.row.prompt_version))
            stored = self._stored.get(day, ())
            if version in stored or (day, version) in fresh:
                continue
            count = counts.get(day, len(stored))
            if count < MOST_A_DAY:
                fresh[day, version] = one
                counts[day] = count + 1
        found = sorted(fresh.values(), key=lambda one: one.item)
        return Rows(
            template_arrays([one.row for one in found]),
            pa.array([one.item for one in found], pa.int64()).to_numpy(zero_copy_only=False),
        )

    def note(self, stored: StoredItems) -> None:
        """Remembers what a block has stored. May be called again with the same items."""
        if PROMPT_TEMPLATES not in stored.batch.tables:
            return
        table = next(one for one in stored.batch.kind.tables if one.name == PROMPT_TEMPLATES)
        rows = stored.batch.rows(table, stored.items)
        times = rows["received_at"].cast(pa.int64()).to_pylist()
        names = ("project_id", "prompt", "version")
        keys = zip(*(rows[name].to_pylist() for name in names), times, strict=True)
        for project_id, prompt, version, at_us in keys:
            day = (project_id, at_us // DAY_US)
            self._stored.setdefault(day, set()).add(hash((prompt, version)))
            self._stored.move_to_end(day)
        while len(self._stored) > MOST_DAYS:
            self._stored.popitem(last=False)
