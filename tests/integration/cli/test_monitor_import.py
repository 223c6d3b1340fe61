"""`sluice import kuma` and `gatus`: what is made, and that nothing is made twice."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from sluice.cli import app

DATA = Path(__file__).parents[2] / "unit" / "ingest" / "uptime" / "data"
KUMA, GATUS = DATA / "kuma-1.23.json", DATA / "gatus.yaml"
Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs imports into an installation of this test's own, with a project `Default`."""
    monkeypatch.setenv("SLUICE_DATA_DIR", str(tmp_path / "data"))
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "control.db").touch()  # as a server leaves one

    def command(*arguments: str) -> Result:
        return CliRunner().invoke(app, ["import", *arguments])

    return command


@pytest.mark.parametrize(
    ("kind", "source", "made", "left"), [("kuma", KUMA, 7, 5), ("gatus", GATUS, 8, 5)]
)
def test_a_second_run_makes_nothing_and_a_dry_one_neither(
    run: Run, kind: str, source: Path, made: int, left: int
) -> None:
    dry = run(kind, str(source), "--dry-run").stdout.splitlines()
    first = run(kind, str(source)).stdout.splitlines()
    second = run(kind, str(source)).stdout.splitlines()

    assert dry[-1] == f"would make {made}, there already 0, left out {left}"
    assert first[-1] == f"made {made}, there already 0, left out {left}"
    assert second[-1] == f"made 0, there already {made}, left out {left}"


def test_the_report_names_what_was_made_and_why_something_was_not(run: Run) -> None:
    said = run("kuma", str(KUMA)).stdout

    assert "made: Home page (http)" in said
    assert "  note: no notification by PagerDuty" in said
    assert "made: Database port (tcp): paused" in said
    assert "left out: Container (docker): there is no such type of monitor here" in said


def test_two_monitors_with_one_name_are_both_made_and_names_are_shown_safely(
    run: Run, tmp_path: Path
) -> None:
    source = tmp_path / "gatus.yaml"
    one = '{name: "a\\e[31m", url: "icmp://h"}'
    source.write_text(f"endpoints: [{one}, {one}]")

    first = run("gatus", str(source)).stdout
    second = run("gatus", str(source)).stdout

    assert first.splitlines()[-1] == "made 2, there already 0, left out 0"
    assert second.splitlines()[-1] == "made 0, there already 2, left out 0"
    assert "\x1b" not in first


def test_a_file_that_is_none_ends_with_one_line(run: Run, tmp_path: Path) -> None:
    source = tmp_path / "other.json"
    source.write_text("{}")

    assert "expected a backup with monitorList" in str(run("kuma", str(source)).exception)
