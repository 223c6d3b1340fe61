"""Bundles that want more than they may have: each ends in `BadBundle`, in bounded memory."""

import io
import json
import struct
import tracemalloc
import zipfile

import pytest

from api.errors.sentry_cli import bundle_file
from api.errors.sentry_cli.bundle_file import (
    MOST_FILES,
    MOST_INFLATED_BYTES,
    BadBundle,
    entries_of,
    open_archive,
    problem_of,
)

DEBUG_ID = "152315f0-be65-56a6-b1c1-0e9729530994"


def archive_of(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Returns an archive of source maps, by their paths in it."""
    out = io.BytesIO()
    headers = {"debug-id": DEBUG_ID}
    named = {path: {"type": "source_map", "url": f"~/{path}", "headers": headers} for path in files}
    with zipfile.ZipFile(out, "w", method) as archive:
        archive.writestr("manifest.json", json.dumps({"files": named}))
        for path, content in files.items():
            archive.writestr(path, content)
    return out.getvalue()


def read(archive: bytes) -> int:
    """Reads a bundle; returns how many bytes came out."""
    opened = open_archive(io.BytesIO(archive))
    return sum(len(one.content) for one in entries_of(opened, has_release=False))


def test_a_bomb_of_one_file_is_stopped_at_its_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundle_file, "MOST_FILE_BYTES", 1 << 20)
    bomb = archive_of({"a.map": bytes(32 << 20)})

    tracemalloc.start()
    with pytest.raises(BadBundle, match=r"a\.map: more than 1 MiB when inflated"):
        read(bomb)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert len(bomb) < 64 << 10
    assert peak < 8 << 20


def test_many_files_that_are_each_within_the_bound_are_stopped_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bundle_file, "MOST_INFLATED_BYTES", 3 << 20)
    files = {f"{number}.map": bytes(1 << 20) for number in range(4)}

    with pytest.raises(BadBundle, match="with the files before it"):
        read(archive_of(files))
    assert MOST_INFLATED_BYTES == 512 << 20


def test_a_file_that_says_it_is_smaller_is_read_no_further(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bundle_file, "MOST_FILE_BYTES", 1 << 20)
    archive = archive_of({"a.map": bytes(2 << 20)})
    lied = archive.replace(struct.pack("<I", 2 << 20), struct.pack("<I", 100))

    with pytest.raises(BadBundle, match="cannot be read"):
        read(lied)


def test_a_table_of_too_many_files_is_not_read() -> None:
    archive = bytearray(archive_of({"a.map": b"{}"}))
    archive[-12:-10] = struct.pack("<H", MOST_FILES + 2)  # how many there are, APPNOTE 4.3.16

    with pytest.raises(BadBundle, match="at most 10000 in one bundle"):
        open_archive(io.BytesIO(bytes(archive)))


@pytest.mark.parametrize("cut", [1, 21, 22, 60])
def test_an_archive_that_is_cut_is_no_bundle(cut: int) -> None:
    with pytest.raises(BadBundle):
        read(archive_of({"a.map": b"{}"})[:-cut])


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_methods_that_sentry_cli_does_not_use_are_rejected(method: int) -> None:
    with pytest.raises(BadBundle, match="neither stored nor deflated"):
        read(archive_of({"a.map": b"{}"}, method))


def test_paths_in_an_archive_are_names_and_nothing_else() -> None:
    paths = ("../../etc/passwd", "/etc/passwd", "..\\..\\x")
    opened = open_archive(io.BytesIO(archive_of(dict.fromkeys(paths, b"{}"))))

    found = list(entries_of(opened, has_release=False))

    assert [one.content for one in found] == [b"{}"] * 3
    assert {one.facts.url for one in found} == {f"~/{path}" for path in paths}


@pytest.mark.parametrize(
    ("source_map", "says"),
    [
        (b'{"mappings":"AAAA","sourcesContent":["a"]}', ""),
        (b'{"sections":[{"offset":{},"map":{}}]}', ""),
        (b'{"mappings":"","sourcesContent":["a"]}', "empty"),
        (b'{"mappings":"AAAA"}', "sourcesContent"),
        (b'{"mappings":"AAAA","sourcesContent":[null]}', "sourcesContent"),
        (b"[]", "cannot be read"),
        (b"\xff", "cannot be read"),
        (b"[" * 100_000, "cannot be read"),
    ],
)
def test_what_is_wrong_with_a_map_is_said(source_map: bytes, says: str) -> None:
    found = problem_of(source_map)

    assert says in found
    assert bool(found) == bool(says)
