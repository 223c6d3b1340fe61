"""A component that is missing skips its tests, or fails them where it is required."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
BY_PARAMETER = re.compile(r"\[(?:\S+-)?(?:kafka|spooled|postgres)(?:-\S+)?\]$", re.MULTILINE)
TESTS = """
import os

def test_a_broker(kafka):
    raise AssertionError("there is none")

def test_nothing_else():
    assert "SLUICE_TEST_REQUIRE" not in os.environ
"""
STORED = "tests/integration/queries/test_stored.py"
JAVA = "#!/bin/sh\necho 'openjdk version \"{version}\" 2025-04-15' >&2\n"
OUTPUT = "for word; do case $word in -DoutputDirectory=*) folder=${word#*=};; esac; done\n"
CUT_OFF = f"#!/bin/sh\n{OUTPUT}/bin/mkdir -p $folder\necho half >$folder/a.jar\nkill -KILL $PPID\n"
NO_ROUTE = "#!/bin/sh\necho '[ERROR] no route'\nexit 1\n"


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """The only folder that programs are looked for in."""
    folder = tmp_path / "bin"
    folder.mkdir()
    return folder


def install(folder: Path, name: str, script: str) -> None:
    program = folder / name
    program.write_text(script)
    program.chmod(0o755)


def run_tests(
    tmp_path: Path, programs: Path, *options: str, **environ: str
) -> subprocess.CompletedProcess[str]:
    """Run two tests, one of which needs Kafka, where only `programs` are installed."""
    (tmp_path / "test_inner.py").write_text(TESTS)
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers =\n    containers\n    slow\n")
    places = {"PATH": str(programs), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    command = [sys.executable, "-m", "pytest", "-p", "tests.components.fixtures", "-ra"]
    return subprocess.run(
        [*command, "--rootdir", str(tmp_path), *options, str(tmp_path)],
        env=os.environ | places | {"PYTHONPATH": str(ROOT)} | environ,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.mark.parametrize("required", ["", "postgres"])
def test_a_missing_component_skips_and_says_why(
    tmp_path: Path, programs: Path, required: str
) -> None:
    ran = run_tests(tmp_path, programs, SLUICE_TEST_REQUIRE=required)

    assert ran.returncode == 0, ran.stdout
    assert "1 passed, 1 skipped" in ran.stdout
    assert "no kafka here: there is no java in PATH" in ran.stdout


@pytest.mark.parametrize("processes", ["0", "2"])
@pytest.mark.parametrize("required", ["kafka", "postgres,kafka"])
def test_a_missing_component_that_is_required_fails(
    tmp_path: Path, programs: Path, required: str, processes: str
) -> None:
    ran = run_tests(tmp_path, programs, "-n", processes, SLUICE_TEST_REQUIRE=required)

    assert ran.returncode == 1
    assert "1 passed, 1 error" in ran.stdout
    assert "SLUICE_TEST_REQUIRE names kafka, but there is no java in PATH" in ran.stdout


def test_a_java_that_is_too_old_is_no_java(tmp_path: Path, programs: Path) -> None:
    install(programs, "java", JAVA.format(version="11.0.2"))

    ran = run_tests(tmp_path, programs)

    assert "no kafka here: Kafka needs Java 17 or newer, java is 11" in ran.stdout


def test_a_download_that_was_cut_off_is_not_taken_for_a_whole_one(
    tmp_path: Path, programs: Path
) -> None:
    install(programs, "java", JAVA.format(version="17.0.15"))
    install(programs, "mvn", CUT_OFF)
    cut_off = run_tests(tmp_path, programs)
    halves = [*(tmp_path / "cache").rglob("a.jar")]

    install(programs, "mvn", NO_ROUTE)
    ran = run_tests(tmp_path, programs)

    assert cut_off.returncode == -signal.SIGKILL
    assert len(halves) == 1
    assert "no kafka here: mvn could not fetch Kafka: [ERROR] no route" in ran.stdout


def test_containers_run_what_uses_a_component_alone_and_skip_without_docker(
    tmp_path: Path, programs: Path
) -> None:
    nobody = "tcp://127.0.0.1:1"

    ran = run_tests(tmp_path, programs, "-m", "containers", DOCKER_HOST=nobody)

    assert ran.returncode == 0, ran.stdout
    assert "1 skipped, 1 deselected" in ran.stdout
    assert "no containers here: Docker does not answer" in ran.stdout


def test_a_test_that_takes_a_component_by_its_parameter_is_found_too() -> None:
    """What a fixture asks for while it runs is not known when tests are chosen."""
    suites = ("tests/integration/eventlog", "tests/integration/controlplane")

    groups = ("containers", "not containers", "not slow")
    found = {chosen: collected(chosen, *suites) for chosen in groups}

    assert BY_PARAMETER.search(found["containers"])
    assert BY_PARAMETER.findall(found["not containers"]) == []
    assert BY_PARAMETER.findall(found["not slow"]) == []


def test_the_store_of_the_integration_tests_is_a_component() -> None:
    assert "no tests collected" in collected("not containers", STORED)


def collected(chosen: str, *suites: str) -> str:
    """Returns what pytest lists of our own tests."""
    return subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "-q", "-m", chosen, *suites],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    ).stdout
