"""What a kind may do beyond one row an item: several tables, ids of the edge, what must follow."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from msgspec import structs

from clickhouse.failures import RowsRefused, WarehouseUnavailable
from controlplane.failures import Unavailable
from eventlog.group_commit import Limits
from eventlog.sqlite_log import SqliteLog
from processors.blocks import KindStep, StoredItems
from processors.columns import Columns, Rows, SentChunk, row_by_row
from schemas.kinds import TRACES, Kind, Table
from tests.integration.processors.sinks import (
    PARTITION,
    Store,
    Stream,
    append,
    dead_letters,
    kind_step,
    rows_in,
)

FAILURES = 4
PARTED = Kind(
    "parted", "test.parted", TRACES.name, (Table("traces", "trace_id"), Table("parts", "trace_id"))
)
"""An item of it is some words; its id is the edge's."""


@pytest.fixture
def log(tmp_path: Path) -> Iterator[SqliteLog]:
    opened = SqliteLog(tmp_path / "log.db", limits=Limits(keep_ms=3_600_000))
    yield opened
    opened.close()


class Tables(Store):
    """Keeps the order of inserts, and refuses what the test says."""

    def __init__(self, bad_parts: Sequence[str] = ()) -> None:
        super().__init__()
        self.order: list[str] = []
        self.bad_parts = set(bad_parts)
        self.bad_ids: set[str] = set()
        """Of items that the first table refuses."""

    async def insert(self, table: str, arrow_stream: bytes, token: str) -> None:
        if table == "parts":
            rows = pa.ipc.open_stream(arrow_stream).read_all().to_pylist()
            if self.bad_parts & {row["word"] for row in rows}:
                raise RowsRefused("cannot parse")
        if table == "traces" and self.bad_ids & {row.text for row in rows_in(arrow_stream)}:
            raise RowsRefused("cannot parse")
        self.order.append(table)
        await super().insert(table, arrow_stream, token)

    def parts(self) -> list[str]:
        """The ids that the second table has rows of."""
        rows = [
            row for (table, _), found in self.tokens.items() if table == "parts" for row in found
        ]
        return sorted(row.text for row in rows)

    async def stored_at(self, table: Table, keys: Any) -> Any:
        found = {
            (row.project_id, row.text): row.position
            for (name, _), rows in self.tokens.items()
            if name == table.name
            for row in rows
        }
        return {key: found[key] for key in keys if key in found}


def parted_step() -> KindStep:
    def row_of(body: bytes, given: str) -> tuple[str, list[str]]:
        return given, body.decode().split()

    def tables_of(columns: Sequence[Sequence[Any]]) -> Mapping[str, Rows]:
        words = columns[1]
        owners = np.repeat(np.arange(len(words)), [len(some) for some in words])
        flat = pa.array([word for some in words for word in some], pa.string())
        return {"traces": Rows({}), "parts": Rows({"word": flat}, owners)}

    return KindStep(PARTED, lambda sent: row_by_row(sent, row_of, tables_of))


async def test_an_item_gives_rows_of_several_tables_and_of_the_first_at_last(
    log: SqliteLog,
) -> None:
    store = Tables()
    stream = Stream(log, store, step=parted_step())
    await append(log, "a b c", "d", "", wire=PARTED.wire, ids=["x", "y", "z"])
    await append(log, "a b c", wire=PARTED.wire, ids=["x"])

    await stream.feed()

    assert store.texts() == ["x", "y", "z"]
    assert store.parts() == ["x", "x", "x", "y"]
    assert store.order[0] == "parts"
    assert store.order.index("parts") < store.order.index("traces")
    assert store.outcomes() == {"received": 4, "accepted": 3, "duplicate": 1}
    await stream.stop()


async def test_an_item_that_one_table_refuses_is_dead_and_its_neighbours_are_whole(
    log: SqliteLog,
) -> None:
    store = Tables(bad_parts=["bad"])
    stream = Stream(log, store, step=parted_step())
    await append(log, "a b", "c bad", "d e", wire=PARTED.wire, ids=["x", "y", "z"])

    await stream.feed()

    assert store.texts() == ["x", "z"]
    assert store.parts() == ["x", "x", "z", "z"]
    (dead_letter,) = dead_letters(log)
    assert (dead_letter.body, dead_letter.item_id, dead_letter.ref) == (
        b"c bad",
        "y",
        "raw.traces:0:0:1",
    )
    assert store.outcomes() == {"received": 3, "accepted": 2, "dead": 1}
    await stream.stop()


class LateViews(Tables):
    """Has rows of the third table at once, and what its views have of them at a later try."""

    def __init__(self) -> None:
        super().__init__(bad_parts=["bad"])
        self.tries = 0
        self.in_views: dict[str, list[str]] = {}
        """By token: what comes again under it counts once."""

    async def insert(self, table: str, arrow_stream: bytes, token: str) -> None:
        await super().insert(table, arrow_stream, token)
        if table == "notes":
            self.tries += 1
            if self.tries <= FAILURES:
                raise WarehouseUnavailable("a view of notes")
            self.in_views[token] = [row.text for row in rows_in(arrow_stream)]


async def test_views_beside_a_table_that_refuses_rows_are_completed_before_parts_go_in(
    log: SqliteLog,
) -> None:
    # Its rows are there from the first try on: by parts they would be left out, views and all.
    store = LateViews()
    parted = parted_step()
    tables = (*PARTED.tables, Table("notes", "trace_id"))

    def build(sent: Sequence[SentChunk]) -> Columns:
        columns = parted.build(sent)
        return columns._replace(tables={**columns.tables, "notes": Rows({})})

    step = KindStep(structs.replace(PARTED, tables=tables), build)
    stream = Stream(log, store, step=step)
    await append(log, "a b", "c bad", wire=PARTED.wire, ids=["x", "y"])

    await stream.feed()

    assert list(store.in_views.values()) == [["x", "y"]]
    assert store.texts() == ["x"]
    assert [one.item_id for one in dead_letters(log)] == ["y"]
    await stream.stop()


@pytest.mark.parametrize("lost_answers", [0, 2])
async def test_a_replay_stores_no_row_again_that_is_there_since_another_table_refused_the_item(
    log: SqliteLog, lost_answers: int
) -> None:
    store = Tables()
    store.bad_ids = {"y"}
    stream = Stream(log, store, step=parted_step())
    await append(log, "a b", "c d", wire=PARTED.wire, ids=["x", "y"])
    await stream.feed()
    (dead_letter,) = dead_letters(log)
    assert store.parts() == ["x", "x", "y", "y"]

    store.bad_ids, store.lost_answers = set(), lost_answers
    await append(log, "c d", dead_ref=dead_letter.ref, wire=PARTED.wire, ids=["y"])
    await append(log, "e", wire=PARTED.wire, ids=["z"])
    await stream.feed()

    assert store.texts() == ["x", "y", "z"]
    assert store.parts() == ["x", "x", "y", "y", "z"]
    assert store.outcomes() == {"received": 3, "accepted": 3, "dead": 0}
    await stream.stop()


async def test_an_item_of_a_form_that_no_kind_has_is_dead_and_says_so(log: SqliteLog) -> None:
    store = Store()
    stream = Stream(log, store)
    await append(log, "a", wire="nobody.knows")
    await append(log, "b")

    await stream.feed()

    assert store.texts() == ["b"]
    assert [dead_letter.reason for dead_letter in dead_letters(log)] == [
        "no kind has the form 'nobody.knows'"
    ]
    await stream.stop()


async def test_what_must_follow_is_done_when_rows_are_in_and_before_the_checkpoint_moves(
    log: SqliteLog,
) -> None:
    store = Store()
    seen: list[tuple[list[str], int]] = []

    async def follow(stored: StoredItems) -> None:
        through = (await log.progress(PARTITION)).stored_through
        seen.append((store.texts(), through))
        if len(seen) <= FAILURES:
            raise Unavailable("the control plane is away", retry_after_s=1)
        assert [key for _, key in stored.batch.keys(stored.items)] == ["a", "b"]

    step = kind_step(store)
    step = KindStep(step.kind, step.build, follow=follow)
    stream = Stream(log, store, step=step)
    await append(log, "a", "b", "unfit")

    await stream.feed()

    assert seen == [(["a", "b"], -1)] * (FAILURES + 1)
    assert store.outcomes() == {"received": 3, "accepted": 2, "dead": 1}
    await stream.stop()


async def test_faults_are_found_among_many_without_asking_each(log: SqliteLog) -> None:
    """A step may raise for a whole block: the items at fault are looked for by halves."""
    store = Store()
    calls = 0
    inner = kind_step(store)

    def build(sent: Sequence[SentChunk]) -> Any:
        nonlocal calls
        calls += 1
        return inner.build(sent)

    stream = Stream(log, store, step=KindStep(inner.kind, build))
    store.unencodable = {"x300"}
    await append(log, *(f"x{number}" for number in range(1000)))

    await stream.feed()

    assert len(store.texts()) == 999
    assert [dead_letter.body for dead_letter in dead_letters(log)] == [b"x300"]
    assert calls < 30
    await stream.stop()


async def test_dead_letters_of_all_kinds_stand_in_the_order_of_the_log(log: SqliteLog) -> None:
    store = Store()
    stream = Stream(log, store)
    await append(log, "a", "unfit 1")
    await append(log, "b", wire="nobody.knows")
    await append(log, "unfit 2", "c")

    await stream.feed()

    assert [dead_letter.body for dead_letter in dead_letters(log)] == [b"unfit 1", b"b", b"unfit 2"]
    await stream.stop()
