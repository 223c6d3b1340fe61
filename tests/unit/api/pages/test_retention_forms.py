import pytest

from api.pages.settings.retention_forms import change_in, rule_places, texts_of
from controlplane.failures import BadRequest
from schemas.retention import MOST_RULES, KeepRule, RetentionPolicy

POLICY = RetentionPolicy(
    kinds={"calls": 90, "logs": 14},
    sums_days=800,
    rules=(KeepRule("error", 400), KeepRule("cost", 365, "0.5")),
    sample_from_days=30,
    sample_percent=12.5,
)


def test_a_form_that_is_sent_as_it_is_shown_changes_nothing() -> None:
    assert change_in(texts_of(POLICY)).policy == POLICY
    assert change_in(texts_of(RetentionPolicy())).policy == RetentionPolicy()
    exact = RetentionPolicy(sample_from_days=30, sample_percent=12.3456789)
    assert change_in(texts_of(exact)).policy == exact


@pytest.mark.parametrize(
    ("field", "text", "said"),
    [
        ("days_logs", "0", "kinds.logs: "),
        ("days_logs", "3651", "kinds.logs: "),
        ("days_logs", "x", "kinds.logs: "),
        ("sums_days", "-1", "sums_days: "),
        ("sample_percent", "101", "sample_percent: "),
        ("sample_percent", "nan", "sample_percent: "),
        ("rule_days_0", "", "rules: "),
        ("when_0", "never", "rules: "),
    ],
)
def test_what_is_wrong_names_its_field(field: str, text: str, said: str) -> None:
    with pytest.raises(BadRequest) as caught:
        change_in(texts_of(POLICY) | {field: text})

    assert caught.value.message.startswith(said)


def test_two_more_rules_can_be_added_until_there_are_as_many_as_may_be() -> None:
    assert list(rule_places(texts_of(POLICY))) == [0, 1, 2, 3]
    assert len(rule_places({f"when_{n}": "error" for n in range(MOST_RULES)})) == MOST_RULES
