import os
from pathlib import Path

import pytest

from sluice.memory import available_bytes

MACHINE = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
LIMIT = 64 << 20


def write(root: Path, name: str, text: str) -> None:
    file = root / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


@pytest.mark.parametrize(
    ("group", "file"),
    [
        ("0::/app\n", "sys/fs/cgroup/app/memory.max"),
        ("0::/app/part\n", "sys/fs/cgroup/app/memory.max"),
        ("0::/the/host/names/it/so\n", "sys/fs/cgroup/memory.max"),
        ("5:cpu:/x\n4:cpu,memory:/app\n", "sys/fs/cgroup/memory/app/memory.limit_in_bytes"),
    ],
)
def test_a_limit_of_a_control_group_is_what_may_be_used(
    tmp_path: Path, group: str, file: str
) -> None:
    write(tmp_path, "proc/self/cgroup", group)
    write(tmp_path, file, f"{LIMIT}\n")

    assert available_bytes(tmp_path) == LIMIT


@pytest.mark.parametrize("text", ["max\n", "9223372036854771712\n"])
def test_a_group_without_a_limit_may_use_what_the_machine_has(tmp_path: Path, text: str) -> None:
    write(tmp_path, "proc/self/cgroup", "0::/app\n")
    write(tmp_path, "sys/fs/cgroup/app/memory.max", text)

    assert available_bytes(tmp_path) == MACHINE


def test_without_control_groups_it_is_what_the_machine_has(tmp_path: Path) -> None:
    assert available_bytes(tmp_path) == MACHINE
