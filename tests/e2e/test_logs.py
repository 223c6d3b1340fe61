"""What a traceback in the log may say: where, never with which values."""

import subprocess
import sys

import pytest

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
