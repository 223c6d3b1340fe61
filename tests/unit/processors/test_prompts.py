"""Which prompt a call used: what its sender names, or what its system message says."""

import json
from typing import Any

import pytest

from processors.llm.prompts import NONE, prompt_of, used_prompt
from processors.llm.templates import template_of
from processors.otel.prompts import system_of
from schemas.otel.meanings import Message, Part

SAID = "You are the support agent.\nBe kind."
USER = {"role": "user", "content": "Hello"}
PARTS = [
    {"type": "text", "text": "You are the support agent."},
    {"type": "text", "text": "Be kind."},
]
TEMPLATE = template_of(SAID)
assert TEMPLATE is not None


def used(request: Any, **metadata: Any) -> tuple[str, str, str]:
    return tuple(used_prompt(metadata, json.dumps(request).encode()))


@pytest.mark.parametrize(
    "request_body",
    [
        {"messages": [{"role": "system", "content": SAID}, USER]},
        {"messages": [{"role": "developer", "content": SAID}, USER]},
        {"messages": [USER, {"role": "system", "content": SAID}]},
        {"messages": [{"role": "system", "content": PARTS}, USER]},
        {"system": SAID, "messages": [USER]},
        {"system": [{"type": "text", "text": SAID, "cache_control": {"type": "ephemeral"}}]},
        {"instructions": SAID, "input": "Hello"},
        {"input": [{"role": "developer", "content": SAID}, USER]},
        {"systemInstruction": {"parts": [{"text": SAID}]}, "contents": []},
        {"system_instruction": SAID},
        {"instructions": None, "input": [{"role": "developer", "content": SAID}, USER]},
        {"system": "", "messages": [{"role": "system", "content": SAID}, USER]},
        {"input": "Hello", "messages": [{"role": "system", "content": SAID}, USER]},
        {"messages": [], "input": [{"role": "system", "content": SAID}, USER]},
    ],
)
def test_the_system_message_of_every_provider_is_found(request_body: dict[str, Any]) -> None:
    assert used(request_body) == TEMPLATE


@pytest.mark.parametrize(
    "request_body",
    [
        {"messages": [USER]},
        {"messages": [{"role": "user", "content": 'the "system" is down'}]},
        {"messages": [{"role": "system", "content": None}]},
        {"messages": [{"role": "system", "content": [{"type": "image"}]}]},
        {"messages": [{"role": "system", "content": 7}]},
        {"messages": ["system", 1]},
        {"messages": "system", "system": None},
        {"system": {"parts": 5}},
        ["system"],
        {"system": "x" * (1 << 20)},
    ],
)
def test_a_request_that_tells_the_model_nothing_has_no_prompt(request_body: Any) -> None:
    assert used(request_body) == NONE


@pytest.mark.parametrize(
    "body", [b'{"system', b"", b'{"system":"\xff"}', b'{"system":' + b"[" * 5000]
)
def test_what_is_no_json_has_none(body: bytes) -> None:
    assert used_prompt({}, body) == NONE


@pytest.mark.parametrize(
    "metadata",
    [
        {"prompt_name": "support", "prompt_version": 3},
        {"prompt.name": "support", "prompt.version": "3"},
        {"promptName": "support", "promptVersion": 3},
        {"prompt": {"name": "support", "version": 3}},
    ],
)
def test_what_the_sender_names_counts_before_what_is_found(metadata: dict[str, Any]) -> None:
    assert used({"system": SAID}, **metadata) == ("support", "3", TEMPLATE.text)
    assert used({}, **metadata) == ("support", "3", "")


def test_a_name_alone_takes_the_version_that_is_found() -> None:
    assert used({"system": SAID}, prompt_name="support")[:2] == ("support", TEMPLATE.version)
    assert used({}, prompt_version="3") == NONE


def test_names_that_are_too_long_are_not_taken() -> None:
    assert used({}, prompt_name="x" * 257) == NONE
    assert used({}, prompt_name="x", prompt_version="y" * 129) == ("x", "", "")


def test_messages_that_were_read_already_say_the_same() -> None:
    messages = [
        Message("user", [Part("text", text="Hi")]),
        Message("system", [Part("text", text=SAID)]),
    ]

    assert prompt_of({}, system_of(messages)) == TEMPLATE
    assert prompt_of({"prompt_name": "a", "prompt_version": "2"}, "")[:2] == ("a", "2")
    assert prompt_of({}, system_of(messages[:1])) == NONE
