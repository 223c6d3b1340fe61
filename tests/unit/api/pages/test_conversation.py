"""Bodies of every shape that providers have are read as what was said."""

from typing import Any

import pytest

from api.pages.llm.conversation import MOST_PARTS, answered, asked, bounded, joined
from api.pages.parts.messages import Message, Part, Said

PNG = "data:image/png;base64,iVBORw0KGgo="


def said(messages: list[Message]) -> list[tuple[str, list[tuple[str, str]]]]:
    return [
        (one.role, [(part.kind, part.text or part.name or part.id) for part in one.parts])
        for one in messages
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
    many = [Said(Message("user", [Part("text", str(n))] * 7)) for n in range(1000)]

    shown, left_out = bounded(many)

    assert sum(len(one.message.parts) for one in shown) == MOST_PARTS
    assert shown[-1] == many[-1]
    assert len(shown) + left_out == 1000


def test_a_picture_that_could_run_a_script_is_an_address() -> None:
    drawn = {"type": "image_url", "image_url": {"url": "data:image/svg+xml,<svg onload=x>"}}

    assert asked({"messages": [{"role": "user", "content": [drawn]}]})[0].parts == [
        Part("link", "data:image/svg+xml,<svg onload=x>")
    ]


PDF = {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0="}
DRAWN = "data:image/png;base64,iVBORw0KGgoAAAAN"
WAV = "data:audio/wav;base64,UklGRg=="
ABOUT_PDF = "application/pdf · 6 bytes, in the body below"
PIECES: list[tuple[str, Any, list[Part]]] = [
    # OpenAI, chat completions.
    (
        "input_audio",
        {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}},
        [Part("audio", WAV, value="")],
    ),
    (
        "file",
        {
            "type": "file",
            "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERi0="},
        },
        [Part("file", name="a.pdf", value=ABOUT_PDF)],
    ),
    (
        "file by id",
        {"type": "file", "file": {"file_id": "f1"}},
        [Part("file", name="file", value="f1")],
    ),
    ("refusal", {"type": "refusal", "refusal": "No."}, [Part("refusal", "No.")]),
    # OpenAI, responses.
    ("input_image", {"type": "input_image", "image_url": PNG}, [Part("image", PNG)]),
    (
        "input_file",
        {"type": "input_file", "file_url": "https://e.example/a.pdf"},
        [Part("file", name="file", value="https://e.example/a.pdf")],
    ),
    (
        "reasoning",
        {"type": "reasoning", "id": "r", "summary": [{"type": "summary_text", "text": "Hm."}]},
        [Part("reasoning", "Hm.")],
    ),
    (
        "web search",
        {"type": "web_search_call", "id": "w", "status": "completed", "action": {"query": "q"}},
        [Part("call", name="web_search", value={"query": "q"}, id="w")],
    ),
    (
        "mcp",
        {"type": "mcp_call", "id": "m", "name": "look", "arguments": "{}", "error": "gone"},
        [
            Part("call", name="look", value={}, id="m"),
            Part("result", name="look", value="gone", id="m", is_failed=True),
        ],
    ),
    (
        "drawn",
        {"type": "image_generation_call", "result": "iVBORw0KGgoAAAAN"},
        [Part("image", DRAWN)],
    ),
    # Anthropic.
    (
        "document",
        {"type": "document", "title": "T", "source": PDF},
        [Part("file", name="T", value=ABOUT_PDF)],
    ),
    (
        "text document",
        {
            "type": "document",
            "source": {"type": "text", "media_type": "text/plain", "data": "words"},
        },
        [Part("file", "words", name="text", value="")],
    ),
    (
        "image by address",
        {"type": "image", "source": {"type": "url", "url": "https://e.example/c.png"}},
        [Part("link", "https://e.example/c.png")],
    ),
    ("redacted", {"type": "redacted_thinking", "data": "x"}, [Part("reasoning")]),
    (
        "failed tool",
        {
            "type": "tool_result",
            "tool_use_id": "t",
            "is_error": True,
            "content": [{"type": "text", "text": '{"a": 1}'}],
        },
        [Part("result", value={"a": 1}, id="t", is_failed=True)],
    ),
    (
        "server tool",
        {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"query": "q"}},
        [Part("call", name="web_search", value={"query": "q"}, id="s")],
    ),
    (
        "cited",
        {"type": "text", "text": "So.", "citations": [{"url": "u"}]},
        [Part("text", "So."), Part("json", name="citations", value=[{"url": "u"}])],
    ),
    # Google.
    (
        "inline image",
        {"inlineData": {"mimeType": "image/png", "data": "iVBORw0KGgo="}},
        [Part("image", PNG)],
    ),
    (
        "inline sound",
        {"inlineData": {"mimeType": "audio/wav", "data": "UklGRg=="}},
        [Part("audio", WAV, value="")],
    ),
    (
        "file data",
        {"fileData": {"mimeType": "video/mp4", "fileUri": "gs://x"}},
        [Part("file", name="file", value="video/mp4 · gs://x")],
    ),
    ("thought", {"text": "Hm.", "thought": True}, [Part("reasoning", "Hm.")]),
    (
        "code",
        {"executableCode": {"language": "PYTHON", "code": "1"}},
        [Part("call", name="code, python", value="1")],
    ),
    (
        "outcome",
        {"codeExecutionResult": {"outcome": "OUTCOME_FAILED", "output": "E"}},
        [Part("result", name="code", value="E", is_failed=True)],
    ),
    # Vercel.
    ("image", {"type": "image", "image": PNG}, [Part("image", PNG)]),
    (
        "tool-call",
        {"type": "tool-call", "toolCallId": "c", "toolName": "look", "input": {"a": 1}},
        [Part("call", name="look", value={"a": 1}, id="c")],
    ),
    (
        "tool-result",
        {
            "type": "tool-result",
            "toolCallId": "c",
            "toolName": "look",
            "output": {"type": "error-text", "value": "no"},
        },
        [Part("result", name="look", value="no", id="c", is_failed=True)],
    ),
    (
        "tool of an interface",
        {
            "type": "tool-look",
            "toolCallId": "c",
            "state": "output-available",
            "input": {},
            "output": 1,
        },
        [Part("call", name="look", value={}, id="c"), Part("result", name="look", value=1, id="c")],
    ),
    # What nobody knows.
    (
        "unknown",
        {"type": "hologram", "depth": 3},
        [Part("json", value={"type": "hologram", "depth": 3})],
    ),
    (
        "broken",
        {"type": "image_url", "image_url": 7},
        [Part("json", value={"type": "image_url", "image_url": 7})],
    ),
]


@pytest.mark.parametrize(("name", "piece", "expected"), PIECES, ids=[one[0] for one in PIECES])
def test_a_piece_is_read(name: str, piece: Any, expected: list[Part]) -> None:
    (message,) = asked({"messages": [{"role": "user", "content": [piece]}]})

    assert message.parts == expected


def test_what_a_message_has_beside_its_content_is_not_lost() -> None:
    said_so = {
        "role": "assistant", "content": None, "refusal": "No.", "name": "Ann", "annotations": [],
        "audio": {"data": "UklGRg==", "transcript": "Hello"}, "odd": {"a": 1},
        "function_call": {"name": "old", "arguments": "[1]"},
        "tool_calls": [{"id": "c", "type": "custom", "custom": {"name": "run", "input": "ls"}}],
    }  # fmt: skip

    (message,) = asked({"messages": [said_so]})

    assert message == Message(
        "assistant",
        [
            Part("refusal", "No."),
            Part("audio", WAV, value="Hello"),
            Part("call", name="run", value="ls", id="c"),
            Part("call", name="old", value=[1]),
            Part("json", name="odd", value={"a": 1}),
        ],
        "Ann",
    )


def test_what_a_tool_gave_back_is_joined_to_its_call_and_keeps_its_pictures() -> None:
    body = {
        "messages": [
            {"role": "assistant", "content": [
                {"type": "tool_use", "id": "t", "name": "look", "input": {}}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": [
                {"type": "text", "text": "here"},
                {"type": "image", "source": {
                    "type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}},
            ]}]},
        ]
    }  # fmt: skip

    _, (message, _, _) = joined([Said(one) for one in asked(body)])

    assert message.parts == [
        Part("result", name="look", id="t", parts=[Part("text", "here"), Part("image", PNG)])
    ]


NESTS = {
    "lists": lambda inner: [inner],
    "results": lambda inner: [{"type": "tool_result", "tool_use_id": "t", "content": inner}],
    "calls": lambda inner: [{"type": "mcp_call", "name": "n", "output": inner}],
    "invocations": lambda inner: [
        {"type": "tool-invocation", "toolInvocation": {"toolCallId": "c", "result": inner}}
    ],
    "google": lambda inner: [{"type": "x", "functionResponse": {"response": inner}}],
}


@pytest.mark.parametrize("name", NESTS)
def test_what_is_nested_without_end_is_shown_as_json(name: str) -> None:
    content: Any = "leaf"
    for _ in range(200):
        content = NESTS[name](content)

    (message,) = asked({"messages": [{"role": "user", "content": content}]})

    assert all(not inner.parts for part in message.parts for inner in part.parts)
    assert "leaf" in str(message)


def test_what_tools_gave_back_counts_as_what_is_shown() -> None:
    given = [{"type": "text", "text": str(number)} for number in range(50)]
    result = {"role": "tool", "tool_call_id": "c", "content": given}

    shown, left_out = bounded([Said(one) for one in asked({"messages": [result] * 100})])

    assert (len(shown), left_out) == (6, 94)
    (message,) = asked({"messages": [{**result, "content": given * 2}]})
    assert message.parts == [Part("result", value=given * 2, id="c")]


def test_messages_in_the_shape_of_opentelemetry_are_read() -> None:
    call = {"type": "tool_call", "id": "c1", "name": "stock", "arguments": {"of": "tea"}}
    response = {"type": "tool_call_response", "id": "c1", "response": "2 left"}
    thought = {"type": "reasoning", "content": "Hm."}
    messages = [
        {"role": "user", "parts": [{"type": "text", "content": "What is left?"}]},
        {"role": "assistant", "parts": [thought, call]},
        {"role": "tool", "parts": [response]},
    ]

    user, assistant, tool = asked({"messages": messages})

    assert [(part.kind, part.text) for part in user.parts] == [("text", "What is left?")]
    assert [part.kind for part in assistant.parts] == ["reasoning", "call"]
    assert assistant.parts[0].text == "Hm."
    assert assistant.parts[1].value == {"of": "tea"}
    assert [(part.kind, part.value, part.id) for part in tool.parts] == [("result", "2 left", "c1")]
