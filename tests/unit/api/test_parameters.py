"""Query parameters and their zod-like refusals."""

from decimal import Decimal

import pytest

from api.parameters import InvalidParameters, Parameters


@pytest.mark.parametrize("text", ["", "abc", "1.5", "0x10", "1e2", "١"])
def test_what_is_no_integer_is_refused(text: str) -> None:
    parameters = Parameters([("limit", text)])

    parameters.whole("limit", 100, least=1, most=1000)

    assert [issue["code"] for issue in parameters.issues] == ["invalid_type"]
    assert parameters.issues[0]["path"] == ["limit"]


@pytest.mark.parametrize(("text", "code"), [("0", "too_small"), ("1001", "too_big")])
def test_an_integer_out_of_bounds_is_refused(text: str, code: str) -> None:
    parameters = Parameters([("limit", text)])

    parameters.whole("limit", 100, least=1, most=1000)

    assert [issue["code"] for issue in parameters.issues] == [code]


@pytest.mark.parametrize("text", ["", "cheap", "NaN", "Infinity", "-1", "1e99999"])
def test_an_amount_that_is_no_number_from_zero_on_is_refused(text: str) -> None:
    parameters = Parameters([("min_cost_cents", text)])

    parameters.amount("min_cost_cents")

    with pytest.raises(InvalidParameters):
        parameters.check()


def test_an_unknown_choice_names_every_option() -> None:
    parameters = Parameters([("status", "ok")])

    parameters.choice("status", ("success", "error"))

    assert parameters.issues == [
        {
            "code": "invalid_value",
            "values": ["success", "error"],
            "path": ["status"],
            "message": 'Invalid option: expected one of "success"|"error"',
        }
    ]


def test_good_values_raise_no_issue() -> None:
    parameters = Parameters(
        [("limit", "7"), ("limit", "8"), ("metadata.team", "red"), ("min_cost_cents", "0.01")]
    )

    assert parameters.whole("limit", 100, least=1, most=1000) == 7
    assert parameters.prefixed("metadata.") == (("team", "red"),)
    assert parameters.amount("min_cost_cents") == Decimal("0.01")
    parameters.check()
