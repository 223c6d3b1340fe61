"""What an app prints, kept in files until somebody has read it: bounded, the oldest goes first.

A file is named by its number, `00000001.spool`. A record is one line, with its time, its stream and
its text:

    1767225600000000 o listening on 21000

`o` and `e` are lines of stdout and stderr, `O` and `E` pieces of one that goes on in the next
record of that stream, `s` what the supervisor says itself: it is the writer. A reader keeps a
cursor of its own.
"""

import os
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from typing import Literal, NamedTuple

Stream = Literal["stdout", "stderr", "system"]
MAX_LINE_BYTES = 8 << 10
"""A longer line becomes pieces, so that no line is kept in memory whole."""
PARTIAL_AFTER_S = 0.2
"""How long an unfinished line waits for its end: a question without a line's end is shown too."""
SUFFIX = ".spool"
BLANK_BYTES = 1 << 16
TAGS: dict[Stream, tuple[bytes, bytes]] = {
    "stdout": (b"o", b"O"),
    "stderr": (b"e", b"E"),
    "system": (b"s", b"S"),
}
STREAMS: dict[bytes, tuple[Stream, bool]] = {
    tag: (stream, ends)
    for stream, tags in TAGS.items()
    for tag, ends in zip(tags, (True, False), strict=True)
}


class Cursor(NamedTuple):
    """How far a reader is: a file, and a place in it. It stands before a record."""

    number: int = 0
    offset: int = 0


class Chunk(NamedTuple):
    """A line, or a piece of one; `content` ends with a line's end where the line does."""

    at_us: int
    stream: Stream
    content: bytes


class Reading(NamedTuple):
    """What was read, and where to go on."""

    chunks: list[Chunk]
    cursor: Cursor
    has_lost: bool
    """Whether files were gone before they were read."""


class SpoolWriter:
    """Writes one folder's files. There is one writer of a folder at a time."""

    def __init__(self, folder: str, *, max_file_bytes: int, max_files: int) -> None:
        os.makedirs(folder, mode=0o700, exist_ok=True)
        self._folder = folder
        self._max_file_bytes = max_file_bytes
        self._max_files = max_files
        self._numbers = deque(numbers(folder))
        self._partial: dict[Stream, bytes] = dict.fromkeys(TAGS, b"")
        self._since_s: dict[Stream, float] = {}
        self._written = 0
        self._is_cut = False
        self._file = -1
        self._open_next()

    def write(self, stream: Stream, content: bytes, *, at_us: int, now_s: float) -> None:
        """Adds what was printed. What the disk does not take is lost."""
        whole, end, rest = (self._partial[stream] + content).rpartition(b"\n")
        stamp = b"%d " % at_us
        records = [b"".join(_records(line, stamp, TAGS[stream])) for line in whole.split(b"\n")]
        self._put(b"".join(records) if end else b"")
        while len(rest) >= MAX_LINE_BYTES:
            self._put(stamp + TAGS[stream][1] + b" " + rest[:MAX_LINE_BYTES] + b"\n")
            rest = rest[MAX_LINE_BYTES:]
        self._partial[stream] = rest
        if end or not rest:
            self._since_s.pop(stream, None)
        if rest:
            self._since_s.setdefault(stream, now_s)

    def waits(self) -> bool:
        """Tells whether a line is unfinished."""
        return bool(self._since_s)

    def flush(self, *, at_us: int, now_s: float | None) -> None:
        """Adds unfinished lines that have waited long enough; with `None`, all of them."""
        for stream, since in list(self._since_s.items()):
            if now_s is not None and now_s - since < PARTIAL_AFTER_S:
                continue
            partial, self._partial[stream] = self._partial[stream], b""
            del self._since_s[stream]
            self._put(b"%d %b %b\n" % (at_us, TAGS[stream][1], partial))

    def close(self) -> None:
        """Ends the file."""
        os.close(self._file)

    def _put(self, records: bytes) -> None:
        if not records:
            return
        if self._written >= self._max_file_bytes:
            os.close(self._file)
            self._open_next()
        # A full disk may have taken a part of a record; the next one begins on a line of its own.
        wanted = b"\n" + records if self._is_cut else records
        self._is_cut = True
        with suppress(OSError):
            written = os.write(self._file, wanted)
            self._written += written
            self._is_cut = written < len(wanted)

    def _open_next(self) -> None:
        number = self._numbers[-1] + 1 if self._numbers else 1
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        self._file = os.open(_path(self._folder, number), flags, 0o600)
        self._numbers.append(number)
        self._written = 0
        self._is_cut = False
        while len(self._numbers) > self._max_files:
            with suppress(OSError):
                os.unlink(_path(self._folder, self._numbers.popleft()))


def _records(line: bytes, stamp: bytes, tags: tuple[bytes, bytes]) -> list[bytes]:
    ends, goes_on = tags
    pieces = [
        stamp + goes_on + b" " + line[start : start + MAX_LINE_BYTES] + b"\n"
        for start in range(0, len(line) - MAX_LINE_BYTES, MAX_LINE_BYTES)
    ]
    return [*pieces, stamp + ends + b" " + line[len(pieces) * MAX_LINE_BYTES :] + b"\n"]


def read(folder: str, cursor: Cursor, *, max_bytes: int = 1 << 20) -> Reading:
    """Returns what stands behind a cursor, up to a record's end. It does not wait."""
    found = numbers(folder)
    if not found:
        return Reading([], cursor, has_lost=False)
    has_lost = max(cursor.number, 1) < found[0]
    if cursor.number < found[0]:
        cursor = Cursor(found[0], 0)
    content = _content(folder, cursor, max_bytes)
    while not content and cursor.number < found[-1]:
        cursor = Cursor(next(number for number in found if number > cursor.number), 0)
        content = _content(folder, cursor, max_bytes)
    whole = content[: content.rfind(b"\n") + 1]
    chunks = [chunk for line in whole.split(b"\n") if (chunk := _parsed(line))]
    return Reading(chunks, Cursor(cursor.number, cursor.offset + len(whole)), has_lost)


def erase(folder: str, start: Cursor, end: Cursor) -> None:
    """Leaves nothing of what stands between two places: it has been read, and may hold secrets.

    Files before that of the end are removed. What cannot be erased now stays.
    """
    for number in numbers(folder):
        with suppress(OSError):
            if number < end.number:
                os.unlink(_path(folder, number))
            elif number == end.number:
                _blank(folder, number, start.offset if start.number == number else 0, end.offset)


def last_lines(chunks: Iterable[Chunk], count: int) -> list[str]:
    """Returns the last lines of an app in what it has printed, oldest first, as text."""
    text = b"".join(chunk.content for chunk in chunks if chunk.stream != "system")
    lines = text.decode(errors="replace").removesuffix("\n").split("\n")
    return lines[-count:] if text else []


def numbers(folder: str) -> list[int]:
    """Returns the numbers of a folder's files, oldest first."""
    names = []
    with suppress(OSError):
        names = os.listdir(folder)
    return sorted(int(name[: -len(SUFFIX)]) for name in names if name.endswith(SUFFIX))


def _content(folder: str, cursor: Cursor, max_bytes: int) -> bytes:
    try:
        with open(_path(folder, cursor.number), "rb") as file:
            file.seek(cursor.offset)
            return file.read(max_bytes)
    except OSError:
        return b""


def _blank(folder: str, number: int, start: int, end: int) -> None:
    # Ends of lines: a reader that has lost its place passes over them.
    file = os.open(_path(folder, number), os.O_WRONLY | os.O_CLOEXEC)
    try:
        while start < end:
            start += os.pwrite(file, b"\n" * min(end - start, BLANK_BYTES), start)
    finally:
        os.close(file)


def _parsed(line: bytes) -> Chunk | None:
    head, _, text = line.partition(b" ")
    tag, _, text = text.partition(b" ")
    if not head.isdigit() or tag not in STREAMS:
        return None
    stream, ends = STREAMS[tag]
    return Chunk(int(head), stream, text + b"\n" if ends else text)


def _path(folder: str, number: int) -> str:
    return os.path.join(folder, f"{number:08d}{SUFFIX}")
