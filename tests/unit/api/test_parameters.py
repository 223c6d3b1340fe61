"""Query parameters and their zod-like refusals."""

from decimal import Decimal

import pytest

from api.parameters import (
    MOST_CHARS,
    MOST_KEY_CHARS,
    MOST_PARAMETERS,
    MOST_PREFIXED,
    InvalidParameters,
    Parameters,
)


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


def test_more_parameters_than_the_bound_are_refused_and_not_read() -> None:
    pairs = [(f"p{number}", "x") for number in range(MOST_PARAMETERS + 1)]

    parameters = Parameters(pairs)

    assert [issue["code"] for issue in parameters.issues] == ["too_big"]
    assert parameters.issues[0]["path"] == [f"p{MOST_PARAMETERS}"]
    assert str(MOST_PARAMETERS) in parameters.issues[0]["message"]
    assert len(parameters.values) == MOST_PARAMETERS


def test_a_value_over_its_length_is_refused_and_named() -> None:
    parameters = Parameters([("user", "x" * (MOST_CHARS + 1)), ("model", "y" * MOST_CHARS)])

    assert [(issue["path"], issue["maximum"]) for issue in parameters.issues] == [
        (["user"], MOST_CHARS)
    ]
    assert parameters.text("user") is None
    assert parameters.text("model") == "y" * MOST_CHARS


def test_more_filters_by_metadata_than_the_bound_are_refused_and_named() -> None:
    names = [f"metadata.k{number}" for number in range(2000)]
    most = Parameters([(name, "x") for name in names[:MOST_PREFIXED]])
    more = Parameters([(name, "x") for name in names[: MOST_PREFIXED + 1]])

    assert len(most.prefixed("metadata.")) == MOST_PREFIXED
    assert len(more.prefixed("metadata.")) == MOST_PREFIXED
    most.check()
    assert [(issue["path"], issue["maximum"]) for issue in more.issues] == [
        ([names[MOST_PREFIXED]], MOST_PREFIXED)
    ]
    with pytest.raises(InvalidParameters):
        more.check()


def test_a_key_of_metadata_over_its_length_is_refused() -> None:
    parameters = Parameters([("metadata." + "k" * (MOST_KEY_CHARS + 1), "x")])

    parameters.prefixed("metadata.")

    assert [issue["maximum"] for issue in parameters.issues] == [MOST_KEY_CHARS]
    assert len(parameters.issues[0]["path"][0]) == MOST_KEY_CHARS
