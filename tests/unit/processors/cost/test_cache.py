"""The cached table: compiled when absent or damaged, read without the library."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from processors.llm.cost import cache
from processors.llm.cost.cache import PriceTableError, load_book, read_table
from processors.llm.cost.compile import compile_table, write_table


@pytest.fixture
def cached(tmp_path: Path) -> Path:
    load_book(tmp_path)
    (path,) = tmp_path.iterdir()
    return path


@pytest.mark.parametrize("damage", ["truncated", "flipped", "empty", "other file"])
def test_a_damaged_file_is_compiled_again(cached: Path, damage: str) -> None:
    good = cached.read_bytes()
    flipped = good[:5000] + bytes([good[5000] ^ 1]) + good[5001:]
    bad = {"truncated": good[:-100], "flipped": flipped, "empty": b"", "other file": b"x" * 9000}
    cached.write_bytes(bad[damage])
    assert read_table(cached) is None

    book = load_book(cached.parent)

    assert cached.read_bytes() == good
    assert book.snapshot == compile_table().snapshot


def test_a_file_of_another_form_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "prices"
    path.write_bytes(cache.seal(b"\x92\x01\x02"))

    assert read_table(path) is None


def test_a_compiler_that_fails_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "no-python"))

    with pytest.raises(PriceTableError, match="no-python"):
        load_book(tmp_path / "cache")


def test_a_directory_that_cannot_be_written_says_why(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")

    with pytest.raises(PriceTableError, match="file"):
        load_book(tmp_path / "file" / "cache")


def test_the_same_package_always_compiles_to_the_same_bytes(cached: Path, tmp_path: Path) -> None:
    again = tmp_path / "again"

    write_table(again)

    assert again.read_bytes() == cached.read_bytes()
    assert not list(tmp_path.glob("*.part"))


def test_loading_never_imports_the_library(tmp_path: Path) -> None:
    program = f"""
import sys
from pathlib import Path
from processors.llm.cost.cache import load_book
load_book(Path({str(tmp_path)!r}))
print([name for name in ("genai_prices", "pydantic", "httpx2") if name in sys.modules])
"""

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)

    assert done.stdout.strip() == "[]", done.stderr
