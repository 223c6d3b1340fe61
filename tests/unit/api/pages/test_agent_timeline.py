"""Events of agents become steps: pairs are one, and each stands within what set it going."""

import time
from typing import Any

from api.pages.llm.agents.timeline import Step, steps_of, waiting_us
from clickhouse.llm.agent_events import EventLine
from clickhouse.llm.trace_lines import TraceLine

SECOND_US = 1_000_000


def event(span_id: str, at_s: float, kind: str, event_type: str = "", **more: Any) -> EventLine:
    fields: dict[str, Any] = {
        "duration_ms": None,
        "source": "claude_code",
        "status": "success",
        "parent_span_id": None,
        "pair_key": "",
        "pair_role": "",
        "tool": None,
        "agent_name": None,
        "agent_id": "",
        "model": None,
        "cwd": None,
        "is_interrupt": None,
        "input_tokens": None,
        "output_tokens": None,
        "cost_cents": None,
        "input": "",
        "error": "",
        "said": "",
    }
    at_us = round(at_s * SECOND_US)
    return EventLine(
        span_id=span_id, at_us=at_us, kind=kind, event_type=event_type or kind, **(fields | more)
    )


def use(
    name: str, start_s: float, end_s: float, tool: str = "Bash", **more: Any
) -> list[EventLine]:
    """The two events of a use of a tool; `more` is of both."""
    ends = {"status": more.pop("status", "success"), "error": more.pop("error", "")}
    pair = {"pair_key": f"tool:{name}", "tool": tool, **more}
    return [
        event(f"{name}-start", start_s, "tool_use", "pre_tool_use", pair_role="start", **pair),
        event(f"{name}-end", end_s, "tool_use", "post_tool_use", pair_role="end", **pair, **ends),
    ]


def call(trace_id: str, at_s: float, latency_ms: float) -> TraceLine:
    return TraceLine(
        trace_id=trace_id,
        session_id="s",
        timestamp_us=round(at_s * SECOND_US),
        latency_ms=latency_ms,
        provider="openai",
        model="gpt-4o",
        model_used=None,
        status="success",
        input_tokens=10,
        output_tokens=5,
        cache_read_tokens=None,
        cost_cents=2.5,
        environment=None,
        user=None,
        output="Hello",
        error="",
        api_key=None,
    )


def tree(steps: list[Step]) -> list[tuple[int, str]]:
    return [(step.depth, step.label) for step in steps]


def ordered(*events: EventLine) -> list[EventLine]:
    return sorted(events, key=lambda one: (one.at_us, one.pair_role != "start"))


def test_a_start_and_its_end_are_one_step_with_what_each_says() -> None:
    given = '{"command":"make \\"all\\"\\ntest","timeout":9}'
    events = use("a", 1, 3.5, input=given, status="error", error='{"message":"exit code 1"}')
    (step,) = steps_of(events, [])

    assert (step.label, step.hint, step.is_error) == ("Bash", "exit code 1", True)
    assert (step.start_us, step.end_us) == (1_000_000, 3_500_000)
    assert (step.id, step.ids) == ("a-end", ["a-start", "a-end"])
    assert steps_of(use("a", 1, 2, input=given), [])[0].hint == 'make "all" test'


def test_a_start_without_an_end_is_open_and_an_end_without_a_start_says_itself_how_long() -> None:
    start, _ = use("a", 1, 2)
    _, end = use("b", 1, 9, duration_ms=2_000)
    first, second = steps_of([start, end], [])

    assert (first.is_open, first.end_us) == (True, None)
    assert (second.start_us, second.end_us) == (7_000_000, 9_000_000)


def test_an_id_that_is_used_again_is_another_step() -> None:
    steps = steps_of([*use("0", 1, 2), *use("0", 3, 5)], [])

    assert [(step.start_us, step.end_us) for step in steps] == [
        (1_000_000, 2_000_000),
        (3_000_000, 5_000_000),
    ]


def test_steps_stand_within_prompts_subagents_and_the_tools_that_ran_them() -> None:
    agent = {"pair_key": "agent:x", "agent_name": "explorer", "agent_id": "x"}
    events = ordered(
        event("begin", 0, "session", "session_start"),
        event("p1", 10, "user_prompt", said="Fix it"),
        *use("task", 11, 20, tool="Task"),
        event("sub", 12, "agent_run", "subagent_start", pair_role="start", **agent),
        *use("inner", 13, 14, tool="Grep", agent_id="x"),
        *use("beside", 13, 15, tool="Read"),
        event("sub-end", 19, "agent_run", "subagent_stop", pair_role="end", **agent),
        event("p2", 30, "user_prompt", said="Thanks"),
        event("answer", 31, "llm_response", model="opus"),
    )
    steps = steps_of(events, [call("t1", 11, 500)])

    assert tree(steps) == [
        (0, "Session start"),
        (0, "Fix it"),
        (1, "Task"),
        (2, "explorer"),
        (3, "Grep"),
        (1, "gpt-4o"),
        (1, "Read"),
        (0, "Thanks"),
        (1, "opus"),
    ]
    assert [steps[1].end_us, steps[7].end_us] == [20_000_000, 31_000_000]


def test_a_parent_that_is_named_counts_and_circles_of_parents_end() -> None:
    events = ordered(
        *use("outer", 1, 9),
        event("child", 2, "llm_response", parent_span_id="outer-start", model="m"),
        event("self", 3, "llm_response", parent_span_id="self", model="self"),
        event("c1", 4, "llm_response", parent_span_id="c2", model="c1"),
        event("c2", 5, "llm_response", parent_span_id="c1", model="c2"),
    )
    assert tree(steps_of(events, [])) == [(0, "Bash"), (1, "m"), (0, "self"), (0, "c1"), (1, "c2")]


def test_a_person_is_waited_for_after_a_notification_and_before_a_prompt() -> None:
    events = ordered(
        event("begin", 0, "session", "session_start"),
        event("p1", 4, "user_prompt"),
        event("n1", 10, "notification", said="May I use Bash?"),
        *use("a", 9, 40),
        event("n2", 50, "notification", said="Your turn"),
        event("p2", 170, "user_prompt"),
    )
    waits = [step for step in steps_of(events, []) if step.kind == "waiting"]

    assert [(one.label, one.until_us - one.start_us) for one in waits] == [
        ("May I use Bash?", 30_000_000),
        ("Your turn", 120_000_000),
    ]
    assert waiting_us(events) == (4 + 30 + 120) * SECOND_US


def test_an_interrupted_tool_says_so() -> None:
    (step,) = steps_of(use("a", 1, 2, status="error", is_interrupt=True), [])

    assert (step.hint, step.is_error) == ("interrupted", True)


def test_ten_thousand_events_of_any_shape_take_less_than_seconds() -> None:
    deep = [event(f"d{n}", n, "llm_response", parent_span_id=f"d{n - 1}") for n in range(3_000)]
    runs = [event(f"r{n}", 3_000 + n, "agent_run", agent_id="same") for n in range(3_000)]
    tools = [one for n in range(2_000) for one in use(f"t{n}", 6_000, 6_001, agent_id="same")]
    events = ordered(*deep, *runs, *tools)
    began = time.process_time()
    steps = steps_of(events, [])

    assert len(steps) == 8_000
    assert steps[2_999].depth == 2_999
    assert time.process_time() - began < 3


class TestSpansOfOpenTelemetry:
    def test_what_a_span_told_lasts_from_its_time_on(self) -> None:
        run, tool = f"{'a' * 32}-{'1' * 16}", f"{'a' * 32}-{'2' * 16}"
        steps = steps_of(
            [
                event(run, 10, "agent_run", "claude_code.interaction", duration_ms=5000.0),
                event(
                    *(tool, 12, "tool_use"),
                    tool="Bash",
                    duration_ms=1000.0,
                    parent_span_id=run,
                ),
            ],
            [],
        )
        assert [(step.label, step.depth, step.start_us, step.end_us) for step in steps] == [
            ("claude_code.interaction", 0, 10 * SECOND_US, 15 * SECOND_US),
            ("Bash", 1, 12 * SECOND_US, 13 * SECOND_US),
        ]

    def test_a_call_is_in_the_run_of_its_trace_that_goes_on_then(self) -> None:
        run, inner, after = (f"{'a' * 32}-{number * 16}" for number in "123")
        other = f"{'b' * 32}-{'4' * 16}"
        steps = steps_of(
            [event(run, 10, "agent_run", "claude_code.interaction", duration_ms=5000.0)],
            [call(inner, 11, 1000), call(other, 12, 1000), call(after, 20, 1000)],
        )
        assert {step.id: step.depth for step in steps} == {run: 0, inner: 1, other: 0, after: 0}

    def test_what_a_hook_told_lasted_until_its_time(self) -> None:
        (step,) = steps_of([event("h", 12, "tool_use", tool="Bash", duration_ms=1000.0)], [])
        assert (step.start_us, step.end_us) == (11 * SECOND_US, 12 * SECOND_US)
