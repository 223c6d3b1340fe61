"""What a call asks that the call before it did not, in the shapes that providers have."""

import time
from typing import Any

import pytest

from api.pages.llm.difference import Request, difference_of
from api.pages.parts.against import Difference, Setting, Tools
from api.pages.parts.messages import Word

SYSTEM = {"role": "system", "content": "You are helpful and brief."}
CACHED = {"cache_control": {"type": "ephemeral"}}


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def assistant(text: str) -> dict[str, Any]:
    return {"role": "assistant", "content": text}


def between(before: Any, now: Any, *, models: tuple[str, str] = ("m", "m")) -> Difference:
    return difference_of(Request(models[0], before), Request(models[1], now))


def states(found: Difference) -> str:
    return " ".join(one.state for one in found.said)


SAME = {"same": 2, "new": 2, "changed": 0, "dropped": 0}
REPEATED: list[tuple[str, Any, Any]] = [
    (
        "chat completions",
        {"messages": [SYSTEM, user("Hi")]},
        {"messages": [SYSTEM, user("Hi"), assistant("Yo"), user("More")]},
    ),
    (
        "anthropic, whose clients move the mark of the cache and make lists of texts",
        {"system": "You are brief.", "messages": [user("Hi")]},
        {
            "system": [{"type": "text", "text": "You are brief.", **CACHED}],
            "messages": [
                {"role": "user", "content": [{"type": "text", "text": "Hi"}]},
                {"role": "assistant", "content": [
                    {"type": "tool_use", "id": "t", "name": "look", "input": {}}]},
                {"role": "user", "content": [
                    {"type": "tool_result", "tool_use_id": "t", "content": "x", **CACHED}]},
            ],
        },
    ),
    (
        "responses",
        {"instructions": "Be brief.", "input": "Hi"},
        {
            "instructions": "Be brief.",
            "input": [
                user("Hi"),
                {"type": "function_call", "call_id": "c", "name": "look", "arguments": "{}"},
                {"type": "function_call_output", "call_id": "c", "output": "x"},
            ],
        },
    ),
    (
        "google",
        {"systemInstruction": {"parts": [{"text": "A"}]},
         "contents": [{"role": "user", "parts": [{"text": "Hi"}]}]},
        {"systemInstruction": {"parts": [{"text": "A"}]},
         "contents": [{"role": "user", "parts": [{"text": "Hi"}]},
                      {"role": "model", "parts": [{"text": "Yo"}]},
                      {"role": "user", "parts": [{"text": "More"}]}]},
    ),
]  # fmt: skip


@pytest.mark.parametrize(("name", "before", "now"), REPEATED, ids=[one[0] for one in REPEATED])
def test_what_is_said_again_is_the_same_and_the_rest_is_new(
    name: str, before: Any, now: Any
) -> None:
    found = between(before, now)

    assert found.counts == SAME
    assert states(found) == "same same new new"
    assert not found.is_system_changed


def test_a_summary_in_the_place_of_many_messages_drops_them() -> None:
    many = [user(f"question {n}") if n % 2 else assistant(f"answer {n}") for n in range(40)]

    found = between(
        {"messages": [SYSTEM, *many]},
        {"messages": [SYSTEM, user("In short: a lot."), *many[-2:], user("And?")]},
    )

    assert found.counts == {"same": 3, "new": 2, "changed": 0, "dropped": 38}
    assert states(found) == f"same {'dropped ' * 38}new same same new"


def test_a_result_that_was_cleared_is_changed_and_its_words_are_told() -> None:
    def result(text: str) -> dict[str, Any]:
        return {"role": "tool", "tool_call_id": "c", "content": text}

    found = between(
        {"messages": [user("Hi"), result("a long result")]},
        {"messages": [user("Hi"), result("[cleared]"), assistant("So")]},
    )

    assert states(found) == "same changed new"
    assert [word.kind for word in found.said[1].words] == ["same", "old", "new"]


def test_words_of_the_system_prompt_that_changed_are_told() -> None:
    rules = "".join(f"Rule {n} is to be kept.\n" for n in range(40))
    found = between(
        {"system": f"{rules}Today is Monday.\n", "messages": []},
        {"system": f"{rules}Today is Tuesday.\n", "messages": []},
    )

    assert found.is_system_changed
    (cut, same, *words) = found.said[0].words
    assert cut.kind == "cut"
    assert same.text.endswith("Rule 39 is to be kept.\nToday is")
    assert words == [Word("old", " Monday"), Word("new", " Tuesday"), Word("same", ".\n")]


def test_settings_and_the_model_that_changed_are_named() -> None:
    found = between(
        {"model": "a", "temperature": 0.2, "stop": ["x"], "stream": True, "metadata": {"a": 1},
         "generationConfig": {"topK": 1}},
        {"model": "b", "temperature": 0.7, "max_tokens": 5, "stream": True, "metadata": {"a": 2},
         "generationConfig": {"topK": 2}},
        models=("a", "b"),
    )  # fmt: skip

    assert found.settings == [
        Setting("model", "a", "b"),
        Setting("max_tokens", None, "5"),
        Setting("stop", '["x"]', None),
        Setting("temperature", "0.2", "0.7"),
        Setting("topK", "1", "2"),
    ]


@pytest.mark.parametrize(
    "shape",
    [
        lambda name, text: {"type": "function", "function": {"name": name, "description": text}},
        lambda name, text: {"name": name, "input_schema": {}, "description": text, **CACHED},
        lambda name, text: {"type": "function", "name": name, "description": text},
        lambda name, text: {"functionDeclarations": [{"name": name, "description": text}]},
    ],
    ids=["chat completions", "anthropic", "responses", "google"],
)
def test_tools_that_came_went_and_changed_are_named(shape: Any) -> None:
    found = between(
        {"tools": [shape("kept", "a"), shape("gone", "a"), shape("other", "a")]},
        {"tools": [shape("kept", "a"), shape("other", "b"), shape("come", "a")]},
    )

    assert found.tools == Tools(["come"], ["gone"], ["other"])


def test_where_the_provider_keeps_what_was_said_nothing_is_dropped() -> None:
    output = {"type": "function_call_output", "call_id": "c", "output": "x"}

    found = between({"input": "Hi"}, {"input": [output], "previous_response_id": "r"})

    assert found.counts == {"same": 0, "new": 1, "changed": 0, "dropped": 0}


@pytest.mark.parametrize("odd", [None, [], "text", 7, {}, {"messages": 7}, {"tools": [7]}])
def test_bodies_of_any_kind_are_compared(odd: Any) -> None:
    found = between(odd, {"messages": [user("Hi")], "tools": [{}]})

    assert found.counts["new"] + found.counts["changed"] == 1
    between({"messages": [user("Hi")]}, odd)


def test_large_and_hostile_bodies_take_no_time() -> None:
    words = [f"w{n * 7919 % 300}" for n in range(200_000)]
    cut = [user(" ".join(words[at : at + 900])) for at in range(0, 180_000, 900)]
    moved = [user(" ".join(words[at + 3 : at + 890])) for at in range(0, 180_000, 900)]
    short = [user("ab"[n % 2]) for n in range(5000)]
    lines = "\n".join(words)

    began = time.process_time()
    between({"messages": cut}, {"messages": moved})
    between({"messages": short}, {"messages": [*short[1:], *short[:1000][::-1]]})
    between({"system": lines}, {"system": "\n".join(words[::-1])})

    # Half a second on a slow machine; it grows as the square where nothing bounds it.
    assert time.process_time() - began < 3


def test_where_the_cache_is_marked_is_no_change() -> None:
    piece, tool = {"type": "of_no_known_kind"}, {"name": "look", "input_schema": {}}

    found = between(
        {"messages": [{"role": "user", "content": [piece]}], "tools": [tool]},
        {"messages": [{"role": "user", "content": [piece | CACHED]}], "tools": [CACHED | tool]},
    )

    assert states(found) == "same"
    assert found.tools == Tools([], [], [])
