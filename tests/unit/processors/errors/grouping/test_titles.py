"""What an issue is called, and where it happened."""

from typing import Any

import pytest

from processors.errors.grouping.groups import group_of
from schemas.errors.event import Thrown
from schemas.errors.grouping import DEFAULT_CONFIG, Group
from tests.unit.processors.errors.grouping.events import event, frame


def group(*exceptions: Thrown, **more: Any) -> Group:
    return group_of(event(*exceptions, **more), DEFAULT_CONFIG)


@pytest.mark.parametrize(
    ("thrown", "title"),
    [
        (Thrown("ValueError", "first\nsecond"), "ValueError: first"),
        (Thrown("ValueError", "\n  \n"), "ValueError"),
        (Thrown("ValueError"), "ValueError"),
        (Thrown("", "said"), "said"),
        (Thrown(), "<unlabeled event>"),
        (Thrown("Error", "v", synthetic=True, frames=(frame("crash", "a.c"),)), "crash: v"),
        (Thrown("Error", "v", synthetic=True), "Error: v"),
        (Thrown("Error", "v", synthetic=True, frames=(frame("?", "a.js"),)), "Error: v"),
        (Thrown("", "v", synthetic=True, frames=(frame("crash", "a.js"),)), "v"),
    ],
)
def test_the_title_is_the_type_and_the_first_line(thrown: Thrown, title: str) -> None:
    assert group(thrown).title == title


def test_of_a_chain_it_is_that_of_the_last() -> None:
    assert group(Thrown("Cause", "a"), Thrown("Wrapped", "b")).title == "Wrapped: b"


def test_of_a_message_it_is_the_first_line_as_it_was_said() -> None:
    one = group(message="user 42 not found\nmore", template="user %s not found\nmore")

    assert (one.title, one.type) == ("user 42 not found", "")


@pytest.mark.parametrize("value", ["a" * 2000, "😀" * 2000, "x" + "😀" * 2000])
def test_it_is_at_most_500_units_without_half_a_character(value: str) -> None:
    title = group(Thrown("E", value)).title

    assert 499 <= len(title.encode("utf-16-le")) // 2 <= 500


class TestCulprit:
    own = frame("pay", "shop/orders.py", module="shop.orders")
    theirs = frame("send", "requests/api.py", in_app=False)

    def test_it_is_the_transaction(self) -> None:
        assert group(Thrown("E", frames=(self.own,)), transaction="/pay").culprit == "/pay"

    def test_else_the_innermost_frame_of_the_application(self) -> None:
        frames = (frame("main", "main.py"), self.own, self.theirs)

        assert group(Thrown("E", frames=frames)).culprit == "shop.orders in pay"

    def test_else_the_innermost_frame(self) -> None:
        assert group(Thrown("E", frames=(self.theirs,))).culprit == "requests/api.py in send"

    def test_a_function_without_a_name_is_not_said(self) -> None:
        assert group(Thrown("E", frames=(frame("?", "a.js"),))).culprit == "a.js"

    def test_else_nothing(self) -> None:
        assert group(Thrown("E", "v")).culprit == ""
