"""What a page says of a form: the value, the rule, and nothing that is secret."""

from api.pages.forms import Problem, problem_of
from controlplane.failures import BadRequest

FIELDS = {"thresholdCount": "threshold_count", "secret": "secret", "Invalid email": "target"}


def told(message: str, **typed: str) -> Problem:
    return problem_of(BadRequest(message), FIELDS, {name: [text] for name, text in typed.items()})


def test_a_broken_rule_is_told_with_the_value_and_beside_the_field() -> None:
    found = told("thresholdCount: expected 1 to 100", threshold_count="500")

    assert found.field == "threshold_count"
    assert found.text == "Expected 1 to 100, not \u201c\u2068500\u2069\u201d."


def test_of_a_long_value_its_length_is_told() -> None:
    found = told("thresholdCount: expected 1 to 100", threshold_count="W" * 10_000)

    assert found.text == "Expected 1 to 100. This has 10,000 characters."


def test_an_empty_field_is_told_to_be_empty() -> None:
    found = told("thresholdCount: expected 1 to 100", threshold_count="  ")

    assert found.text == "Nothing is typed here. Expected 1 to 100."


def test_what_is_not_given_is_not_told() -> None:
    assert told("secret: expected no blanks") == Problem("Expected no blanks.", "secret")


def test_a_message_that_names_no_field_of_the_interface_stays() -> None:
    found = told("Invalid email")

    assert found == Problem("Invalid email: expected such as ann@example.com", "target")
