"""What a project may set for its errors."""

import pytest
from msgspec.structs import replace

from controlplane.errors.settings_checks import checked
from controlplane.failures import BadRequest
from schemas.errors.grouping import FingerprintRule, GroupingConfig
from schemas.errors.masking import DEFAULT_RULES, OwnPattern
from schemas.errors.settings import ProjectErrorsSettings

RULE = FingerprintRule((("type", "Timeout*"), ("tag.region", "eu")), ("timeouts",), "Slow")


@pytest.mark.parametrize(
    ("masking", "says"),
    [
        ({"own_fields": ("a",) * 1 + tuple(f"f{i}" for i in range(100))}, "ownFields"),
        ({"own_fields": ("x" * 65,)}, "ownFields"),
        ({"own_fields": ("größe",)}, "ownFields"),
        ({"kept_fields": ("--",)}, "keptFields"),
        ({"own_patterns": (OwnPattern("e", "("),)}, "missing"),
        ({"own_patterns": (OwnPattern("e", "(?=x)"),)}, "ownPatterns: e"),
        ({"own_patterns": (OwnPattern("e", "((a{100}){100}){10}"),)}, "ownPatterns: e"),
        ({"own_patterns": (OwnPattern("e", "x" * 501),)}, "500"),
        ({"own_patterns": (OwnPattern("e", "x*"),)}, "empty"),
        ({"own_patterns": (OwnPattern("e", r"\[e\]"),)}, "itself"),
        ({"own_patterns": (OwnPattern("E]", "x"),)}, "a name has"),
        ({"own_patterns": tuple(OwnPattern(f"e{i}", "x") for i in range(21))}, "at most 20"),
    ],
)
def test_what_cannot_be_masked_by_is_rejected(masking: dict[str, object], says: str) -> None:
    wrong = ProjectErrorsSettings(replace(DEFAULT_RULES, **masking))

    with pytest.raises(BadRequest, match=says):
        checked(wrong)


@pytest.mark.parametrize(
    "rule",
    [
        FingerprintRule((), ("a",)),
        FingerprintRule((("type", "a"),), ()),
        FingerprintRule((("type", "a"),), ("",)),
        FingerprintRule((("colour", "a"),), ("a",)),
        FingerprintRule((("tag.", "a"),), ("a",)),
        FingerprintRule((("type", "x" * 201),), ("a",)),
        FingerprintRule((("type", "a"),) * 21, ("a",)),
        FingerprintRule((("type", "a"),), ("a",), "x" * 501),
    ],
)
def test_rules_that_cannot_match_are_rejected(rule: FingerprintRule) -> None:
    wrong = ProjectErrorsSettings(grouping=GroupingConfig(rules=(RULE, rule)))

    with pytest.raises(BadRequest, match="rules: 2"):
        checked(wrong)
