"""Models on the loopback: answers as OpenAI's and Anthropic's do, with tokens out of a cache.

The first answer to a request that offers tools asks for one of them; one to its result is a text.
"""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

ANSWER = "It is sunny."
TOOL = "look_up"
ARGUMENTS = {"city": "Ulm"}
OPENAI_MODEL = "gpt-4o"
OPENAI_USED = "gpt-4o-2024-11-20"
ANTHROPIC_MODEL = "claude-sonnet-4-5-20250929"
OPENAI_USAGE = {
    "prompt_tokens": 2000,
    "completion_tokens": 300,
    "total_tokens": 2300,
    "prompt_tokens_details": {"cached_tokens": 1500, "audio_tokens": 0},
    "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
}
RESPONSES_USAGE = {
    "input_tokens": 2000,
    "input_tokens_details": {"cached_tokens": 1500, "cache_write_tokens": 0},
    "output_tokens": 300,
    "output_tokens_details": {"reasoning_tokens": 0},
    "total_tokens": 2300,
}
ANTHROPIC_USAGE = {
    "input_tokens": 100,
    "cache_read_input_tokens": 3000,
    "cache_creation_input_tokens": 1000,
    "cache_creation": {"ephemeral_5m_input_tokens": 1000, "ephemeral_1h_input_tokens": 0},
    "output_tokens": 200,
    "service_tier": "standard",
}


@contextmanager
def models() -> Iterator[str]:
    """Runs the models; gives the address that a client of Anthropic's takes, OpenAI's with /v1."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    _number = 0
    _lock = threading.Lock()

    def do_POST(self) -> None:
        """Answers one call."""
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self._lock:
            _Handler._number += 1
            number = _Handler._number
        path = self.path.partition("?")[0]
        if asked["model"] == "broken":
            error = {"message": "no such model", "type": "invalid_request_error", "code": None}
            self._answer(400, {"type": "error", "error": error})
        elif path.endswith("/messages") and asked.get("stream"):
            self._send(200, "text/event-stream", _message_events(_message(asked, number)))
        elif path.endswith("/messages"):
            self._answer(200, _message(asked, number))
        elif path.endswith("/embeddings"):
            self._answer(200, _embeddings(asked))
        elif path.endswith("/responses"):
            self._answer(200, _response(asked, number))
        elif asked.get("stream"):
            self._stream(asked, number)
        else:
            self._answer(200, _completion(asked, number))

    def log_message(self, *_: Any) -> None:
        """Says nothing."""

    def _answer(self, status: int, body: dict[str, Any]) -> None:
        self._send(status, "application/json", json.dumps(body).encode())

    def _stream(self, asked: dict[str, Any], number: int) -> None:
        whole = _completion(asked, number)
        head = {**whole, "object": "chat.completion.chunk", "usage": None}
        pieces = [{"role": "assistant", "content": "It is "}, {"content": "sunny."}, {}]
        chunks = [
            {**head, "choices": [{"index": 0, "delta": one, "finish_reason": None}]}
            for one in pieces
        ]
        chunks[-1]["choices"][0]["finish_reason"] = "stop"
        if (asked.get("stream_options") or {}).get("include_usage"):
            chunks.append({**head, "choices": [], "usage": OPENAI_USAGE})
        lines = [f"data: {json.dumps(one)}\n\n" for one in chunks]
        self._send(200, "text/event-stream", "".join([*lines, "data: [DONE]\n\n"]).encode())

    def _send(self, status: int, kind: str, data: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def _wants_tool(asked: dict[str, Any]) -> bool:
    last = (asked.get("messages") or [{}])[-1]
    return bool(asked.get("tools")) and "result" not in json.dumps(last) and last["role"] != "tool"


def _completion(asked: dict[str, Any], number: int) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": ANSWER}
    if _wants_tool(asked):
        called = {"name": TOOL, "arguments": json.dumps(ARGUMENTS)}
        calls = [{"id": f"call_{number}", "type": "function", "function": called}]
        message = {"role": "assistant", "content": None, "tool_calls": calls}
    finish = "tool_calls" if "tool_calls" in message else "stop"
    return {
        "id": f"chatcmpl-{number}",
        "object": "chat.completion",
        "created": 1_790_000_000,
        "model": {OPENAI_MODEL: OPENAI_USED}.get(asked["model"], asked["model"]),
        "choices": [{"index": 0, "message": message, "finish_reason": finish}],
        "usage": OPENAI_USAGE,
        "service_tier": "default",
    }


def _response(asked: dict[str, Any], number: int) -> dict[str, Any]:
    text = {"type": "output_text", "text": ANSWER, "annotations": []}
    said = {
        "id": f"msg_{number}",
        "type": "message",
        "status": "completed",
        "role": "assistant",
        "content": [text],
    }
    return {
        "id": f"resp_{number}",
        "object": "response",
        "created_at": 1_790_000_000,
        "status": "completed",
        "model": {OPENAI_MODEL: OPENAI_USED}.get(asked["model"], asked["model"]),
        "output": [said],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "usage": RESPONSES_USAGE,
        "service_tier": "default",
    }


def _message(asked: dict[str, Any], number: int) -> dict[str, Any]:
    content: list[dict[str, Any]] = [{"type": "text", "text": ANSWER}]
    if _wants_tool(asked):
        name = asked["tools"][0]["name"]
        content = [{"type": "tool_use", "id": f"toolu_{number}", "name": name, "input": ARGUMENTS}]
    return {
        "id": f"msg_{number}",
        "type": "message",
        "role": "assistant",
        "model": asked["model"],
        "content": content,
        "stop_reason": "tool_use" if content[0]["type"] == "tool_use" else "end_turn",
        "stop_sequence": None,
        "usage": ANTHROPIC_USAGE,
    }


def _message_events(whole: dict[str, Any]) -> bytes:
    (block,) = whole["content"]
    is_text = block["type"] == "text"
    empty = {**block, "text": ""} if is_text else {**block, "input": {}}
    delta = (
        {"type": "text_delta", "text": block["text"]}
        if is_text
        else {"type": "input_json_delta", "partial_json": json.dumps(block["input"])}
    )
    begun = {**whole, "content": [], "stop_reason": None}
    ended = {"stop_reason": whole["stop_reason"], "stop_sequence": None}
    events: list[dict[str, Any]] = [
        {
            "type": "message_start",
            "message": {**begun, "usage": {**ANTHROPIC_USAGE, "output_tokens": 1}},
        },
        {"type": "content_block_start", "index": 0, "content_block": empty},
        {"type": "content_block_delta", "index": 0, "delta": delta},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": ended, "usage": ANTHROPIC_USAGE},
        {"type": "message_stop"},
    ]
    lines = [f"event: {one['type']}\ndata: {json.dumps(one)}\n\n" for one in events]
    return "".join(lines).encode()


def _embeddings(asked: dict[str, Any]) -> dict[str, Any]:
    return {
        "object": "list",
        "data": [{"object": "embedding", "index": 0, "embedding": [0.5, 0.25]}],
        "model": asked["model"],
        "usage": {"prompt_tokens": 8, "total_tokens": 8},
    }
