"""What is copied works: each sample is run, or read by what reads it."""

import json
import shutil
import subprocess
import sys
import threading
import tomllib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from api.pages.errors.issues.samples import sending_of
from api.pages.parts.devices import device_of
from api.pages.parts.dsn_snippets import dsn_snippets
from api.pages.parts.snippets import every_snippet

KEY, PROJECT = "pulse_sk_a-key", "5a1c0f0e-0000-4000-8000-000000000001"
HOOK = Path(__file__).resolve().parents[4] / "deploy" / "claude_code_hook.py"


class Heard(NamedTuple):
    path: str
    key: str | None
    items: list[dict[str, Any]]


@pytest.fixture
def heard() -> Iterator[tuple[str, list[Heard]]]:
    """What a server was sent, and its address."""
    requests: list[Heard] = []

    class Hears(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            requests.append(Heard(self.path, self.headers["Authorization"], json.loads(body)))
            self.send_response(202)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Hears)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", requests
    server.shutdown()
    thread.join()
    server.server_close()


def sample(title: str, url: str = "http://127.0.0.1:1") -> str:
    return next(one.text for one in every_snippet(url, KEY, PROJECT) if one.title == title)


@pytest.mark.parametrize(
    ("title", "command"),
    [
        ("With curl", ["sh", "-c"]),
        ("From Python", [sys.executable, "-c"]),
        ("From JavaScript", ["node", "--input-type=module", "-e"]),
    ],
)
def test_it_sends_a_trace_with_the_key(
    heard: tuple[str, list[Heard]], title: str, command: list[str]
) -> None:
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    url, requests = heard

    subprocess.run([*command, sample(title, url)], check=True, capture_output=True, timeout=30)

    (request,) = requests
    assert request.key == f"Bearer {KEY}"
    assert request.path.startswith("/v1/traces/")
    (item,) = request.items
    assert {"trace_id", "timestamp", "provider", "model_requested", "status"} <= set(item)


def test_pulses_cli_reads_its_file() -> None:
    read = tomllib.loads(sample("Pulse's CLI", "http://sluice.example"))

    assert read == {"api_url": "http://sluice.example", "api_key": KEY, "project_id": PROJECT}


def test_the_settings_of_claude_code_make_the_hook_send(heard: tuple[str, list[Heard]]) -> None:
    url, requests = heard
    settings = json.loads(sample("Claude Code", url))
    event = {"hook_event_name": "PreToolUse", "session_id": "s", "tool_name": "Bash"}

    subprocess.run(
        [sys.executable, HOOK],
        input=json.dumps(event).encode(),
        env=settings["env"],
        check=True,
        timeout=30,
    )

    (request,) = requests
    assert (request.path, request.key) == ("/v1/spans/async", f"Bearer {KEY}")
    assert set(settings["hooks"]) >= {"PreToolUse", "PostToolUse", "SessionStart"}


@pytest.mark.parametrize(
    ("agent", "device"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Firefox/140.0", "Firefox on Linux"),
        (
            "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML, like Gecko)"
            " Chrome/140.0 Safari/537.36 Edg/140.0",
            "Edge on Windows",
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15"
            " (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1",
            "Safari on iPhone",
        ),
        ("pulse-cli/0.2.5", "pulse-cli/0.2.5"),
        ("", "unknown"),
    ],
)
def test_a_device_is_named_in_a_few_words(agent: str, device: str) -> None:
    assert device_of(agent) == device


def test_what_is_copied_for_php_is_a_program_and_no_text() -> None:
    samples = [one.text for one in dsn_snippets("http://key@here/1") if one.title == "PHP"]
    samples.append(sending_of("http://here", "key", "http://key@here/1", "php").chosen.text)

    assert [sample.splitlines()[0] for sample in samples] == ["<?php", "<?php"]
