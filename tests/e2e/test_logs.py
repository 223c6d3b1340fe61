"""What the log says: tracebacks without values, and libraries only when they warn."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.server import Server

PROGRAM = """
import structlog
from schemas.settings import Settings
from sluice import logs

logs.set_up(Settings(log_format={form!r}))

def fail():
    api_key = "pulse_sk_" + "secret"
    prompt = "what a user" + " asked"
    raise ValueError("the reason")

try:
    fail()
except ValueError:
    structlog.get_logger("x").exception("request met a bug")
"""


@pytest.mark.parametrize("form", ["json", "console"])
def test_a_traceback_holds_no_key_and_no_prompt(form: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(form=form)], capture_output=True, text=True
    )

    assert "the reason" in ran.stderr, ran.stderr
    assert "fail" in ran.stderr
    assert "pulse_sk_secret" not in ran.stderr
    assert "what a user asked" not in ran.stderr


SPEAKERS = """
import logging
import structlog
from schemas.settings import Settings
from sluice import logs

logs.set_up(Settings(log_level={level!r}))

# What a service of Faust's does: it logs under the module of its class, which is ours.
service = logging.getLogger("eventlog.transport")
service.info("service starting")
service.warning("service slow")
service.error("service broken")
structlog.get_logger("eventlog.transport").info("our own line")
"""


@pytest.mark.parametrize(
    ("level", "said"),
    [
        ("debug", ["service starting", "service slow", "service broken", "our own line"]),
        ("info", ["service slow", "service broken", "our own line"]),
        ("warning", ["service slow", "service broken"]),
    ],
)
def test_libraries_are_heard_from_a_warning_on_and_below_it_at_level_debug_alone(
    level: str, said: list[str]
) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", SPEAKERS.format(level=level)], capture_output=True, text=True
    )

    assert [json.loads(line)["event"] for line in ran.stderr.splitlines()] == said


def test_a_start_leaves_the_lines_to_copy_among_our_own_alone(tmp_path: Path) -> None:
    with Server(tmp_path / "data", from_nothing=True) as server:
        lines = server.output.read_text().splitlines()
    start = lines[: 1 + next(n for n, line in enumerate(lines) if line.startswith("First trace:"))]
    logged = [json.loads(line)["event"] for line in start if line.startswith("{")]

    assert "migrations applied" in logged
    assert not [event for event in logged if event.startswith("[")]
    assert len(start) == len(logged) + 4
