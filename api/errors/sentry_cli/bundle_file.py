"""Reads a bundle of source maps as `sentry-cli` makes it: a zip archive with a manifest.

Source: Sentry's `symbolic-debuginfo`, `sourcebundle`. Names within the archive are looked up and
never become files. What one archive may cost is bounded, whatever it says of itself:

    1. the table of its files is measured before it is read; archives of 64 bits are not taken
    2. files are inflated one at a time, each and all together up to a bound
    3. only files that the manifest names are read, by the two methods that `sentry-cli` uses
"""

import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from typing import IO

import msgspec
from msgspec import Raw, Struct

from schemas.errors.source_maps import (
    MAX_PROBLEM_CHARS,
    MAX_URL_CHARS,
    FileFacts,
    FileKind,
    plain_debug_id,
)

MOST_FILES = 10_000
MOST_FILE_BYTES = 64 << 20
MOST_INFLATED_BYTES = 512 << 20
MOST_TABLE_BYTES = 4 << 20
MOST_MANIFEST_BYTES = 8 << 20
END = struct.Struct("<4s4H2LH")
"""The end of an archive: APPNOTE.TXT 6.3.10 of PKWARE, 4.3.16."""
END_SIGN, END_64_SIGN = b"PK\x05\x06", b"PK\x06\x07"
END_64_BYTES = 20
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
BY_TYPE: Mapping[str, FileKind] = {"minified_source": "minified", "source_map": "map"}
UNREADABLE = (
    *(zipfile.BadZipFile, zlib.error, RuntimeError, NotImplementedError, EOFError),
    *(struct.error, ValueError, KeyError, OverflowError),
)


class BadBundle(Exception):
    """Raised for a bundle that is not taken; the message says why, and what to do."""


class ManifestFile(Struct):
    """What a manifest says of a file."""

    type: str = ""
    url: str = ""
    headers: dict[str, str] = {}


class Manifest(Struct):
    """What a bundle says of itself."""

    files: dict[str, ManifestFile] = {}


class MapGlance(Struct):
    """Of a source map, what tells whether it is of use."""

    mappings: Raw = Raw(b"")
    sections: Raw = Raw(b"")
    sourcesContent: Raw = Raw(b"")


class SourceTexts(Struct):
    """The sources that a map holds."""

    sourcesContent: list[str | None] = []


class Entry(Struct, frozen=True):
    """A file of a bundle."""

    facts: FileFacts
    content: bytes


def open_archive(file: IO[bytes]) -> zipfile.ZipFile:
    """Opens an archive whose table is of a bounded size. Raises `BadBundle`."""
    size = file.seek(0, 2)
    file.seek(max(0, size - END.size - END_64_BYTES))
    tail = file.read()
    if len(tail) < END.size or tail[-END.size :][:4] != END_SIGN:
        raise BadBundle("not a bundle: it does not end as a zip archive")
    _, *_, entries, table_bytes, _, comment = END.unpack(tail[-END.size :])
    if comment or tail[: -END.size][-END_64_BYTES:].startswith(END_64_SIGN):
        raise BadBundle("not a bundle: archives of 64 bits or with a comment are not taken")
    if entries > MOST_FILES + 1 or table_bytes > MOST_TABLE_BYTES:
        raise BadBundle(f"{entries} files: at most {MOST_FILES} in one bundle; upload by folder")
    try:
        archive = zipfile.ZipFile(file)
    except UNREADABLE as error:
        raise BadBundle(f"not a bundle: {error}") from error
    if len(archive.infolist()) > MOST_FILES + 1:
        raise BadBundle(f"more than {MOST_FILES} files in one bundle; upload by folder")
    return archive


def entries_of(archive: zipfile.ZipFile, *, has_release: bool) -> Iterator[Entry]:
    """Yields the scripts and maps of a bundle. Raises `BadBundle`."""
    manifest = _manifest(archive)
    wanted = [
        (path, facts) for path, one in manifest.files.items() if (facts := _facts(one)) is not None
    ]
    if not wanted:
        raise BadBundle("the bundle has no scripts and no source maps")
    if not has_release and not any(facts.debug_id for _, facts in wanted):
        raise BadBundle(
            "no file has a debug id, and the upload names no release, so that no event could find"
            " them: run `sentry-cli sourcemaps inject` before the upload, or give --release"
        )
    left = MOST_INFLATED_BYTES
    for path, facts in wanted:
        content = _read(archive, path, min(MOST_FILE_BYTES, left), facts.url)
        left -= len(content)
        problem = problem_of(content) if facts.kind == "map" else ""
        yield Entry(msgspec.structs.replace(facts, size=len(content), problem=problem), content)


def problem_of(source_map: bytes) -> str:
    """Returns why a map is of little or no use; empty where it is whole."""
    try:
        glance = msgspec.json.decode(source_map, type=MapGlance)
        if memoryview(glance.sections).nbytes:
            return ""
        if memoryview(glance.mappings).nbytes <= 2:
            return "it maps nothing: its mappings are empty"
        if not memoryview(glance.sourcesContent).nbytes:
            return NO_SOURCES
        texts = msgspec.json.decode(source_map, type=SourceTexts).sourcesContent
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        return f"it cannot be read: {error}"[:MAX_PROBLEM_CHARS]
    return "" if any(texts) else NO_SOURCES


NO_SOURCES = "it holds no sources (sourcesContent), so that no lines of source can be shown"


def _manifest(archive: zipfile.ZipFile) -> Manifest:
    if "manifest.json" not in archive.namelist():
        raise BadBundle("not a bundle: it has no manifest.json")
    raw = _read(archive, "manifest.json", MOST_MANIFEST_BYTES, "manifest.json")
    try:
        return msgspec.json.decode(raw, type=Manifest)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise BadBundle(f"manifest.json cannot be read: {error}"[:MAX_PROBLEM_CHARS]) from error


def _facts(file: ManifestFile) -> FileFacts | None:
    kind = BY_TYPE.get(file.type)
    if kind is None or not file.url or len(file.url) > MAX_URL_CHARS or "\0" in file.url:
        return None
    headers = {name.lower(): value for name, value in file.headers.items()}
    reference = headers.get("sourcemap") or headers.get("x-sourcemap") or ""
    if len(reference) > MAX_URL_CHARS or "\0" in reference:
        reference = ""  # A map within the script: `sentry-cli` uploads it beside.
    return FileFacts(kind, plain_debug_id(headers.get("debug-id")), file.url, reference, 0)


def _read(archive: zipfile.ZipFile, path: str, most: int, name: str) -> bytes:
    shown = name[:100]
    try:
        info = archive.getinfo(path)
        if info.compress_type not in METHODS or info.flag_bits & 1:
            raise BadBundle(f"{shown}: neither stored nor deflated")
        with archive.open(info) as file:
            content = file.read(most + 1)
    except UNREADABLE as error:
        raise BadBundle(f"{shown}: it cannot be read: {error}"[:MAX_PROBLEM_CHARS]) from error
    if len(content) > most:
        raise BadBundle(
            f"{shown}: more than {MOST_FILE_BYTES >> 20} MiB when inflated, or more than"
            f" {MOST_INFLATED_BYTES >> 20} MiB with the files before it; upload in several bundles"
        )
    return content
