"""A block that dies between its token and its rows is stored again, in every table, once."""

import shutil
from pathlib import Path

import pytest

from clickhouse.dedup_log import PART, find_lost_tokens, give_back_lost_tokens
from clickhouse.failures import StoreBroken
from tests.integration.store.store_process import COUNTS, ROWS, run

TWO_BLOCKS = dict.fromkeys(COUNTS, 2 * ROWS)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A store that holds one block."""
    path = tmp_path / "warehouse"
    run(path, "kept")
    return path


def parts_of(store: Path) -> set[Path]:
    """Returns the parts of all tables that deduplicate."""
    logs = store.glob("store/*/*/deduplication_logs")
    return {part for log in logs for part in log.parent.iterdir() if PART.match(part.name)}


def cut_off(store: Path, *, tables: list[int]) -> None:
    """Leaves the store as a kill before the rename of a block's parts leaves it.

    `tables` tells which of the parts, in the order of their paths, were not renamed any more.
    """
    before = parts_of(store)
    run(store, "cut")
    parts = sorted(parts_of(store) - before)
    assert len(parts) == len(COUNTS)
    for number in tables:
        shutil.rmtree(parts[number])


@pytest.mark.parametrize("tables", [[0], [1], [2], [0, 1, 2]])
def test_a_block_cut_off_before_its_rows_are_in_place_is_stored_again(
    store: Path, tables: list[int]
) -> None:
    cut_off(store, tables=tables)

    assert give_back_lost_tokens(store) == len(tables)

    assert run(store, "cut", "count", "cut", "kept", "count") == [TWO_BLOCKS, TWO_BLOCKS]
    assert find_lost_tokens(store) == []


def test_without_the_repair_the_engine_would_drop_it(store: Path) -> None:
    """What this module is for: when an engine passes here without it, it can go."""
    cut_off(store, tables=[0, 1, 2])

    assert run(store, "cut", "count") == [dict.fromkeys(COUNTS, ROWS)]


def test_tokens_of_merged_parts_stay_taken(store: Path) -> None:
    run(store, "b", "c", "merge")

    assert give_back_lost_tokens(store) == 0
    assert run(store, "kept", "b", "c", "count") == [dict.fromkeys(COUNTS, 3 * ROWS)]


def test_a_log_that_was_written_half_is_repaired(store: Path) -> None:
    cut_off(store, tables=[0])
    for log in store.glob("store/*/*/deduplication_logs/*.txt"):
        with log.open("ab") as file:
            file.write(b"1\t202506_9")

    give_back_lost_tokens(store)

    assert run(store, "cut", "later", "count") == [dict.fromkeys(COUNTS, 3 * ROWS)]
    give_back_lost_tokens(store)
    assert run(store, "kept", "cut", "later", "count") == [dict.fromkeys(COUNTS, 3 * ROWS)]


def test_an_insert_that_fails_with_a_token_lost_ends_the_process_instead_of_being_tried_again(
    store: Path,
) -> None:
    """A rename that fails in a running server leaves the same; seen with EIO at the rename."""
    cut_off(store, tables=[0])

    with pytest.raises(StoreBroken, match="rows of 1 blocks are not in place"):
        run(store, "fail")


def test_an_insert_that_fails_otherwise_may_be_tried_again(store: Path) -> None:
    with pytest.raises(AssertionError, match="Arrow"):
        run(store, "fail")

    assert run(store, "new", "count") == [TWO_BLOCKS]
