"""How much memory this process may use, by its control group and by its machine."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

from sluice.control_groups import SYSTEM, groups

NAMES = {1: "memory.limit_in_bytes", 2: "memory.max"}


def available_bytes(root: Path = SYSTEM) -> int:
    """Returns the least of the machine's memory and the limits of our control groups."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min([machine, *_limits(root)])


def _limits(root: Path) -> Iterator[int]:
    for group in groups("memory", root):
        if found := re.fullmatch(r"(\d+)\s*", group.read(NAMES[group.version])):
            yield int(found[1])
