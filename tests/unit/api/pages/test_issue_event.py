"""One event as its page shows it: what is open, folded and cut; and all of it is text."""

import re
from typing import Any

import msgspec
import pytest
from msgspec import Raw

from api.pages.addresses import Address
from api.pages.errors.issues.crumbs import before
from api.pages.errors.issues.cutting import MOST_CHARS, Budget
from api.pages.errors.issues.event import EventShown, event_shown
from api.pages.errors.issues.stack import MOST_FRAMES, Asked, Chain, Stack
from api.pages.render import environment
from schemas.errors.event import (
    MAX_EXCEPTIONS,
    MAX_FRAMES,
    Breadcrumb,
    ErrorEvent,
    Frame,
    Person,
    Thread,
    Thrown,
)
from schemas.errors.event import Asked as Request

HOSTILE = "\"><img src=x onerror=window.hit=1><script>window.hit=1</script>'{{7777*7777}}"
AT_US = 1_700_000_000_000_000
PAGE = (
    '{% import "errors/_event.html" as events with context %}'
    '{{ events.event(shown, asked, "/raw", "UTC") }}'
)


def raw(value: Any) -> Raw:
    return Raw(msgspec.json.encode(value))


def event(**fields: Any) -> ErrorEvent:
    return ErrorEvent(event_id="a" * 32, timestamp_us=AT_US, **fields)


def thrown(*frames: Frame, **fields: Any) -> ErrorEvent:
    return event(exceptions=(Thrown(type="Error", value="boom", frames=frames, **fields),))


def shown(one: ErrorEvent, **asked: Any) -> EventShown:
    return event_shown(one, Asked(**asked))


def chain(one: ErrorEvent, **asked: Any) -> Chain:
    return shown(one, **asked).chain


def stack(*frames: Frame, **asked: Any) -> Stack:
    return chain(thrown(*frames), **asked).raised[0].stack


def functions(found: Stack) -> list[str | list[str]]:
    """Returns the calls in order, those that are folded as a list."""
    names: list[str | list[str]] = []
    for fold in found.folds:
        inner = [call.function.text for call in fold.calls]
        names += [inner] if fold.is_library else inner
    return names


def rendered(one: ErrorEvent, **asked: Any) -> str:
    want = Asked(**asked)
    address = Address("", "/p/p1/errors/issues/1", {}, "p1")
    template = environment().from_string(PAGE)
    return template.render(shown=event_shown(one, want), asked=want, address=address)


LIBRARY = [Frame(function=f"lib{n}", in_app=False) for n in range(3)]
MIXED = (LIBRARY[0], Frame(function="mine", in_app=True), LIBRARY[1], LIBRARY[2])


class TestStack:
    def test_the_newest_call_is_first_and_libraries_are_folded_except_the_last_call(self) -> None:
        assert functions(stack(*MIXED)) == ["lib2", ["lib1"], "mine", ["lib0"]]

    def test_all_calls_are_shown_when_they_are_asked_for(self) -> None:
        assert functions(stack(*MIXED, whole=True)) == ["lib2", "lib1", "mine", "lib0"]

    def test_in_the_order_of_the_sender_the_crash_is_last(self) -> None:
        assert functions(stack(*MIXED, order="sent")) == [["lib0"], "mine", ["lib1"], "lib2"]

    def test_of_a_stack_without_a_call_of_the_application_nothing_is_folded(self) -> None:
        found = chain(thrown(*LIBRARY))

        assert functions(found.raised[0].stack) == ["lib2", "lib1", "lib0"]
        assert not found.has_libraries

    @pytest.mark.parametrize(
        ("frames", "owned"),
        [
            ([None, None], [True, True]),
            ([None, True], [True, False]),
            ([None, False], [False, True]),
        ],
    )
    def test_where_nobody_says_whose_a_call_is_it_is_the_applications(
        self, frames: list[bool | None], owned: list[bool]
    ) -> None:
        found = stack(*(Frame(function=str(n), in_app=own) for n, own in enumerate(frames)))

        assert [call.is_app for fold in found.folds for call in fold.calls] == owned

    def test_equal_calls_in_a_row_are_one_with_their_number(self) -> None:
        again = [Frame(function="again", lineno=3, in_app=True)] * 50

        (fold,) = stack(*again).folds

        assert [(call.function.text, call.times) for call in fold.calls] == [("again", 50)]

    def test_the_newest_call_of_the_application_is_open_with_its_line_marked(self) -> None:
        source = {"pre_context": ("a", "b"), "context_line": "crash()", "post_context": ("c",)}
        mine = Frame(function="mine", in_app=True, lineno=10, **source)  # type: ignore[arg-type]

        found = stack(mine, Frame(function="older", in_app=True), LIBRARY[0])

        calls = {call.function.text: call for fold in found.folds for call in fold.calls}
        assert [name for name, call in calls.items() if call.is_open] == ["mine"]
        lines = [(line.number, str(line.html), line.is_crash) for line in calls["mine"].source]
        assert lines == [(8, "a", False), (9, "b", False), (10, "crash()", True), (11, "c", False)]

    def test_source_is_coloured_by_the_end_of_its_file(self) -> None:
        frame = Frame(filename="a/b.py", in_app=True, lineno=1, context_line="return None")

        (fold,) = stack(frame).folds

        assert '<span class="hl-k">return</span>' in fold.calls[0].source[0].html

    def test_a_chain_begins_with_what_was_raised_last_and_as_sent_with_its_cause(self) -> None:
        both = event(exceptions=(Thrown(type="Cause"), Thrown(type="Raised")))

        newest = [(one.type.text, one.is_cause) for one in chain(both).raised]
        sent = [(one.type.text, one.is_cause) for one in chain(both, order="sent").raised]

        assert newest == [("Raised", False), ("Cause", True)]
        assert sent == newest[::-1]

    def test_the_crashed_thread_comes_first_and_threads_without_a_stack_not_at_all(self) -> None:
        frame = Frame(function="f")
        threads = (
            Thread(id="1", name="idle", frames=(frame,)),
            Thread(id="2", name="empty", crashed=True),
            Thread(id="3", name="worker", crashed=True, frames=(frame,)),
        )

        found = chain(event(threads=threads))

        assert [one.name for one in found.threads] == ["worker", "idle"]

    def test_it_says_what_was_left_out_between_both_halves(self) -> None:
        frames = [Frame(function=f"f{n}", in_app=n % 2 == 0) for n in range(8)]

        html = rendered(thrown(*frames, frames_left_out=700))

        middle = html.index("700 calls of the middle")
        assert html.index("f6") < middle < html.index("f0")


class TestCrumbs:
    def test_the_newest_are_last_and_the_earlier_ones_folded(self) -> None:
        crumbs = tuple(Breadcrumb(timestamp_us=AT_US - n, message=str(n)) for n in range(40, 0, -1))

        found = shown(event(breadcrumbs=crumbs)).crumbs

        assert [one.message.text for one in found.earlier][:2] == ["40", "39"]
        assert [one.message.text for one in found.shown][-1] == "1"
        assert len(found.shown) == 15

    @pytest.mark.parametrize(
        ("us", "text"),
        [
            (AT_US - 2_400_000, "−2.4 s"),
            (AT_US, "0 s"),
            (AT_US + 60_000, "+60 ms"),
            (None, ""),
        ],
    )
    def test_each_says_how_long_before_the_error_it_was(self, us: int | None, text: str) -> None:
        assert before(us, AT_US) == text

    @pytest.mark.parametrize("us", [-1, 10**18, 10**30])
    def test_a_time_outside_of_any_calendar_is_unknown(self, us: int) -> None:
        html = rendered(event(breadcrumbs=(Breadcrumb(timestamp_us=us, message="odd"),)))

        assert "Its time cannot be read" in html


class TestAround:
    def test_contexts_that_most_events_have_come_first_and_empty_ones_not_at_all(self) -> None:
        given = {
            "zoo": {"a": 1},
            "runtime": {"name": "CPython", "version": "3.11", "type": "runtime"},
            "browser": {"name": "Firefox"},
            "empty": {"type": "empty"},
            "odd": 5,
        }

        found = shown(event(contexts=raw(given)))

        assert [one.title for one in found.contexts] == ["Browser", "Runtime", "Zoo", "Odd"]
        values = {one.name: one.value.text for one in found.highlights}
        assert values == {"browser": "Firefox", "runtime": "CPython 3.11"}

    def test_a_message_that_the_exception_says_too_is_shown_once(self) -> None:
        assert shown(event(message="boom", exceptions=(Thrown(value="boom"),))).message is None
        message = shown(event(message="other", exceptions=(Thrown(value="boom"),))).message
        assert message is not None
        assert message.text == "other"

    def test_a_tag_leads_to_the_issues_that_have_it(self) -> None:
        (tag,) = shown(event(tags={"customer": 'Ann "B"'})).tags

        assert tag.where == 'customer:"Ann \\"B\\""'

    @pytest.mark.parametrize("key", ["a b", "a:b", 'a"b', "", "-a"])
    def test_a_tag_whose_key_no_filter_can_name_leads_nowhere(self, key: str) -> None:
        (tag,) = shown(event(tags={key: "x"})).tags

        assert tag.where == ""

    @pytest.mark.parametrize("sent", [b"[1]", b'"text"', b"5", b"null", b"{", b"", b"\xff"])
    def test_parts_that_are_no_objects_break_nothing(self, sent: bytes) -> None:
        part = Raw(sent)
        one = event(
            contexts=part,
            extra=part,
            modules=part,
            user=Person(other=part),
            request=Request(cookies=part, data=part, env=part),
            breadcrumbs=(Breadcrumb(data=part),),
            exceptions=(Thrown(frames=(Frame(vars=part),)),),
        )

        assert rendered(one)


def everything(text: str) -> ErrorEvent:
    """Returns an event that has this text wherever its sender may put one."""
    held = raw({text: text, "nested": {text: [text]}})
    frame = Frame(
        *(text, text, text, text),
        **{"lineno": 5, "in_app": True, "pre_context": (text,), "context_line": text},  # type: ignore[arg-type]
        post_context=(text,),
        vars=held,
        package=text,
        instruction_addr=text,
    )
    stack = (frame, Frame(function=text, in_app=False))
    return event(
        **dict.fromkeys(("platform", "logger", "transaction", "release", "environment"), text),
        **dict.fromkeys(("server_name", "sdk_name", "sdk_version", "message", "template"), text),
        exceptions=(Thrown(text, text, text, text, False, frames=stack),) * 2,
        threads=(Thread(text, text, frames=stack),),
        user=Person(text, text, text, text, held),
        request=Request(text, f"javascript:{text}", text, ((text, text),), held, raw(text), held),
        tags={text: text, "plain": text},
        contexts=raw({text: {text: text, "name": text}, "browser": {"name": text}}),
        extra=held,
        modules=held,
        breadcrumbs=(Breadcrumb(AT_US, text, text, text, text, held),),
        problems=(text,),
    )


class TestHostileTexts:
    @pytest.mark.parametrize("asked", [{}, {"order": "sent"}, {"whole": True}])
    def test_whatever_a_sender_wrote_is_text(self, asked: dict[str, Any]) -> None:
        html = rendered(everything(HOSTILE), **asked)

        assert html.count("&lt;script&gt;") > 40
        assert "<script" not in html
        assert "<img" not in html
        assert "60481729" not in html

    def test_an_address_that_a_sender_wrote_is_never_a_link(self) -> None:
        one = event(
            request=Request(method="GET", url="javascript:alert(1)", query="javascript:alert(2)"),
            tags={"url": "javascript:alert(3)"},
        )

        links = re.findall(r'href="([^"]*)"', rendered(one))

        assert [link for link in links if not link.startswith(("/", "#"))] == []


class TestSize:
    def test_a_huge_event_makes_no_huge_page_and_says_what_is_missing(self) -> None:
        html = rendered(huge(), whole=True)

        assert len(html) < 1_500_000
        assert html.count('class="source"') < 100
        assert "in the raw event" in html
        assert "older calls are in the" in html
        assert "more exceptions of the chain" in html

    def test_what_was_raised_last_is_shown_whole_though_the_rest_is_huge(self) -> None:
        newest = Thrown(type="Newest", value="what counts", frames=MIXED)
        one = msgspec.structs.replace(huge(), exceptions=(*huge().exceptions[1:], newest))

        found = chain(one)

        assert found.raised[0].value is not None
        assert found.raised[0].value.text == "what counts"
        assert functions(found.raised[0].stack) == ["lib2", ["lib1"], "mine", ["lib0"]]

    def test_no_more_frames_are_shown_than_a_page_has(self) -> None:
        found = chain(huge(), whole=True)

        count = sum(len(fold.calls) for one in found.raised for fold in one.stack.folds)
        assert count == MOST_FRAMES

    def test_what_is_shown_of_all_texts_is_bounded(self) -> None:
        budget = Budget()
        for _ in range(1000):
            budget.cut("x" * 5000, 1000)

        assert budget.chars > -MOST_CHARS


def huge() -> ErrorEvent:
    long = "<&\"'" * 50_000
    held = raw({f"{n}{long[:500]}": [long[:5000]] * 5 for n in range(60)})
    frames = tuple(
        Frame(
            filename=f"{n}{long[:2000]}",
            function=long[:2000],
            lineno=n,
            in_app=True,
            context_line=long[:5000],
            pre_context=(long[:5000],) * 5,
            post_context=(long[:5000],) * 5,
            vars=held,
        )
        for n in range(MAX_FRAMES)
    )
    return event(
        message=long,
        exceptions=tuple(Thrown(long, long, frames=frames) for _ in range(MAX_EXCEPTIONS)),
        tags={f"{n}": long for n in range(200)},
        contexts=raw({str(n): {str(m): long[:3000] for m in range(50)} for n in range(5)}),
        extra=held,
        breadcrumbs=tuple(Breadcrumb(AT_US, message=long, data=held) for _ in range(100)),
        request=Request(url=long, headers=((long, long),) * 100, data=held),
    )
