"""Who adds a kind as the page says gets every promise, and touches nothing of the others."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.promises.copies import ROOT, copy_code, read_steps

SHARED = {"schemas/kinds.py", "sluice/systems.py"}


def test_the_page_touches_two_files_that_exist_and_both_for_a_line_or_a_name() -> None:
    steps = read_steps()

    assert len(steps) > 10
    assert {step.path for step in steps if (ROOT / step.path).exists()} == SHARED
    assert {step.path for step in steps if step.where} == SHARED


@pytest.mark.timeout(900)
@pytest.mark.slow
@pytest.mark.parametrize(
    "log", ["embedded", pytest.param("distributed", marks=pytest.mark.containers)]
)
def test_a_kind_that_is_added_as_the_page_says_keeps_every_promise(
    log: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if log == "distributed":
        # Where they are missing, this test is skipped, or fails, as the others are.
        request.getfixturevalue("kafka")
        request.getfixturevalue("postgres")
    copy_code(tmp_path)
    for step in read_steps():
        step.apply(tmp_path)
    chosen = "test_every_kind or test_meters or reading or alarm"
    left_out = "embedded" if log == "distributed" else "distributed"

    ran = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"),
            *("tests/promises", "tests/unit/test_benchmarks.py"),
            *("--ignore", "tests/promises/test_adding_a_kind.py"),
            *("-k", f"({chosen}) and not {left_out}"),
        ],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path), "PROMISES_OF": "reading alarm trace"},
        capture_output=True,
        text=True,
        timeout=800,
    )

    assert ran.returncode == 0, ran.stdout[-8000:] + ran.stderr[-2000:]
    (passed,) = re.findall(r"(\d+) passed", ran.stdout)
    # Six promises, two of samples and names, one of its own; that each kind has a generator, and
    # what the two new ones make.
    assert int(passed) == 6 + 2 + 1 + 1 + 2
    assert "skipped" not in ran.stdout
