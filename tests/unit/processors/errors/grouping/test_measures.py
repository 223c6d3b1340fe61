"""What the nearest peers get wrong: how many issues come of how many events."""

from uuid import UUID

import pytest

from processors.errors.grouping.groups import group_of
from schemas.errors.event import ErrorEvent, Thrown
from schemas.errors.grouping import DEFAULT_CONFIG
from tests.unit.processors.errors.grouping.events import event, frame


def groups(events: list[ErrorEvent]) -> int:
    return len({group_of(one, DEFAULT_CONFIG).fingerprint for one in events})


def text(number: int) -> str:
    moment = f"2026-11-{number % 28 + 1:02}T{number % 24:02}:00:{number % 60:02}.{number:03}Z"
    return f"Order {UUID(int=number * 7**40)} of user {number} failed at {moment}"


def test_300_messages_that_differ_by_uuid_number_and_time_are_one() -> None:
    assert groups([event(message=text(number)) for number in range(300)]) == 1


def test_300_exceptions_without_a_stack_are_one() -> None:
    assert groups([event(Thrown("OrderFailed", text(number))) for number in range(300)]) == 1


def test_50_events_of_one_stack_with_different_messages_are_one() -> None:
    frames = (frame("pay", "shop/orders.py"), frame("charge", "shop/cards.py"))
    words = [f"{'abcdefghij'[number % 10]} {'klmno'[number // 10]}" for number in range(50)]

    assert groups([event(Thrown("Declined", word, frames=frames)) for word in words]) == 1


@pytest.mark.parametrize("where", ["function", "filename", "module"])
def test_ten_stacks_with_the_same_type_and_message_are_ten(where: str) -> None:
    stacks = [
        frame(**{"function": "run", "filename": "shop/run.py", where: f"shop{sign}"})
        for sign in "abcdefghij"
    ]

    assert groups([event(Thrown("E", "boom", frames=(stack,))) for stack in stacks]) == 10


def test_ten_templates_of_messages_are_ten() -> None:
    assert groups([event(message=f"step {word} failed") for word in "abcdefghij"]) == 10


def test_the_template_counts_before_what_was_filled_in() -> None:
    names = ("ann", "bob", "cid")
    events = [event(message=f"hello {name}", template="hello %s") for name in names]

    assert groups(events) == 1


def test_a_template_that_is_all_parameter_does_not_count() -> None:
    events = [event(message=word, template="%s") for word in ("disk full", "no such host")]

    assert groups(events) == 2
