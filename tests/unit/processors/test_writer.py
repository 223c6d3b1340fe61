"""How long after each other the blocks of a partition start."""

import pytest

from processors.writer import interval_s


@pytest.mark.parametrize(
    ("least_s", "write_s", "expected_s"),
    [(0.2, 0.0, 0.2), (0.2, 0.04, 0.2), (0.2, 0.075, 0.3), (0.2, 5.0, 0.4), (0.0, 5.0, 0.0)],
)
def test_slow_inserts_make_blocks_start_less_often_within_a_bound(
    least_s: float, write_s: float, expected_s: float
) -> None:
    assert interval_s(least_s, write_s) == pytest.approx(expected_s)
