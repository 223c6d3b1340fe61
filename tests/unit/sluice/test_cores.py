"""Edge processes by the cores: which count, and how many edges they are worth."""

import os
from pathlib import Path

import pytest

from sluice.cores import choose_edges, usable_cores

ALLOWED = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{text}\n")


@pytest.mark.parametrize(
    ("group", "files"),
    [
        ("0::/app", {"app/cpu.max": "50000 100000"}),
        ("0::/app/part", {"app/part/cpu.max": "max 100000", "app/cpu.max": "50000 100000"}),
        ("0::/the/host/names/it/so", {"cpu.max": "25000 50000"}),
        (
            "5:memory:/x\n4:cpu,cpuacct:/app",
            {"cpu/app/cpu.cfs_quota_us": "50000", "cpu/app/cpu.cfs_period_us": "100000"},
        ),
    ],
)
def test_a_quota_of_a_control_group_bounds_the_cores(
    tmp_path: Path, group: str, files: dict[str, str]
) -> None:
    write(tmp_path, {"proc/self/cgroup": group})
    write(tmp_path / "sys/fs/cgroup", files)

    assert usable_cores(tmp_path) == 0.5


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"cpu.max": "max 100000"},
        {"cpu.max": "0 0"},
        {"cpu.max": "640000000 100000"},
        {"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"},
    ],
)
def test_without_a_quota_below_them_it_is_the_cores_that_we_may_run_on(
    tmp_path: Path, files: dict[str, str]
) -> None:
    write(tmp_path, {"proc/self/cgroup": "4:cpu:/\n0::/"})
    write(tmp_path / "sys/fs/cgroup", files)

    assert usable_cores(tmp_path) == ALLOWED


@pytest.mark.parametrize(
    ("cores", "count"),
    [(0.5, 0), (1, 0), (2, 0), (3, 0), (3.9, 0), (4, 2), (4.5, 2), (5, 3), (8, 3), (64, 3)],
)
def test_edges_are_as_many_as_the_cores_are_worth(cores: float, count: int) -> None:
    chosen = choose_edges(None, cores, "linux")

    assert chosen.edges == count
    assert f"{cores:g} usable core" in chosen.reason


@pytest.mark.parametrize("said", [0, 1, 64])
@pytest.mark.parametrize("cores", [1, 64])
def test_a_number_that_was_said_wins(said: int, cores: float) -> None:
    assert choose_edges(said, cores, "linux") == (said, "SLUICE_EDGE_PROCESSES says so")


def test_elsewhere_than_on_linux_there_are_none() -> None:
    assert choose_edges(None, 64, "darwin").edges == 0
