"""How many cores this process may use, and how many edge processes are worth it on them."""

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from sluice.control_groups import SYSTEM, Group, groups

LEAST_CORES = 4
"""With fewer, an edge takes from its owner and the senders more than it brings."""
OWNERS_CORES = 2
"""What one interpreter with its threads fills."""
MOST_EDGES = 3
"""By then the event loop of their owner is full, whatever comes: docs/scaling.md."""


class Chosen(NamedTuple):
    """How many edge processes, and why."""

    edges: int
    reason: str


def usable_cores(root: Path = SYSTEM) -> float:
    """Returns the least of the cores that we may run on and the quotas of our control groups."""
    if hasattr(os, "sched_getaffinity"):  # only Linux has it
        allowed = len(os.sched_getaffinity(0))
    else:
        allowed = os.cpu_count() or 1
    return min([float(allowed), *_quotas(root)])


def choose_edges(said: int | None, cores: float, platform: str = sys.platform) -> Chosen:
    """Returns what was said, or else what the cores are worth."""
    if said is not None:
        return Chosen(said, "SLUICE_EDGE_PROCESSES says so")
    if platform != "linux":
        return Chosen(0, "edge processes need Linux")
    shown = f"{cores:g} usable core{'s' if cores != 1 else ''}"
    if cores < LEAST_CORES:
        return Chosen(0, f"{shown}, fewer than {LEAST_CORES}")
    count = min(int(cores) - OWNERS_CORES, MOST_EDGES)
    return Chosen(count, f"{shown}, of which {OWNERS_CORES} are the owner's; at most {MOST_EDGES}")


def _quotas(root: Path) -> Iterator[float]:
    for group in groups("cpu", root):
        if found := re.fullmatch(r"(\d+) (\d+)", _bandwidth(group)):
            quota_us, period_us = int(found[1]), int(found[2])
            if quota_us and period_us:
                yield quota_us / period_us


def _bandwidth(group: Group) -> str:
    """Returns quota and period; the quota is no number where there is no limit."""
    if group.version == 2:
        return group.read("cpu.max").strip()
    quota, period = group.read("cpu.cfs_quota_us"), group.read("cpu.cfs_period_us")
    return f"{quota.strip()} {period.strip()}"
