"""What may be asked in an annotation queue, and what may be said."""

from typing import Any

import pytest

from schemas.issues import RuleBroken
from schemas.llm.annotation import (
    Given,
    QueueForm,
    Rule,
    check_given,
    checked_queue,
    id_prefix,
    score_id_of,
)

YES = Rule(name="correct", type="boolean")
TONE = Rule(name="tone", type="categorical", categories=("kind", "rude"))
MARK = Rule(name="mark", type="numeric", min=1, max=5)


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"name": "  "}, "name"),
        ({"name": "x" * 121}, "name"),
        ({"name": "a\0"}, "name"),
        ({"description": "x" * 501}, "description"),
        ({"instructions": "x" * 10_001}, "instructions"),
        ({"reviewers": 0}, "reviewers"),
        ({"reviewers": 6}, "reviewers"),
        ({"scores": ()}, "scores"),
        ({"scores": (YES, YES)}, "scores"),
        ({"scores": tuple(Rule(name=f"n{n}", type="boolean") for n in range(11))}, "scores"),
        ({"scores": (Rule(name="a", type="boolean", min=1),)}, "scores: a"),
        ({"scores": (Rule(name="a", type="numeric", categories=("b", "c")),)}, "scores: a"),
        ({"scores": (Rule(name="a", type="numeric", min=2, max=2),)}, "scores: a"),
        ({"scores": (Rule(name="a", type="numeric", max=float("inf")),)}, "scores: a"),
        ({"scores": (Rule(name="a", type="categorical", categories=("b",)),)}, "scores: a"),
        ({"scores": (Rule(name="a", type="categorical", categories=("b", "b")),)}, "scores: a"),
        ({"scores": (Rule(name="a", type="categorical", categories=("b", " c")),)}, "scores: a"),
        ({"scores": (Rule(name="a", type="boolean", description="x" * 501),)}, "scores"),
    ],
)
def test_a_queue_that_breaks_a_rule_is_rejected_with_the_field(
    fields: dict[str, Any], path: str
) -> None:
    with pytest.raises(RuleBroken) as caught:
        checked_queue(QueueForm(**{"name": "Week", "scores": (YES,), **fields}))

    assert str(caught.value.path[0]).startswith(path)


@pytest.mark.parametrize("values", [{"correct": False, "tone": "rude", "mark": 1}, {"mark": 4.5}])
def test_what_is_asked_for_is_taken(values: dict[str, Any]) -> None:
    check_given((YES, TONE, MARK), Given(values=values))


@pytest.mark.parametrize(
    "values", [{}, {"mark": 5.1}, {"mark": True}, {"mark": "1"}, {"tone": "sad"}, {"other": 1}]
)
def test_what_is_not_asked_for_is_rejected(values: dict[str, Any]) -> None:
    with pytest.raises(RuleBroken):
        check_given((YES, TONE, MARK), Given(values=values))


@pytest.mark.parametrize(
    ("rule", "choices"),
    [
        (YES, (True, False)),
        (TONE, ("kind", "rude")),
        (MARK, (1, 2, 3, 4, 5)),
        (Rule(name="a", type="numeric", min=0, max=9), tuple(range(10))),
        (Rule(name="a", type="numeric", min=0, max=10), ()),
        (Rule(name="a", type="numeric", min=0, max=0.5), ()),
        (Rule(name="a", type="numeric", min=0), ()),
        (Rule(name="a", type="numeric"), ()),
    ],
)
def test_few_values_are_chosen_by_a_key(rule: Rule, choices: tuple[Any, ...]) -> None:
    assert rule.choices == choices


def test_a_score_has_the_same_id_for_the_same_person_and_another_for_each_other() -> None:
    ids = {
        score_id_of("queue", item, name, user)
        for item in ("one", "two")
        for name in ("a", "b")
        for user in ("x", "y")
    }

    assert len(ids) == 8
    assert all(one.startswith(id_prefix("queue")) for one in ids)
    assert score_id_of("queue", "one", "a", "x") in ids
