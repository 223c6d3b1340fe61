"""A form of an escalation policy: what it shows and means; targets are not told again."""

import pytest

from api.pages.uptime.policies import count_steps, policy_in, policy_texts, problem_of_policy
from controlplane.failures import BadRequest, Conflict
from schemas.uptime.escalation import PolicyForm, PolicyStep

SECRET = "slack://tokena/tokenb/of-nobody-elses-business"
POLICY = PolicyForm(
    name="On call",
    steps=[
        PolicyStep(notifications=[SECRET, "mailto:ann@example.com"]),
        PolicyStep(after_seconds=300, notifications=["json://hidden.example"]),
    ],
    repeat_count=2,
)
TYPED = {
    "name": "On call",
    "repeat_count": "0",
    "remind_after_seconds": "1800",
    "after_0": "",
    "notifications_0": "mailto:ann@example.com",
}


def test_a_form_that_is_sent_back_as_it_was_changes_nothing_and_shows_no_secret() -> None:
    texts = policy_texts(POLICY)

    assert "business" not in str(texts)
    assert "hidden" not in str(texts)
    assert texts["notifications_0"].splitlines()[1] == "mailto:ann@example.com"
    assert policy_in(texts, POLICY) == POLICY


def test_a_target_may_move_to_another_step() -> None:
    texts = policy_texts(POLICY) | {"notifications_0": "json://…#3", "notifications_1": ""}
    texts |= {"notifications_2": "slack://…#1", "after_2": "60"}

    form = policy_in(texts, POLICY)

    assert form.steps == [
        PolicyStep(notifications=["json://hidden.example"]),
        PolicyStep(after_seconds=60, notifications=[SECRET]),
    ]


def test_a_form_has_room_for_more_steps_up_to_as_many_as_there_may_be() -> None:
    assert count_steps({}) == 3
    assert count_steps(policy_texts(POLICY)) == 4
    assert count_steps({"notifications_19": "x"}) == 20


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"name": ""}, "name"),
        ({"repeat_count": "21"}, "repeat_count"),
        ({"repeat_count": "often"}, "repeat_count"),
        ({"remind_after_seconds": "5"}, "remind_after_seconds"),
        ({"after_0": "9999999"}, "after_0"),
        ({"after_0": "soon"}, "after_0"),
        ({"notifications_0": ""}, "notifications_0"),
        ({"notifications_0": "slack://…#1"}, "notifications_0"),
        ({"notifications_3": "x://…#9"}, "notifications_3"),
    ],
)
def test_what_is_wrong_is_said_at_its_field(changed: dict[str, str], field: str) -> None:
    typed = TYPED | changed

    with pytest.raises(BadRequest) as caught:
        policy_in(typed)

    assert problem_of_policy(caught.value, typed).field == field


@pytest.mark.parametrize(
    ("error", "field"),
    [
        (BadRequest("steps[1].notifications[0]: Apprise does not know x://…"), "notifications_3"),
        (BadRequest("steps: expected after_seconds that never go back"), "after_3"),
        (Conflict("A policy is called 'On call' already"), "name"),
    ],
)
def test_what_others_find_wrong_is_said_at_the_row_that_was_typed(
    error: BadRequest | Conflict, field: str
) -> None:
    typed = TYPED | {"notifications_3": SECRET, "after_3": "0"}

    problem = problem_of_policy(error, typed)

    assert problem.field == field
    assert "business" not in problem.text
