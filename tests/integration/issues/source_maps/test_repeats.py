"""A block of errors that is stored again keeps what its rows say, whatever maps there are now."""

import numpy as np

from clickhouse.client import Warehouse
from clickhouse.queries.stored import Pair, stored_rows
from processors.blocks import Arrival, Batch, ItemOutcome, TableRows
from processors.fresh import with_kept
from schemas.ids import event_hash
from schemas.kinds import ERROR
from schemas.projects import ProjectContext, ProjectId
from tests.integration.queries.error_rows import error_batch, store_errors

(TABLE,) = ERROR.tables


async def test_rows_that_are_there_decide_what_follows_in_the_control_plane(
    warehouse: Warehouse,
) -> None:
    project = ProjectContext(ProjectId("6d1de7a5-6b0e-4d6a-9d59-0f6a5f0c1a11"))
    ids = ["a" * 32, "b" * 32]
    before = {"fingerprint": "minified", "title": "t", "culprit": "app in d", "others": ["x"]}
    store_errors(warehouse, project, [{"event_id": ids[0], "body": '{"n":1}', **before}])
    mapped = {"fingerprint": "mapped", "title": "t", "culprit": "src/prices.ts in withTax"}
    rows = error_batch(project, [{"event_id": one, "body": "{}", **mapped} for one in ids])
    arrival = Arrival(ItemOutcome(ERROR.name, project.project_id, 0, "accepted", "", ""), 0)
    hashes = np.array([event_hash(project.project_id, one) for one in ids], np.uint64)
    two = np.arange(2)
    tables = {TABLE.name: TableRows(rows, two)}
    batch = Batch(ERROR, ids, hashes, [arrival], np.zeros(2, np.int64), two, tables)

    pairs = [Pair(project.project_id, one) for one in ids]
    found = await stored_rows(warehouse, TABLE, pairs, TABLE.kept)
    kept = with_kept(batch, TABLE, {(one.project_id, one.item_id): it for one, it in found.items()})

    shown = kept.tables[TABLE.name].rows
    assert shown.schema == rows.schema
    assert shown["fingerprint"].to_pylist() == ["minified", "mapped"]
    assert shown["culprit"].to_pylist() == ["app in d", "src/prices.ts in withTax"]
    assert shown["other_fingerprints"].to_pylist() == [["x"], []]
    assert shown["body"].to_pylist() == ['{"n":1}', "{}"]
