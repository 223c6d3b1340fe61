"""Bodies of every shape that providers have are read as what was said."""

from typing import Any

import pytest

from api.pages.llm.conversation import MOST_PARTS, answered, asked, bounded
from api.pages.parts.messages import Message, Part

PNG = "data:image/png;base64,iVBORw0KGgo="


def said(messages: list[Message]) -> list[tuple[str, list[tuple[str, str]]]]:
    return [
        (one.role, [(part.kind, part.text or part.name) for part in one.parts]) for one in messages
    ]


REQUESTS: list[tuple[str, Any, Any]] = [
    (
        "chat completions",
        {
            "messages": [
                {"role": "developer", "content": "Be brief."},
                {"role": "user", "content": [
                    {"type": "text", "text": "What is this?"},
                    {"type": "image_url", "image_url": {"url": PNG}},
                    {"type": "image_url", "image_url": {"url": "https://e.example/cat.png"}},
                ]},
                {"role": "assistant", "content": None, "tool_calls": [
                    {"id": "c1", "function": {"name": "look", "arguments": "{}"}}
                ]},
                {"role": "tool", "tool_call_id": "c1", "content": "a cat"},
            ]
        },
        [
            ("system", [("text", "Be brief.")]),
            ("user", [("text", "What is this?"), ("image", PNG), ("link", "https://e.example/cat.png")]),
            ("assistant", [("call", "look")]),
            ("tool", [("result", "c1")]),
        ],
    ),
    (
        "responses",
        {
            "instructions": "Be brief.",
            "input": [
                {"role": "user", "content": [{"type": "input_text", "text": "Hi"}]},
                {"type": "function_call", "name": "look", "arguments": "{}"},
                {"type": "function_call_output", "call_id": "c1", "output": "a cat"},
            ],
        },
        [
            ("system", [("text", "Be brief.")]),
            ("user", [("text", "Hi")]),
            ("assistant", [("call", "look")]),
            ("tool", [("result", "c1")]),
        ],
    ),
    (
        "anthropic",
        {
            "system": [{"type": "text", "text": "Be brief."}],
            "messages": [
                {"role": "user", "content": "Hi"},
                {"role": "assistant", "content": [
                    {"type": "thinking", "thinking": "Hm."},
                    {"type": "tool_use", "name": "look", "input": {"at": 1}},
                ]},
                {"role": "user", "content": [
                    {"type": "tool_result", "tool_use_id": "t1", "content": "a cat"},
                    {"type": "image", "source": {
                        "type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}},
                ]},
            ],
        },
        [
            ("system", [("text", "Be brief.")]),
            ("user", [("text", "Hi")]),
            ("assistant", [("reasoning", "Hm."), ("call", "look")]),
            ("user", [("result", "t1"), ("image", PNG)]),
        ],
    ),
    (
        "google",
        {
            "systemInstruction": {"parts": [{"text": "Be brief."}]},
            "contents": [
                {"role": "user", "parts": [{"text": "Hi"}]},
                {"role": "model", "parts": [{"functionCall": {"name": "look", "args": {}}}]},
                {"role": "user", "parts": [{"functionResponse": {"name": "look", "response": {}}}]},
            ],
        },
        [
            ("system", [("text", "Be brief.")]),
            ("user", [("text", "Hi")]),
            ("assistant", [("call", "look")]),
            ("user", [("result", "look")]),
        ],
    ),
    ("a prompt", {"prompt": "Hi"}, [("user", [("text", "Hi")])]),
    ("nothing", {}, []),
    ("a text", "Hi", [("user", [("text", "Hi")])]),
]  # fmt: skip

ANSWERS: list[tuple[str, Any, Any]] = [
    ("chat completions", {"choices": [{"message": {"role": "assistant", "content": "Yo"}}]},
     [("text", "Yo")]),
    ("completions", {"choices": [{"text": "Yo"}]}, [("text", "Yo")]),
    ("responses", {"output": [{"type": "message", "role": "assistant", "content": [
        {"type": "output_text", "text": "Yo"}]}]}, [("text", "Yo")]),
    ("anthropic", {"content": [{"type": "text", "text": "Yo"}]}, [("text", "Yo")]),
    ("google", {"candidates": [{"content": {"parts": [{"text": "Yo"}]}}]}, [("text", "Yo")]),
    ("ollama", {"message": {"role": "assistant", "content": "Yo"}}, [("text", "Yo")]),
    ("pulse", {"content": "Yo", "finishReason": "stop"}, [("text", "Yo")]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "body", "expected"), REQUESTS, ids=[one[0] for one in REQUESTS])
def test_a_request_is_read(name: str, body: Any, expected: Any) -> None:
    assert said(asked(body)) == expected


@pytest.mark.parametrize(("name", "body", "expected"), ANSWERS, ids=[one[0] for one in ANSWERS])
def test_an_answer_is_read(name: str, body: Any, expected: Any) -> None:
    assert said(answered(body, "kept")) == [("assistant", expected)]


@pytest.mark.parametrize(
    "body", [None, {}, {"choices": [None]}, {"choices": 7}, [], "x", {"content": None}]
)
def test_without_an_answer_the_text_that_was_kept_is_shown(body: Any) -> None:
    assert said(answered(body, "kept")) == [("assistant", [("text", "kept")])]
    assert answered(body, None) == []


def test_of_a_very_long_conversation_the_end_is_shown() -> None:
    many = [Message("user", [Part("text", str(n))] * 7) for n in range(1000)]

    shown, left_out = bounded(many)

    assert sum(len(message.parts) for message in shown) == MOST_PARTS
    assert shown[-1] == many[-1]
    assert len(shown) + left_out == 1000


def test_a_picture_that_could_run_a_script_is_an_address() -> None:
    drawn = {"type": "image_url", "image_url": {"url": "data:image/svg+xml,<svg onload=x>"}}

    assert asked({"messages": [{"role": "user", "content": [drawn]}]})[0].parts == [
        Part("link", "data:image/svg+xml,<svg onload=x>")
    ]
