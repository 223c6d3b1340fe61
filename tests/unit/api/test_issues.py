"""The words of refusals: the samples of contracts.md 1.a.1, to the letter."""

from schemas.issues import invalid_format, invalid_option, invalid_type, too_big, too_small


def test_a_missing_value_reads_as_in_the_original() -> None:
    assert invalid_type("string", received="undefined", path=[0, "trace_id"]) == {
        "expected": "string",
        "code": "invalid_type",
        "path": [0, "trace_id"],
        "message": "Invalid input: expected string, received undefined",
    }
    assert invalid_type("int")["message"] == "Invalid input: expected int"


def test_an_unknown_option_reads_as_in_the_original() -> None:
    assert invalid_option(["openai", "anthropic", "openrouter"], path=[0, "provider"]) == {
        "code": "invalid_value",
        "values": ["openai", "anthropic", "openrouter"],
        "path": [0, "provider"],
        "message": 'Invalid option: expected one of "openai"|"anthropic"|"openrouter"',
    }


def test_options_of_a_form_stand_in_the_message_alone() -> None:
    issue = invalid_option(["day"], patterns=["metadata.<key>"])

    assert issue["values"] == ["day"]
    assert issue["message"] == 'Invalid option: expected one of "day"|"metadata.<key>"'


def test_bounds_read_as_in_the_original() -> None:
    assert too_big("array", 100) == {
        "origin": "array",
        "code": "too_big",
        "maximum": 100,
        "inclusive": True,
        "path": [],
        "message": "Too big: expected array to have <=100 items",
    }
    assert too_small("number", 0, path=[0, "latency_ms"]) == {
        "origin": "number",
        "code": "too_small",
        "minimum": 0,
        "inclusive": True,
        "path": [0, "latency_ms"],
        "message": "Too small: expected number to be >=0",
    }
    string = too_small("string", 1)["message"]
    assert string == "Too small: expected string to have >=1 characters"
    what = too_big("number", 9, what="limit times periods")["message"]
    assert what == "Too big: expected limit times periods to be <=9"


def test_a_wrong_format_reads_as_in_the_original() -> None:
    assert invalid_format("datetime", "Invalid ISO datetime", pattern="…", path=["date_from"]) == {
        "origin": "string",
        "code": "invalid_format",
        "format": "datetime",
        "pattern": "…",
        "path": ["date_from"],
        "message": "Invalid ISO datetime",
    }
    assert "pattern" not in invalid_format("uuid", "Invalid UUID")
