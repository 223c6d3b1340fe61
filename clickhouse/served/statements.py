"""What one must know of a statement before the engine gets it. Pure, and on bytes alone.

The engine parses; this only finds where the rows of an INSERT begin, which format is asked for, and
the first word. What may run is decided on the engine's own reading (`clickhouse.served.checks`).
Written after ClickHouse's own lexer and `ParserInsertQuery` (26.9):

1. Spaces and comments (`--`, `# `, `#!`, `/* */`, which do not nest) count for nothing.
2. `'…'`, `` `…` `` and `"…"` (with `\\` or doubled quotes inside) are one token each, and reach to
   the end where they are not closed. Not `$tag$…$tag$`, which is rare.
3. An INSERT has rows in its text after a FORMAT and its name, outside brackets: the rows begin
   after blanks and one line end. So it has after VALUES, which is short for FORMAT Values. Rows are
   fed to the engine, which would take what follows a `;` in them for the next statement.

Every token is read once: a pattern that went back over what it has read would let a sender make
this quadratic.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

TOKEN = re.compile(
    rb"""
    (?P<blank>\s++|--[^\n]*+|\#[\ !][^\n]*+|/\*.*?(?:\*/|\Z))
    |(?P<quoted>'(?:[^'\\]|\\.|'')*+(?:'|\\?\Z)
        |`(?:[^`\\]|\\.|``)*+(?:`|\\?\Z)
        |"(?:[^"\\]|\\.|"")*+(?:"|\\?\Z))
    |(?P<word>[A-Za-z_]\w*+)
    |(?P<number>\d[\w.]*+)
    |(?P<open>[(\[{])
    |(?P<close>[)\]}])
    |(?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)
VALUES = re.compile(
    rb"""(?:[^;'"`]++|'(?:[^'\\]|\\.)*+'|`(?:[^`\\]|\\.)*+`|"(?:[^"\\]|\\.)*+")*+""", re.DOTALL
)
"""Rows after VALUES, up to a `;` outside of quotes."""
ASSIGNED = re.compile(rb"\s*+\w++\s*+=")
"""What follows SETTINGS where that is no name of a table."""
AFTER_FORMAT = re.compile(rb"[ \t\f]*+\r?\n?")
MAX_HEAD_BYTES = 256 << 10
"""Of a statement without its rows, as at the engine (`max_query_size`)."""
READS = frozenset(
    {"SELECT", "WITH", "SHOW", "DESCRIBE", "DESC", "EXPLAIN", "EXISTS", "VALUES", "("}
)
"""First words of statements that answer rows."""
STREAMED = frozenset(
    {
        "native", "tabseparated", "tsv", "tabseparatedraw", "tsvraw", "csv", "rowbinary",
        "jsoneachrow", "jsonlines", "ndjson", "jsoncompacteachrow",
    }
)  # fmt: skip
"""Formats without head and foot: what the engine makes of each block may be put together."""
NOT_BY_BLOCKS = re.compile(rb"\b(?:totals|extremes|insert)\b", re.IGNORECASE)
"""What comes once, after all blocks; and `WITH … INSERT`."""


class Statement(NamedTuple):
    """One statement as the engine gets it, and what must be known of it before."""

    text: bytes
    verb: str
    """The first word in capitals, `(` for a bracket, empty for anything else."""
    format: str | None
    """The format that the statement itself names."""
    rows: bytes | None
    """The rows of an INSERT in that format, `None` when they are not for us to feed."""
    head: bytes
    """What the engine is asked to read before anything runs: all but rows."""

    @property
    def answers_rows(self) -> bool:
        """Tells a query from a command."""
        return self.verb in READS

    @property
    def has_another(self) -> bool:
        """Tells whether something follows the rows of VALUES, where the engine stops to read."""
        if self.rows is None or (self.format or "").upper() != "VALUES":
            return False
        found = VALUES.match(self.rows)
        return bool(found and self.rows[found.end() :].strip(b"; \t\r\n"))

    def reading_from(self, path: str) -> bytes:
        """Returns an INSERT that reads its rows from a file of ours instead of its own text."""
        end = next(
            (
                word.start()
                for word in _words(self.text)
                if word.group().upper() == b"SETTINGS" and ASSIGNED.match(self.text, word.end())
            ),
            len(self.text),
        )
        # After a line's end: the text may close with a comment.
        source = f"\nFROM INFILE '{path}' ".encode()
        form = f"\nFORMAT {self.format}".encode()
        return self.text[:end] + source + self.text[end:] + form

    def streams_as(self, default_format: str) -> bool:
        """Tells whether the answer can be sent block by block."""
        return (
            self.verb in {"SELECT", "WITH"}
            and (self.format or default_format).lower() in STREAMED
            and NOT_BY_BLOCKS.search(self.text) is None
        )


class StatementTooLong(Exception):
    """Raised when a statement without its rows is longer than any that the engine takes."""


def read_statement(text: bytes) -> Statement:
    """Reads a statement with its rows, if it has any. Raises `StatementTooLong`."""
    words = _words(text)
    first = next(words, None)
    verb = "" if first is None else first.group().decode("ascii", "replace").upper()
    if verb == "INSERT":
        return _read_insert(text, words)
    if len(text) > MAX_HEAD_BYTES:
        raise StatementTooLong
    verb = verb if verb.isalpha() or verb == "(" else ""
    return Statement(text, verb, _last(words), None, text)


def _read_insert(text: bytes, words: Iterator[re.Match[bytes]]) -> Statement:
    for word in words:
        name = word.group().upper()
        if word.start() > MAX_HEAD_BYTES:
            raise StatementTooLong
        if name in {b"SELECT", b"WITH"}:
            break
        if name == b"VALUES":
            head = text[: word.end()]
            return Statement(text[: word.start()], "INSERT", "Values", text[word.end() :], head)
        if name == b"FORMAT" and (format_word := next(words, None)):
            form, end = format_word.group().decode(), format_word.end()
            blank = AFTER_FORMAT.match(text, end)
            begin = blank.end() if blank else end
            return Statement(text[: word.start()], "INSERT", form, text[begin:], text[:end])
    if len(text) > MAX_HEAD_BYTES:
        raise StatementTooLong
    return Statement(text, "INSERT", None, None, text)


def _last(words: Iterator[re.Match[bytes]]) -> str | None:
    """Returns the name behind the last FORMAT that stands outside brackets."""
    found = None
    for word in words:
        if word.group().upper() == b"FORMAT" and (name := next(words, None)):
            found = name.group().decode()
    return found


def _words(text: bytes) -> Iterator[re.Match[bytes]]:
    """Yields the first token that counts, and then the words outside brackets."""
    depth, first = 0, True
    for token in TOKEN.finditer(text, 0, MAX_HEAD_BYTES + 1024):
        kind = token.lastgroup
        if kind == "blank":
            continue
        if first or (kind == "word" and depth == 0):
            yield token
        first = False
        depth += (kind == "open") - (kind == "close")
