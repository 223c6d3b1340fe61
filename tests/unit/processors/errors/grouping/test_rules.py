"""Fingerprints that people give: the sender's, and rules of the project."""

from typing import Any

import pytest

from processors.errors.grouping.groups import explain, group_of
from processors.errors.grouping.rules import MAX_TEXT_CHARS
from schemas.errors.event import ErrorEvent, Thrown
from schemas.errors.grouping import (
    DEFAULT_CONFIG,
    MAX_PATTERN_CHARS,
    FingerprintRule,
    GroupingConfig,
    Version,
)
from tests.unit.processors.errors.grouping.events import event, frame

V1 = GroupingConfig(version="open-sentry/v1")
FAILED = Thrown(
    "TimeoutError", "no answer", frames=(frame("pay", "shop/orders.py", module="shop.orders"),)
)


def failed(**more: Any) -> ErrorEvent:
    return event(FAILED, **more)


def by_rule(one: ErrorEvent, *rules: FingerprintRule, version: Version = "v2") -> str:
    return group_of(one, GroupingConfig(version, rules)).fingerprint


def rule(*match: tuple[str, str], to: tuple[str, ...] = ("x",), title: str = "") -> FingerprintRule:
    return FingerprintRule(match, to, title)


class TestOfTheSender:
    def test_it_decides_alone(self) -> None:
        one, other = failed(fingerprint=("a",)), event(message="other", fingerprint=("a",))

        assert by_rule(one) == by_rule(other) != by_rule(failed())

    def test_parts_are_not_joined(self) -> None:
        assert by_rule(failed(fingerprint=("a", "b"))) != by_rule(failed(fingerprint=("ab",)))

    @pytest.mark.parametrize("default", ["{{ default }}", "{{default}}", " {{ default }} "])
    def test_the_default_alone_changes_nothing(self, default: str) -> None:
        assert by_rule(failed(fingerprint=(default,))) == by_rule(failed())

    def test_the_default_beside_another_part_splits_the_default_group(self) -> None:
        one, other = (failed(fingerprint=("{{ default }}", name)) for name in "ab")
        elsewhere = event(message="other", fingerprint=("{{ default }}", "a"))

        assert len({by_rule(one), by_rule(other), by_rule(elsewhere), by_rule(failed())}) == 4

    def test_a_change_of_the_version_leaves_it(self) -> None:
        one = failed(fingerprint=("a",))

        assert group_of(one, V1).fingerprint == group_of(one, DEFAULT_CONFIG).fingerprint
        assert group_of(one, V1).others == ()

    def test_variables_are_filled_in(self) -> None:
        one = failed(fingerprint=("{{ transaction }}", "{{ tags.shop }}"), transaction="/pay")
        tagged = failed(
            fingerprint=("{{ transaction }}", "{{ tags.shop }}"),
            transaction="/pay",
            tags={"shop": "b"},
        )

        assert by_rule(one) == by_rule(failed(fingerprint=("/pay", "")))
        assert by_rule(tagged) == by_rule(failed(fingerprint=("/pay", "b")))

    def test_what_is_no_variable_stays_as_it_is_written(self) -> None:
        explanation = explain(failed(fingerprint=("{{ nothing }}",)), DEFAULT_CONFIG)

        assert explanation.hash_input == 'fingerprint ["{{ nothing }}"]'


MATCHING = (
    ("type", "Timeout*"),
    ("type", "timeouterror"),
    ("value", "no ?nswer"),
    ("module", "shop.*"),
    ("filename", "*/orders.py"),
    ("function", "pay"),
    ("logger", "shop"),
    ("level", "warning"),
    ("release", "shop@1.*"),
    ("environment", "prod*"),
    ("transaction", "/pay*"),
    ("tag.region", "eu-*"),
    ("message", "no answer"),
)
OTHERS = (
    ("type", "Timeout"),
    ("value", "no answer?"),
    ("module", "shop"),
    ("tag.region", "us-*"),
    ("tag.unknown", "*"),
    ("nothing", "*"),
    ("function", "[p]ay"),
)


class TestOfTheProject:
    one = failed(
        logger="shop",
        level="warning",
        release="shop@1.2.0",
        environment="production",
        transaction="/pay/{id}",
        tags={"region": "eu-1"},
    )

    @pytest.mark.parametrize(("field", "pattern"), MATCHING)
    def test_it_matches(self, field: str, pattern: str) -> None:
        assert by_rule(self.one, rule((field, pattern))) == by_rule(failed(fingerprint=("x",)))

    @pytest.mark.parametrize(("field", "pattern"), OTHERS)
    def test_it_does_not_match(self, field: str, pattern: str) -> None:
        assert by_rule(self.one, rule((field, pattern))) == by_rule(self.one)

    def test_all_pairs_must_match(self) -> None:
        both = rule(("type", "Timeout*"), ("logger", "other"))

        assert by_rule(self.one, both) == by_rule(self.one)

    def test_a_rule_without_pairs_matches_nothing(self) -> None:
        assert by_rule(self.one, rule()) == by_rule(self.one)

    def test_the_first_that_matches_counts(self) -> None:
        rules = (rule(("type", "no")), rule(("type", "*"), to=("a",)), rule(("type", "*")))

        assert by_rule(self.one, *rules) == by_rule(failed(fingerprint=("a",)))

    def test_it_counts_before_the_senders_fingerprint(self) -> None:
        one = failed(fingerprint=("sent",))

        assert by_rule(one, rule(("type", "*"))) == by_rule(failed(fingerprint=("x",)))

    def test_it_counts_by_every_version(self) -> None:
        pay = rule(("type", "*"))

        assert by_rule(self.one, pay, version="open-sentry/v1") == by_rule(self.one, pay)

    def test_any_frame_and_any_exception_of_a_chain_is_enough(self) -> None:
        chain = event(FAILED, Thrown("Wrapped", "by us", frames=(frame("run", "main.py"),)))
        matching = rule(("type", "Timeout*"), ("function", "pay"), ("value", "by us"))

        assert by_rule(chain, matching) == by_rule(failed(fingerprint=("x",)))

    def test_its_title_has_variables_too(self) -> None:
        titled = rule(("type", "*"), title="Slow: {{ transaction }}")

        assert group_of(self.one, GroupingConfig(rules=(titled,))).title == "Slow: /pay/{id}"

    def test_a_title_alone_leaves_the_group(self) -> None:
        titled = rule(("type", "*"), to=(), title="Slow")
        group = group_of(self.one, GroupingConfig(rules=(titled,)))

        assert (group.title, group.fingerprint) == ("Slow", by_rule(self.one))

    def test_an_explanation_names_the_rule(self) -> None:
        slow = rule(("type", "*"), to=("slow", "{{ default }}"))
        explanation = explain(self.one, GroupingConfig(rules=(slow,)))

        given, own = explanation.components

        assert (explanation.basis, explanation.rule) == ("rule", slow)
        assert [part.value for part in given.parts] == ["slow", by_rule(self.one)]
        assert not own.contributes
        assert own.reason == "a fingerprint stands above it"


class TestBounds:
    def test_the_worst_pattern_on_the_worst_text_is_read_to_its_bounds(self) -> None:
        pattern = "*a" * 10_000 + "b"
        one = failed(logger="a" * 1_000_000)

        assert by_rule(one, rule(("logger", pattern))) == by_rule(failed(fingerprint=("x",)))
        assert len(pattern) > MAX_PATTERN_CHARS
        assert len(one.logger) > MAX_TEXT_CHARS
