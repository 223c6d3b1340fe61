"""A model provider on the loopback: answers like OpenAI, as the asked model's name says."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

USAGE = {"prompt_tokens": 50, "completion_tokens": 100, "total_tokens": 150}


@contextmanager
def provider() -> Iterator[str]:
    """Runs the provider; gives the `base_url` for an OpenAI client."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        """Answers a chat completion."""
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if asked["model"] == "broken":
            self._answer(400, {"error": {"message": "no such model", "type": "invalid_request"}})
        elif asked.get("tools"):
            self._answer(200, _completion(asked["model"], _TOOL_CALL, "tool_calls", None))
        else:
            said = {"role": "assistant", "content": "hi"}
            self._answer(200, _completion(asked["model"], said, "stop", USAGE))

    def log_message(self, *_: Any) -> None:
        """Says nothing."""

    def _answer(self, status: int, body: dict[str, Any]) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


_TOOL_CALL = {
    "role": "assistant",
    "content": None,
    "tool_calls": [
        {"id": "call_1", "type": "function", "function": {"name": "look_up", "arguments": "{}"}}
    ],
}


def _completion(model: str, message: dict[str, Any], finish: str, usage: Any) -> dict[str, Any]:
    dated = {"gpt-4o": "gpt-4o-2024-11-20"}.get(model, model)
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1_790_000_000,
        "model": dated,
        "choices": [{"index": 0, "message": message, "finish_reason": finish}],
        "usage": usage,
    }
