"""Query parameters: what is read, and what is rejected with its name and its rule."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest
from litestar import Request

from api.llm.filters import list_of_spans, list_of_traces
from api.parameters import (
    INVALID,
    MOST_CHARS,
    MOST_KEY_CHARS,
    MOST_PARAMETERS,
    MOST_PREFIXED,
    InvalidParameters,
    Page,
    prefixed,
    read,
    values_of,
)
from clickhouse.llm.filters import SpanFilter, TraceFilter
from schemas.issues import Issue


def issue_of(values: Mapping[str, str]) -> Issue:
    with pytest.raises(InvalidParameters, match=INVALID) as rejected:
        list_of_traces(values, ("openai",))
    (issue,) = rejected.value.details or []
    return issue


def values_in(query: str) -> Mapping[str, str]:
    scope: Any = {"type": "http", "query_string": query.encode()}
    return values_of(Request(scope))


@pytest.mark.parametrize("name", ["limit", "offset"])
@pytest.mark.parametrize(
    "text", ["abc", "1.5", "0x10", "1e-1", "1e999", "١", "null", "true", "5_0", "9" * 21]
)
def test_what_is_no_integer_is_rejected(name: str, text: str) -> None:
    assert issue_of({name: text}) == Issue([name], "Expected `int`, got `str`")


@pytest.mark.parametrize(
    ("name", "text", "rule"),
    [
        ("limit", "0", "Expected `int` >= 1"),
        ("limit", "1001", "Expected `int` <= 1000"),
        ("offset", "-1", "Expected `int` >= 0"),
        ("offset", str(1 << 53), f"Expected `int` <= {(1 << 53) - 1}"),
    ],
)
def test_an_integer_out_of_bounds_is_rejected(name: str, text: str, rule: str) -> None:
    assert issue_of({name: text}) == Issue([name], rule)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", 0),
        (" 7 ", 7),
        ("+7", 7),
        ("00000000000000000007", 7),
        ("5.0", 5),
        ("5.", 5),
        ("1e2", 100),
        ("1.5E1", 15),
        ("", 0),
        (" ", 0),
    ],
)
def test_an_integer_is_read_as_javascript_reads_it(text: str, number: int) -> None:
    assert read({"offset": text}, Page).offset == number


def test_an_empty_limit_is_zero_and_so_out_of_bounds() -> None:
    assert issue_of({"limit": ""}) == Issue(["limit"], "Expected `int` >= 1")


@pytest.mark.parametrize(
    "name", ["min_latency_ms", "max_latency_ms", "min_cost_cents", "max_cost_cents"]
)
@pytest.mark.parametrize("text", ["", "cheap", "NaN", "Infinity", "-1", "1e99999", "null"])
def test_an_amount_that_is_no_number_from_zero_on_is_rejected(name: str, text: str) -> None:
    assert issue_of({name: text}).path == [name]


@pytest.mark.parametrize("text", ["ok", "", "null", "SUCCESS"])
def test_an_unknown_choice_names_every_option_and_is_not_repeated(text: str) -> None:
    assert issue_of({"status": text}) == Issue(["status"], "Expected one of success, error")


@pytest.mark.parametrize("text", ["google", "", "null"])
def test_an_unknown_provider_names_every_one_that_is_known(text: str) -> None:
    assert issue_of({"provider": text}) == Issue(["provider"], "Expected one of openai")


def test_a_session_of_traces_may_be_left_out_but_not_be_empty() -> None:
    assert issue_of({"session_id": ""}).path == ["session_id"]


def test_an_empty_session_of_spans_is_as_good_as_absent() -> None:
    assert list_of_spans({"session_id": ""})[0] == SpanFilter()


def test_good_values_are_read() -> None:
    query = "limit=7&limit=7&metadata.team=red&min_cost_cents=0.01&max_cost_cents=0"

    wanted, page = list_of_traces(values_in(f"{query}&status=error&session_id=null"), ("openai",))

    assert (page.limit, page.offset) == (7, 0)
    assert wanted == TraceFilter(
        metadata=(("team", "red"),),
        min_cost_cents=Decimal("0.01"),
        max_cost_cents=Decimal(0),
        status="error",
        session_id="null",
    )


@pytest.mark.parametrize("name", ["model", "model_used", "user", "environment"])
def test_an_empty_text_is_as_good_as_absent(name: str) -> None:
    assert list_of_traces({name: ""}, ())[0] == TraceFilter()


@pytest.mark.parametrize(
    ("query", "values"),
    [
        ("", {}),
        ("user=a%20b+c&&model=", {"user": "a b c", "model": ""}),
        ("user=é%C3%A9%ff", {"user": "éé\ufffd"}),
        ("user=one&user=one", {"user": "one"}),
    ],
)
def test_a_query_string_is_read_as_browsers_write_it(query: str, values: dict[str, str]) -> None:
    assert values_in(query) == values


@pytest.mark.parametrize("query", ["user=first&user=second", "user=first&user", "user&user=first"])
def test_a_parameter_of_two_values_is_rejected(query: str) -> None:
    with pytest.raises(InvalidParameters) as rejected:
        values_in(query)

    (issue,) = rejected.value.details or []
    assert issue.path == ["user"]


@pytest.mark.parametrize("name", ["p", "user", ""])
def test_more_parameters_than_the_bound_are_rejected_repeated_and_blank_ones_too(name: str) -> None:
    pairs = [f"{name}=x" for _ in range(MOST_PARAMETERS)]

    assert values_in("&".join(pairs)) == {name: "x"}
    with pytest.raises(InvalidParameters) as rejected:
        values_in("&".join([*pairs, "one=more", "and=more"]))
    assert rejected.value.details == [
        Issue(["one"], f"Expected at most {MOST_PARAMETERS} parameters")
    ]


def test_a_value_over_its_length_is_rejected_and_named() -> None:
    assert values_in("model=" + "y" * MOST_CHARS)
    with pytest.raises(InvalidParameters) as rejected:
        values_in("user=" + "x" * (MOST_CHARS + 1))

    assert rejected.value.details == [Issue(["user"], f"Expected at most {MOST_CHARS} characters")]


def test_more_filters_by_metadata_than_the_bound_are_rejected_and_named() -> None:
    values = {f"metadata.k{number}": "x" for number in range(MOST_PREFIXED + 1)}
    name, _ = values.copy().popitem()

    issue = issue_of(values)

    del values[name]
    assert len(prefixed(values, "metadata.")) == MOST_PREFIXED
    assert issue == Issue([name], f"Expected at most {MOST_PREFIXED} parameters metadata.<key>")


def test_a_key_of_metadata_over_its_length_is_rejected() -> None:
    issue = issue_of({"metadata." + "k" * (MOST_KEY_CHARS + 1): "x"})

    assert str(MOST_KEY_CHARS) in issue.message
    assert len(str(issue.path[0])) == MOST_KEY_CHARS
