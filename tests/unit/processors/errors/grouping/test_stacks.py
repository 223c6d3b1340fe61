"""Which frames count, and what an explanation says of the others."""

import pytest

from processors.errors.grouping.groups import explain, group_of
from processors.errors.grouping.stacks import (
    FILE_ONLY,
    MACHINERY,
    NAMELESS,
    NOT_OURS,
    NOT_RECURSIVE,
    REPEATED,
)
from schemas.errors.event import ErrorEvent, Frame, Thread, Thrown
from schemas.errors.grouping import DEFAULT_CONFIG, Component
from tests.unit.processors.errors.grouping.events import event, frame

PYTHON = {"platform": "python"}


def thrown(*frames: Frame, type: str = "E", value: str = "v") -> Thrown:
    return Thrown(type, value, frames=frames)


def fingerprint(one: ErrorEvent) -> str:
    return group_of(one, DEFAULT_CONFIG).fingerprint


def lines(one: ErrorEvent) -> list[str]:
    return explain(one, DEFAULT_CONFIG).hash_input.split("\n")


def reasons(one: ErrorEvent) -> list[str]:
    (exception,) = explain(one, DEFAULT_CONFIG).components
    (stack,) = (part for part in exception.parts if part.name == "stack")
    return [part.reason for part in stack.parts]


class TestFrames:
    def test_code_of_others_is_left_out(self) -> None:
        one = event(thrown(frame("a", "a.py"), frame("b", "b.py", in_app=False)), **PYTHON)

        assert lines(one) == ["v2", "type E", "frame a.py a"]
        assert reasons(one) == ["", NOT_OURS]

    def test_a_package_is_of_others_whatever_the_sdk_says(self) -> None:
        one = event(thrown(frame("a", "a.js"), frame("b", "webpack://x/./node_modules/r/r.js")))

        assert reasons(one) == ["", NOT_OURS]

    def test_where_nobody_said_the_place_does(self) -> None:
        unknown = frame("b", "/usr/lib/python3.11/json/decoder.py", in_app=None)
        one = event(thrown(frame("a", "shop/a.py", in_app=None), unknown), **PYTHON)

        assert reasons(one) == ["", NOT_OURS]

    def test_all_count_where_none_is_of_the_application(self) -> None:
        one = event(thrown(frame("a", "a.py", in_app=False), frame("b", "b.py", in_app=False)))

        assert lines(one) == ["v2", "type E", "frame a.py a", "frame b.py b"]

    def test_machinery_is_left_out_even_then(self) -> None:
        loop = frame("_run_once", "asyncio/base_events.py", in_app=False)
        one = event(thrown(loop, frame("read", "redis/connection.py", in_app=False)), **PYTHON)

        assert reasons(one) == [MACHINERY, ""]

    def test_machinery_counts_where_there_is_nothing_else(self) -> None:
        loop = frame("_run_once", "asyncio/base_events.py", in_app=False)

        assert reasons(event(thrown(loop), **PYTHON)) == [""]
        assert "value v" in lines(event(thrown(loop), **PYTHON))

    def test_lines_paths_and_addresses_do_not_count(self) -> None:
        one = frame("f", "a.py", lineno=1, colno=1, abs_path="/x/a.py", instruction_addr="0x1")
        other = frame("f", "a.py", lineno=2, colno=2, abs_path="/y/a.py", instruction_addr="0x2")

        assert fingerprint(event(thrown(one))) == fingerprint(event(thrown(other)))

    def test_a_nameless_function_is_known_by_its_line_of_source(self) -> None:
        one, other = (
            frame("<lambda>", "a.py", context_line=f"  key=lambda row: row.{name}  ")
            for name in ("price", "name")
        )

        assert lines(event(thrown(one), **PYTHON))[-1] == "frame a.py key=lambda row: row.price"
        assert fingerprint(event(thrown(one), **PYTHON)) != fingerprint(
            event(thrown(other), **PYTHON)
        )

    def test_a_nameless_function_of_a_script_counts_at_the_end_alone(self) -> None:
        nameless, named = frame("t", "https://x.example/a.js"), frame("open", "a.js")
        one = event(thrown(nameless, named, type="Error"), platform="javascript")
        other = event(thrown(named, nameless, type="Error"), platform="javascript")

        assert reasons(one) == [FILE_ONLY, ""]
        assert lines(other)[1:] == ["type Error", "value v", "frame a.js open", "frame a.js"]

    def test_a_frame_that_says_nothing_does_not_count(self) -> None:
        assert reasons(event(thrown(frame("a", "a.py"), frame()))) == ["", NAMELESS]


class TestRecursion:
    a, b, c = (frame(name, "a.py") for name in "abc")

    @pytest.mark.parametrize("depth", [1, 2, 7])
    def test_its_depth_does_not_count(self, depth: int) -> None:
        deep = thrown(self.a, *(self.b, self.c) * depth, self.b, frame("fail", "a.py"))

        assert lines(event(deep))[2:] == ["frame a.py a", "frame a.py b", "frame a.py fail"]

    def test_what_lies_between_two_calls_is_said_to_repeat(self) -> None:
        assert reasons(event(thrown(self.a, self.b, self.a, self.c))) == [
            "",
            REPEATED,
            REPEATED,
            "",
        ]

    @pytest.mark.parametrize("last", [a, b, c])
    def test_where_the_stack_was_full_does_not_count(self, last: Frame) -> None:
        full = thrown(self.a, *(self.b, self.c) * 40, last, type="RecursionError")

        assert lines(event(full))[2:] == ["frame a.py b", "frame a.py c"]
        assert reasons(event(full))[0] == NOT_RECURSIVE


class TestExceptions:
    def test_each_of_a_chain_counts(self) -> None:
        cause, other = thrown(frame("a", "a.py"), type="Cause"), thrown(type="Other")
        last = thrown(frame("b", "b.py"))

        found = {fingerprint(event(*chain)) for chain in ((last,), (cause, last), (other, last))}

        assert len(found) == 3

    def test_one_that_is_like_another_says_nothing_new(self) -> None:
        one = thrown(frame("a", "a.py"))

        assert fingerprint(event(one, one, one)) == fingerprint(event(one))

    def test_the_last_ten_of_a_chain_count(self) -> None:
        chain = [thrown(frame(f"step_{number}", "a.py")) for number in range(12)]

        assert fingerprint(event(*chain)) == fingerprint(event(*chain[-10:]))
        assert fingerprint(event(*chain)) != fingerprint(event(*chain[-9:]))

    def test_a_type_that_the_sdk_made_up_does_not_count(self) -> None:
        one, other = (
            Thrown(type, "v", synthetic=True, frames=(frame("crash", "a.py"),))
            for type in ("Error", "UnhandledRejection")
        )

        assert fingerprint(event(one)) == fingerprint(event(other))

    def test_what_is_said_counts_where_no_frame_has_a_name(self) -> None:
        minified = (
            frame("t", "https://x.example/main.js"),
            frame("e", "https://x.example/main.js"),
        )
        one, other = (
            event(Thrown("TypeError", value, frames=minified), platform="javascript")
            for value in ("x is null", "y is null")
        )

        assert fingerprint(one) != fingerprint(other)

    def test_the_stack_of_the_thread_stands_for_that_of_the_exception(self) -> None:
        one, other = (
            event(
                Thrown("SIGSEGV", "at 0x1"),
                threads=(Thread(crashed=True, frames=(frame(name, "a.c"),)),),
            )
            for name in ("f", "g")
        )

        assert lines(one) == ["v2", "type SIGSEGV", "frame a.c f"]
        assert fingerprint(one) != fingerprint(other)


class TestMessages:
    stack = (frame("log", "a.py"),)

    def test_one_with_the_stack_that_sent_it_is_known_by_its_text(self) -> None:
        one = event(message="disk full", threads=(Thread(current=True, frames=self.stack),))

        assert lines(one) == ["v2", "message disk full"]

    def test_one_whose_stack_is_put_into_an_exception_is_one_too(self) -> None:
        stack = Thrown("", "disk full", synthetic=True, frames=self.stack)

        assert lines(event(stack, message="disk full")) == ["v2", "message disk full"]

    def test_one_of_a_thread_that_crashed_is_known_by_its_stack(self) -> None:
        one = event(message="disk full", threads=(Thread(crashed=True, frames=self.stack),))

        assert lines(one) == ["v2", "frame a.py log"]

    def test_an_empty_event_is_known_by_its_logger(self) -> None:
        explanation = explain(event(logger="shop"), DEFAULT_CONFIG)

        assert explanation.basis == "nothing"
        assert explanation.components == (Component("logger", "shop"),)
