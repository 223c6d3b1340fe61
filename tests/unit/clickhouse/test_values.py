"""Figures of answers: what floats add is not in them."""

import math

import pytest

from api.llm.experiment_items import differences
from clickhouse.queries.values import without_noise


@pytest.mark.parametrize(
    ("value", "parts", "expected"),
    [
        (0.3 - 0.1, (0.3, 0.1), 0.2),
        (0.1 + 0.2 - 0.3, (0.3, 0.3), 0),
        (0.11249999999999999, (), 0.1125),
        (1e-9 / 3, (), 3.33333333333e-10),
        (2.0, (1e6,), 2),
        (0.0, (), 0),
        (1e300, (1e300,), 1e300),
        (5e-324, (5e-324,), 5e-324),
    ],
)
def test_a_figure_has_the_digits_of_what_it_was_made_of(
    value: float, parts: tuple[float, ...], expected: float
) -> None:
    assert without_noise(value, *parts) == expected


def test_what_is_no_finite_number_stays_as_it_is() -> None:
    assert without_noise(math.inf) == math.inf


def test_two_results_differ_by_what_people_would_write() -> None:
    assert differences({"cost": 0.1, "tokens": 3}, {"cost": 0.3, "tokens": 5}) == {
        "cost": 0.2,
        "tokens": 2,
    }
