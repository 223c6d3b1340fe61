"""Reads the files of a folder that somebody else has filled: no link out of it, nothing large."""

from pathlib import Path
from typing import Any

import msgspec

MAX_BYTES = 1 << 20


class Files:
    """The files of one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()

    def has(self, *names: str) -> bool:
        """Tells whether there is one of these files."""
        return any((path := self._inside(name)) and path.is_file() for name in names)

    def text(self, name: str) -> str:
        """Returns the content of a file; empty text where there is none, or too much of it."""
        path = self._inside(name)
        if path is None or not path.is_file() or path.stat().st_size > MAX_BYTES:
            return ""
        return path.read_text(encoding="utf-8", errors="replace")

    def json(self, name: str) -> dict[str, Any]:
        """Returns the object in a file of JSON; an empty one where there is none."""
        return _table(msgspec.json.decode, self.text(name))

    def toml(self, name: str) -> dict[str, Any]:
        """Returns the table in a file of TOML; an empty one where there is none."""
        return _table(msgspec.toml.decode, self.text(name))

    def matching(self, pattern: str) -> list[str]:
        """Returns the names of files that match, with those of the folders above them."""
        found = [path for path in self._folder.glob(pattern) if path.is_file()]
        return sorted(str(path.relative_to(self._folder)) for path in found)

    def _inside(self, name: str) -> Path | None:
        path = (self._folder / name).resolve()
        return path if path.is_relative_to(self._folder) else None


def _table(decode: Any, text: str) -> dict[str, Any]:
    try:
        found = decode(text) if text else {}
    except (msgspec.DecodeError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
