"""What each rule says of a call; refusals and hostile input first."""

import time
from typing import Any

import msgspec
import pytest

from processors.llm.judges.rules import NO_COST, NO_OUTPUT, NOTHING_EXPECTED, TOO_LARGE, rule_of
from processors.llm.judges.texts import MAX_CHARS, Subject, expected_of, input_of, subject_of
from schemas.llm.judges import NoVerdict, Rule, Verdict
from tests.unit.processors.judges.judged import answer_of

SOON_S = 10.0
"""Far more than any of it takes, and far less than what it would take without a bound."""


def say(rule: dict[str, Any], subject: Subject) -> Verdict | NoVerdict:
    return rule_of(msgspec.convert(rule, Rule))(subject)


def of_output(output: str | None, **named: Any) -> Subject:
    return subject_of(answer_of(output_text=output, **named))


def expecting(output: str, expected: Any) -> Subject:
    return subject_of(answer_of(output_text=output), expected)


class TestRegex:
    def test_a_pattern_that_would_take_for_ever_elsewhere_is_linear(self) -> None:
        began = time.monotonic()

        verdict = say({"type": "regex", "pattern": "(a+)+$"}, of_output("a" * 100_000 + "!"))

        assert verdict == Verdict(False)
        assert time.monotonic() - began < SOON_S

    def test_a_call_without_output_is_skipped_and_one_too_large_fails(self) -> None:
        rule = {"type": "regex", "pattern": "x"}

        assert say(rule, of_output(None)) is NO_OUTPUT
        assert say(rule, of_output("x" * (MAX_CHARS + 1))) is TOO_LARGE
        assert (NO_OUTPUT.is_failure, TOO_LARGE.is_failure) == (False, True)

    def test_what_the_store_left_out_of_an_answer_is_not_guessed(self) -> None:
        cut = of_output("Yes", response_body={"messages": [], "messagesLeftOut": 2})

        assert say({"type": "regex", "pattern": "x"}, cut) is TOO_LARGE

    def test_a_pattern_that_is_none_of_re2_is_an_error_and_no_verdict(self) -> None:
        with pytest.raises(ValueError, match="RE2"):
            say({"type": "regex", "pattern": r"(a)\1"}, of_output("aa"))

    @pytest.mark.parametrize(
        ("rule", "expected"),
        [
            ({"pattern": "^[0-9]+$"}, False),
            ({"pattern": "(?i)PARIS"}, True),
            ({"pattern": "sorry", "negate": True}, True),
            ({"pattern": "capital", "part": "input"}, True),
            ({"pattern": "Paris", "part": "input"}, False),
        ],
    )
    def test_it_is_found_or_not(self, rule: dict[str, Any], expected: bool) -> None:
        body = {"messages": [{"role": "user", "content": "The capital?"}]}
        subject = of_output("It is Paris.", request_body=body)

        assert say({"type": "regex", **rule}, subject) == Verdict(expected)


class TestExpected:
    @pytest.mark.parametrize("kind", ["contains", "equals", "similarity"])
    def test_where_nothing_is_expected_a_call_is_skipped(self, kind: str) -> None:
        assert say({"type": kind}, of_output("Paris")) is NOTHING_EXPECTED

    @pytest.mark.parametrize(
        ("kind", "output", "expected", "value"),
        [
            ("contains", "It is\n PARIS  now.", "paris now", True),
            ("contains", "It is Rome.", "paris", False),
            ("equals", " Paris\n", "paris", True),
            ("equals", "Paris.", "paris", False),
            ("equals", '{"b": 1, "a": [2]}', {"a": [2], "b": 1}, True),
            ("equals", '{"b": 1}', {"b": 2}, False),
            ("equals", "\uff30\uff21\uff32\uff29\uff33", "paris", True),
            ("similarity", "Paris", "paris", 1.0),
            ("similarity", "abcd", "abxd", 0.75),
            ("similarity", "abc", "xyz", 0.0),
        ],
    )
    def test_capitals_blanks_and_the_order_of_keys_do_not_count(
        self, kind: str, output: str, expected: Any, value: float | bool
    ) -> None:
        assert say({"type": kind}, expecting(output, expected)) == Verdict(value)

    def test_what_the_rule_expects_counts_before_what_the_call_does(self) -> None:
        rule = {"type": "equals", "expected": "Rome"}

        assert say(rule, expecting("rome", "Paris")) == Verdict(True)

    def test_texts_that_are_too_long_are_not_compared(self) -> None:
        began = time.monotonic()

        compared = say({"type": "similarity"}, expecting("ab" * 25_000, "ba" * 25_000))
        refused = say({"type": "similarity"}, expecting("ab" * 25_001, "x"))

        assert isinstance(compared, Verdict)
        assert isinstance(refused, NoVerdict)
        assert refused.is_failure
        assert time.monotonic() - began < SOON_S


def nested(depth: int) -> dict[str, Any]:
    """A schema of a few lines that asks 2 ** depth times."""
    levels = {
        f"l{n}": {"allOf": [{"$ref": f"#/$defs/l{n + 1}"}, {"$ref": f"#/$defs/l{n + 1}"}]}
        for n in range(depth)
    }
    return {"$ref": "#/$defs/l0", "$defs": {**levels, f"l{depth}": {"type": "object"}}}


LARGE = "[" + ",".join(["[9999]"] * 100_000) + "]"
HOSTILE = {
    "asks itself": ({"$ref": "#"}, "{}"),
    "doubles 40 times": (nested(40), "{}"),
    "many branches over a large value": ({"anyOf": [{"type": "string"}] * 3_000}, LARGE),
    "a huge enum of every item": ({"items": {"enum": [[n] for n in range(1_000, 10_000)]}}, LARGE),
    "many patterns": (
        {"items": {"allOf": [{"pattern": "(a+)+$"}] * 2_000}},
        '["' + "a" * 900_000 + '"]',
    ),
    "leads nowhere": ({"$ref": "#/$defs/none"}, "{}"),
    "another document": ({"$ref": "http://127.0.0.1:9/schema"}, "{}"),
    "leads to a text": ({"title": "x", "$ref": "#/title"}, "{}"),
    "leads to a list": ({"anyOf": [True], "$ref": "#/anyOf"}, "{}"),
    "leads to a bad type": ({"default": {"type": 5}, "$ref": "#/default"}, "{}"),
    "makes a keyword of a name": (
        {"$defs": {"unevaluatedProperties": False}, "$ref": "#/$defs"},
        '{"a":1}',
    ),
    "a number beyond floats": ({"multipleOf": 0.5}, "1" + "0" * 400),
}


class TestSchema:
    @pytest.mark.parametrize("name", HOSTILE)
    def test_a_hostile_schema_ends_soon_and_says_so(self, name: str) -> None:
        schema, output = HOSTILE[name]
        began = time.monotonic()

        verdict = say({"type": "json_schema", "schema": schema}, of_output(output))

        assert isinstance(verdict, NoVerdict)
        assert verdict.is_failure
        assert time.monotonic() - began < SOON_S

    def test_items_are_compared_in_linear_time(self) -> None:
        items = "[" + ",".join(f'{{"a":{n}}}' for n in range(60_000)) + "]"
        began = time.monotonic()

        verdict = say({"type": "json_schema", "schema": {"uniqueItems": True}}, of_output(items))

        assert verdict == Verdict(True)
        assert time.monotonic() - began < SOON_S

    def test_an_output_nested_too_deeply_is_no_verdict(self) -> None:
        deep = of_output("[" * 100_000)

        assert isinstance(say({"type": "json_schema", "schema": {}}, deep), NoVerdict)

    @pytest.mark.parametrize(
        ("schema", "output", "comment"),
        [
            ({}, "Sorry.", "no JSON: JSON is malformed: invalid character (byte 0)"),
            ({"required": ["a"]}, "{}", "$: 'a' is a required property"),
            ({"properties": {"a": {"type": "null"}}}, '{"a":1}', "$.a: 1 is not of type 'null'"),
            ({"additionalProperties": False}, '{"b":1}', "$: 'b' is none of the properties"),
            ({"pattern": "^a"}, '"b"', "$: the text does not match '^a'"),
            ({"patternProperties": {"^a": False}}, '{"ab":1}', None),
            ({"uniqueItems": True}, "[1,1]", "$: two items are the same"),
        ],
    )
    def test_the_first_failure_is_the_comment(
        self, schema: dict[str, Any], output: str, comment: str | None
    ) -> None:
        verdict = say({"type": "json_schema", "schema": schema}, of_output(output))

        assert isinstance(verdict, Verdict)
        assert (verdict.value, comment in (None, verdict.comment)) == (False, True)

    def test_what_fits_fits(self) -> None:
        schema = {
            "type": "object",
            "properties": {"list": {"$ref": "#/$defs/list"}},
            "patternProperties": {"^x": {}},
            "additionalProperties": False,
            "$defs": {"list": {"items": {"type": "integer"}, "uniqueItems": True}},
        }

        verdict = say({"type": "json_schema", "schema": schema}, of_output('{"list":[1,2],"x":0}'))

        assert verdict == Verdict(True)


class TestLimits:
    def test_a_cost_that_is_not_known_is_no_verdict(self) -> None:
        rule = {"type": "max_cost", "usd": "0.01"}

        assert say(rule, subject_of(answer_of(cost_cents=None))) is NO_COST
        assert say(rule, subject_of(answer_of(cost_cents=1))) == Verdict(True, "$0.01")
        assert say(rule, subject_of(answer_of(cost_cents=1.1))) == Verdict(False, "$0.011")

    def test_how_long_it_took_is_compared(self) -> None:
        rule = {"type": "max_latency", "ms": 1200}

        assert say(rule, subject_of(answer_of(latency_ms=1200))) == Verdict(True, "1200 ms")
        assert say(rule, subject_of(answer_of(latency_ms=1200.5))) == Verdict(False, "1200.5 ms")


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (None, ""),
        ({"prompt": "Once"}, "Once"),
        ({"foo": 1}, '{"foo":1}'),
        (
            {"system": "Be brief", "messages": [{"role": "user", "content": [{"text": "Hi"}]}]},
            "system: Be brief\nuser: Hi",
        ),
        ({"contents": [{"role": "user", "parts": [{"text": "Hi"}]}]}, "user: Hi"),
        ({"input": "Hi", "instructions": "Be brief"}, "system: Be brief\nHi"),
    ],
)
def test_the_input_is_what_was_said_and_by_whom(body: Any, text: str) -> None:
    assert input_of(body) == text


def test_what_is_expected_stands_in_the_metadata() -> None:
    told = {"experiment.expected": {"a": 1}, "experiment.dataset": "d", "experiment.item": "i"}

    expected, of = expected_of(answer_of(metadata=told))

    assert expected == {"a": 1}
    assert of is not None
    assert (of.dataset, of.item) == ("d", "i")
    assert expected_of(answer_of(metadata=["x"])) == (None, None)
