"""Rules as lines: what is written is read again, what cannot be read is said."""

import pytest

from api.pages.errors.settings.lines import patterns_in, patterns_text, rules_in, rules_text
from controlplane.failures import BadRequest
from schemas.errors.grouping import FingerprintRule
from schemas.errors.masking import OwnPattern


@pytest.mark.parametrize(
    "rule",
    [
        FingerprintRule((("type", "Timeout*"), ("tag.region", "eu")), ("timeouts",)),
        FingerprintRule((("message", 'a "b" \\ c'),), ("{{ default }}", "x, y"), 'Say "x"'),
        FingerprintRule((("message", "a -> b"),), ("c -> d", "{{ transaction }}"), "a -> b"),
        FingerprintRule((("value", "a:b,c"),), ("title=",)),
    ],
)
def test_a_rule_is_read_as_it_is_written(rule: FingerprintRule) -> None:
    assert rules_in(rules_text((rule, rule))) == (rule, rule)


def test_people_need_few_quotes() -> None:
    assert rules_in(
        'type:Timeout* message:"no answer" -> timeouts, {{ default }} title="Slow"'
    ) == (
        FingerprintRule(
            (("type", "Timeout*"), ("message", "no answer")), ("timeouts", "{{ default }}"), "Slow"
        ),
    )


@pytest.mark.parametrize("line", ["type:a", "-> a", "a b -> c", 'type:a -> "b', "type: -> b"])
def test_a_line_that_is_no_rule_is_rejected(line: str) -> None:
    with pytest.raises(BadRequest, match="^rules: "):
        rules_in(line)


def test_a_pattern_may_hold_the_sign_between() -> None:
    patterns = (OwnPattern("a", "x=y"), OwnPattern("b", r"\d+"))

    assert patterns_in(patterns_text(patterns)) == patterns
    with pytest.raises(BadRequest, match="^ownPatterns: "):
        patterns_in("just text")
