"""What the list of personal tables promises."""

import pytest

from clickhouse.personal import PERSONAL, Personal

ORDER = [one.table for one in PERSONAL]


@pytest.mark.parametrize("one", PERSONAL, ids=ORDER)
def test_rows_that_are_found_through_others_are_erased_before_these(one: Personal) -> None:
    # Once the others name nobody, nothing leads to these rows any more.
    assert all(ORDER.index(one.table) < ORDER.index(parent.table) for parent in one.parents)


@pytest.mark.parametrize("one", PERSONAL, ids=ORDER)
def test_no_column_becomes_a_null_under_which_its_text_stays(one: Personal) -> None:
    # `UPDATE text = NULL` marks the row as NULL and keeps what stands there.
    assert "NULL" not in one.erased.values()
