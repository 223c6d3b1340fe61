"""Each call is billed once, in whichever order and however often it is told."""

import random
from collections import Counter

import pytest

from processors.otel.billing import Mark, bill, mark_of, scope_of
from processors.otel.meaning import read_record, read_span
from processors.otel.records import record_id
from tests.unit.processors.otel.made import TRACE_ID, span
from tests.unit.processors.otel.senders import Told, claude_code_log, claude_code_span

SEED = 20_261_130


def call(identity: str, parent: str | None = None, **changed: object) -> Mark:
    given = {"role": "inference", "model": "gpt-4o", "input_tokens": 100, "output_tokens": 50}
    return Mark(id=identity, parent_id=parent, **{**given, **changed})  # type: ignore[arg-type]


def plain(identity: str, parent: str | None = None) -> Mark:
    return Mark(id=identity, parent_id=parent)


def billed(*marks: Mark) -> set[str]:
    return {name for name, verdict in bill(marks).items() if verdict == "billed"}


class TestDoubleInstrumentation:
    def test_a_parent_a_child_and_a_raw_copy_are_one_call(self) -> None:
        marks = [
            call("langfuse"),
            plain("http", "langfuse"),
            call("litellm", "http"),
            call("raw", "litellm", role="copy", input_tokens=None, output_tokens=None),
        ]

        assert bill(marks) == {"langfuse": "repeated", "litellm": "billed", "raw": "copy"}

    def test_a_parent_that_leaves_cached_tokens_out_repeats_its_child(self) -> None:
        inner = call("inner", "outer", cache_read_tokens=80, cache_write_tokens=10)

        assert billed(call("outer", input_tokens=10), inner) == {"inner"}

    def test_a_parent_that_adds_its_children_up_repeats_them(self) -> None:
        outer = call("outer", input_tokens=300, output_tokens=70)
        second = call("b", "outer", input_tokens=200, output_tokens=20)

        assert billed(outer, call("a", "outer"), second) == {"a", "b"}

    def test_a_call_within_a_call_that_is_another_counts_beside_it(self) -> None:
        assert billed(call("outer"), call("judge", "outer", input_tokens=7)) == {"outer", "judge"}

    def test_a_child_without_counts_is_the_call_around_it(self) -> None:
        inner = call("inner", "outer", input_tokens=None, output_tokens=None)

        assert billed(call("outer"), inner) == {"outer"}

    def test_equal_response_ids_are_one_call_wherever_they_are(self) -> None:
        one = call("a", "agent", response_id="r1")
        two = call("b", "agent", response_id="r1", cache_read_tokens=20, cache_write_tokens=0)

        assert billed(one, two, call("c", "agent", response_id="r2")) == {"b", "c"}

    def test_calls_beside_each_other_with_equal_counts_are_two(self) -> None:
        assert billed(call("a", "agent"), call("b", "agent")) == {"a", "b"}


class TestWrappers:
    def test_they_are_not_billed_beside_a_call(self) -> None:
        agent = call("agent", role="wrapper", input_tokens=900)

        assert bill([agent, call("a", "agent")]) == {"agent": "wrapper", "a": "billed"}

    def test_the_innermost_is_billed_where_there_is_no_call(self) -> None:
        assert billed(call("flow", role="wrapper"), call("agent", "flow", role="wrapper")) == {
            "agent"
        }


class TestAnyOrder:
    @pytest.mark.parametrize("number", range(150))
    def test_order_repetition_and_rings_change_nothing(self, number: int) -> None:
        chance = random.Random(f"{SEED}/{number}")
        marks = [_random_mark(str(n), chance) for n in range(chance.randint(1, 14))]
        expected = bill(marks)

        for _ in range(6):
            shuffled = [*marks, *chance.choices(marks, k=5)]
            chance.shuffle(shuffled)
            assert bill(shuffled) == expected, f"seed {SEED}/{number}"

    def test_a_late_span_takes_the_bill_over(self) -> None:
        outer = call("outer")

        assert billed(outer) == {"outer"}
        assert billed(outer, call("inner", "outer")) == {"inner"}

    def test_a_chain_of_10_000_spans_takes_no_time(self) -> None:
        chain = [plain(str(n), str(n + 1)) for n in range(10_000)]
        calls = [call(f"c{n}", str(n), response_id=f"r{n}") for n in range(0, 10_000, 10)]

        assert len(billed(*chain, *calls)) == 1_000


def _random_mark(identity: str, chance: random.Random) -> Mark:
    return Mark(
        id=identity,
        parent_id=chance.choice([None, *map(str, range(14))]),
        role=chance.choice(["inference", "inference", "copy", "wrapper", "none"]),
        is_record=chance.random() < 0.2,
        model=chance.choice([None, "a", "b"]),
        response_id=chance.choice([None, None, "r1", "r2"]),
        input_tokens=chance.choice([None, 0, 10, 20]),
        output_tokens=chance.choice([None, 5]),
        cache_read_tokens=chance.choice([None, 10]),
    )


class TestClaudeCode:
    CALL = Told("anthropic", "claude-opus-4-5-20251101", 91_660, 1_200, 84_562, 7_096)

    def test_a_span_and_a_record_of_one_request_are_one_call(self) -> None:
        sent, told = claude_code_span(self.CALL), claude_code_log(self.CALL)
        by_span, by_record = read_span(sent), read_record(told)
        marks = [
            mark_of(sent.span_id, None, by_span, is_record=False),
            mark_of(record_id(told), None, by_record, is_record=True),
        ]

        assert (
            scope_of(TRACE_ID, by_span)
            == scope_of(None, by_record)
            != scope_of(None, read_span(span({})))
        )
        assert Counter(bill(marks).values()) == {"billed": 1, "told_twice": 1}
        assert billed(*marks) == {sent.span_id}
        assert billed(marks[1]) == {record_id(told)}

    def test_without_a_request_id_the_counts_tell(self) -> None:
        spans = [call("a"), call("b", input_tokens=5)]
        records = [call(name, is_record=True) for name in ("r1", "r2")]

        assert len(billed(*spans, *records)) == 3

    def test_a_span_that_a_record_names_stands_for_no_other(self) -> None:
        span_of_a = call("s", response_id="a")
        records = [call(name, is_record=True, response_id=name) for name in ("a", "b")]

        assert billed(span_of_a, *records) == {"s", "b"}
