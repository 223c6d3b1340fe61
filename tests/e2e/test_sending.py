"""Each sample of docs/sending.md is run as it stands there, and what it sends is found."""

import json
import os
import re
import runpy
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.server import Project, wait_for
from tests.e2e.stub_provider import provider

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "sending.md").read_text(encoding="utf-8")
SDK = Path(__file__).with_name("pulse_trace_sdk-0.2.6.tar.gz")


def sample(heading: str, language: str, number: int = 0) -> str:
    """Returns a block of code below a heading."""
    _, _, section = PAGE.partition(f"\n## {heading}\n")
    section = section.partition("\n## ")[0]
    return re.findall(rf"```{language}\n(.*?)```", section, re.DOTALL)[number]


@pytest.fixture
def environ(project: Project, tmp_path: Path) -> Iterator[dict[str, str]]:
    """What the page asks for, and a provider and the SDK of Pulse beside it."""
    with tarfile.open(SDK) as archive:
        archive.extractall(tmp_path, filter="data")
    with provider() as base_url:
        yield {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "URL": project.server.url,
            "KEY": project.key,
            "OPENAI_BASE_URL": base_url,
            "OPENAI_API_KEY": "none",
            "PYTHONPATH": str(tmp_path / "pulse_trace_sdk-0.2.6"),
        }


@pytest.mark.parametrize(
    ("heading", "language", "program"),
    [
        ("Plain HTTP", "sh", ["sh", "-c"]),
        ("Python", "python", [sys.executable, "-c"]),
        ("Pulse's SDK for Python", "python", [sys.executable, "-c"]),
        ("JavaScript", "js", ["node", "--input-type=module", "--eval"]),
    ],
)
def test_what_a_sample_sends_is_stored_with_its_cost(
    project: Project, environ: dict[str, str], heading: str, language: str, program: list[str]
) -> None:
    if shutil.which(program[0]) is None:
        pytest.skip(f"{program[0]} is not installed here")

    code = sample(heading, language)
    done = subprocess.run(
        [*program, code], env=environ, capture_output=True, text=True, timeout=60, check=False
    )

    assert done.returncode == 0, done.stderr
    (row,) = wait_for(lambda: project.get("/v1/traces").json()["traces"], "the trace")
    assert row["costCents"] > 0


def test_the_hook_of_claude_code_sends_both_ends_of_a_tool_call(
    project: Project, environ: dict[str, str]
) -> None:
    start = sample("Claude Code", "sh")
    end = start.replace("PreToolUse", "PostToolUse")

    for script in (start, end):
        done = subprocess.run(
            ["sh", "-c", script], env=environ, cwd=ROOT, capture_output=True, text=True, timeout=60
        )
        assert '"sessionId":"agent-1"' in done.stdout, done.stderr

    spans = project.get("/v1/sessions/agent-1/spans").json()["spans"]
    assert [span["eventType"] for span in spans] == ["pre_tool_use", "post_tool_use"]
    assert spans[1]["durationMs"] > 0
    assert spans[0]["toolInput"] == {"command": "ls"}


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ("", "JSONDecodeError"),
        ("[]", "AttributeError"),
        ('{"session_id":"a"}', "Connection refused"),
    ],
)
def test_the_hook_says_why_it_sent_nothing_and_does_not_fail(given: str, why: str) -> None:
    done = run_hook(given, "http://127.0.0.1:1", "k")

    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr.startswith("claude_code_hook.py: not sent: ")
    assert why in done.stderr


def test_the_hook_says_what_the_server_answered(project: Project) -> None:
    done = run_hook('{"session_id":"a"}', f"{project.server.url}/", "pulse_sk_wrong")

    reason = '401 {"error":"Invalid API key"}'
    assert (done.returncode, done.stderr) == (0, f"claude_code_hook.py: not sent: {reason}\n")


def test_every_event_that_the_hook_knows_is_in_the_sample_of_settings() -> None:
    known = set(runpy.run_path(str(ROOT / "deploy" / "claude_code_hook.py"))["KINDS"])

    assert known <= set(json.loads(sample("Claude Code", "json"))["hooks"])


def run_hook(given: str, url: str, key: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "deploy/claude_code_hook.py"],
        env={"TO_SLUICE_URL": url, "TO_SLUICE_KEY": key},
        cwd=ROOT,
        input=given,
        capture_output=True,
        text=True,
        timeout=60,
    )
