"""Keeps out of the process what it never uses.

Arrow imports pandas at its first array, if there is one, to learn whether it was given a frame: a
second of work and 40 MB of memory for nothing. chDB installs pandas for its users; we are none.
"""

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType


class _Without(MetaPathFinder):
    def __init__(self, names: frozenset[str]) -> None:
        self._names = names

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname in self._names:
            raise ModuleNotFoundError(f"{fullname} is kept out", name=fullname)
        return None


def keep_out_pandas() -> None:
    """Makes `import pandas` fail from here on. May be called twice."""
    if not any(isinstance(finder, _Without) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Without(frozenset({"pandas"})))
