"""What is copied works: each sample is run, or read by what reads it."""

import json
import shlex
import shutil
import subprocess
import sys
import threading
import tomllib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, NamedTuple, cast
from urllib.parse import quote

import pytest
from typer.main import get_command

from api.pages.errors.issues.samples import sending_of
from api.pages.parts.devices import device_of
from api.pages.parts.dsn_snippets import dsn_snippets
from api.pages.parts.quality_snippets import PROMPTS, filled, quality_samples
from api.pages.parts.snippets import every_snippet
from sluice.cli import app

KEY, PROJECT = "pulse_sk_a-key", "5a1c0f0e-0000-4000-8000-000000000001"
PYTHON_AGAIN = """
for _ in range(2):
    kept = {name: (0.0, *rest) for name, (_, *rest) in kept.items()}
    print(prompt("support")["version"])
"""
JAVASCRIPT_AGAIN = """
for (let n = 0; n < 2; n++) {
  for (const one of kept.values()) one.until = 0;
  console.log((await prompt("support")).version);
}
"""
HOOK = Path(__file__).resolve().parents[4] / "deploy" / "claude_code_hook.py"


answers: list[int] = []
"""What the server below answers who asks, before it answers as usual."""


class Heard(NamedTuple):
    path: str
    key: str | None
    items: list[dict[str, Any]]


@pytest.fixture
def heard() -> Iterator[tuple[str, list[Heard]]]:
    """What a server was sent, and its address."""
    requests: list[Heard] = []
    answers.clear()

    class Hears(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            requests.append(Heard(self.path, self.headers["Authorization"], json.loads(body)))
            self.send_response(202)
            self.end_headers()

        def do_GET(self) -> None:
            requests.append(Heard(self.path, self.headers["Authorization"], []))
            known, tag = self.headers["If-None-Match"], '"one"'
            status = answers.pop(0) if answers else 304 if known == tag else 200
            self.send_response(status)
            self.send_header("ETag", tag)
            self.end_headers()
            if status == 200:
                self.wfile.write(b'{"name":"support","version":3,"prompt":"Be kind."}')

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
    every = [*every_snippet(url, KEY, PROJECT), *quality_samples(url, KEY, dsn_key="a-dsn-key")]
    return next(one.text for one in every if one.title == title)


def run(command: list[str], text: str) -> str:
    """Runs a sample, and returns what it prints."""
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    ran = subprocess.run([*command, text], check=True, capture_output=True, timeout=30)
    return ran.stdout.decode()


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


@pytest.mark.parametrize(
    ("title", "command"),
    [
        ("A score, with curl", ["sh", "-c"]),
        ("A score, from Python", [sys.executable, "-c"]),
        ("A score, from JavaScript", ["node", "--input-type=module", "-e"]),
    ],
)
def test_it_sends_a_score_with_the_key(
    heard: tuple[str, list[Heard]], title: str, command: list[str]
) -> None:
    url, requests = heard

    run(command, sample(title, url))

    (request,) = requests
    assert (request.path, request.key) == ("/v1/scores", f"Bearer {KEY}")
    score = {"name": "helpfulness", "value": 0.9, "trace_id": "ID_OF_A_CALL"}
    assert cast("object", request.items) == score


@pytest.mark.parametrize(
    ("title", "command", "again"),
    [
        ("A prompt, from Python", [sys.executable, "-c"], PYTHON_AGAIN),
        ("A prompt, from JavaScript", ["node", "--input-type=module", "-e"], JAVASCRIPT_AGAIN),
    ],
)
def test_it_fetches_a_prompt_once_a_minute_and_goes_on_while_nobody_answers(
    heard: tuple[str, list[Heard]], title: str, command: list[str], again: str
) -> None:
    url, requests = heard
    answers[:] = [200, 304, 503]

    printed = run(command, sample(title, url) + again)

    assert [one.path for one in requests] == ["/v1/prompts/support"] * 3
    assert printed.split() == ["3", "Be", "kind.", "3", "3"]


@pytest.mark.parametrize(("status", "said"), [(200, "True"), (429, "False"), (503, "True")])
def test_a_gateway_refuses_what_is_refused_and_nothing_while_nobody_knows(
    heard: tuple[str, list[Heard]], status: int, said: str
) -> None:
    url, requests = heard
    answers[:] = [status]

    printed = run([sys.executable, "-c"], sample("A budget, asked by a gateway in Python", url))

    assert printed.strip() == said
    assert requests[0].path == "/v1/budgets/check?user_id=ann&model=gpt-4o&refuse=1"


def test_a_ci_runs_commands_and_options_that_there_are() -> None:
    text = sample("An experiment, in CI")
    lines = text.replace("\\\n", "").splitlines()
    commands = [shlex.split(line) for line in lines if line.startswith("sluice")]

    assert [command[2] for command in commands] == ["run", "compare"]
    for _, group, name, *given in commands:
        found = get_command(app).commands[group].commands[name]  # type: ignore[attr-defined]
        assert found.make_context(name, given).params["name"] == "support-questions"


def test_a_page_sends_with_a_key_that_sends_alone() -> None:
    text = sample("A score, from a page")

    assert "/v1/scores/public?key=a-dsn-key" in text
    assert KEY not in text


@pytest.mark.parametrize("name", ['"); alert(1) //', "$(reboot)", "a b", "../keys", "{key}"])
def test_a_name_of_a_prompt_goes_into_a_sample_as_into_an_address(name: str) -> None:
    for one in PROMPTS:
        text = filled(one, url="http://here", key=KEY, prompt=name)

        assert quote(name, safe="") in text
        assert name not in text


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
