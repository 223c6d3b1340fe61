"""What one must know of a statement before the engine gets it. Pure, and on bytes alone.

The engine parses; this only finds where the rows of an INSERT begin, which format is asked for, and
the first word. Written after ClickHouse's own lexer and `ParserInsertQuery` (26.9):

1. Spaces and comments (`--`, `# `, `#!`, `/* */`, which do not nest) count for nothing.
2. `'…'`, `` `…` `` and `"…"` (with `\\` or doubled quotes inside) are one token each. Not
   `$tag$…$tag$`, which is rare, and would let a sender make this quadratic.
3. An INSERT has rows in its text after a FORMAT and its name, outside brackets: the rows begin
   after blanks and one line end. Rows after VALUES are expressions, and stay in the statement.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

TOKEN = re.compile(
    rb"""
    (?P<blank>\s+|--[^\n]*|\#[\ !][^\n]*|/\*.*?(?:\*/|\Z))
    |(?P<quoted>'(?:[^'\\]|\\.|'')*'|`(?:[^`\\]|\\.|``)*`|"(?:[^"\\]|\\.|"")*")
    |(?P<word>[A-Za-z_]\w*)
    |(?P<number>\d[\w.]*)
    |(?P<open>[(\[{])
    |(?P<close>[)\]}])
    |(?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)
AFTER_FORMAT = re.compile(rb"[ \t\f]*\r?\n?")
MAX_HEAD_BYTES = 1 << 20
"""Of a statement without its rows. The engine itself takes 256 KiB (`max_query_size`)."""
READS = frozenset(
    {"SELECT", "WITH", "SHOW", "DESCRIBE", "DESC", "EXPLAIN", "EXISTS", "CHECK", "VALUES", "("}
)
"""First words of statements that answer rows."""
CONTROLS = frozenset({"SET", "USE"})
STREAMED = frozenset(
    {
        "native", "tabseparated", "tsv", "tabseparatedraw", "tsvraw", "csv", "rowbinary",
        "jsoneachrow", "jsonlines", "ndjson", "jsoncompacteachrow",
    }
)  # fmt: skip
"""Formats without head and foot: what the engine makes of each block may be put together."""
NAMES_FILES = re.compile(rb"outfile|infile", re.IGNORECASE)
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

    @property
    def answers_rows(self) -> bool:
        """Tells a query from a command."""
        return self.verb in READS

    @property
    def only_reads(self) -> bool:
        """Tells whether a reader may even ask: the engine decides, and allows some that harm."""
        return self.verb in READS or self.verb in CONTROLS

    @property
    def names_files(self) -> bool:
        """Tells whether a word that opens files of the server stands anywhere in the text."""
        return NAMES_FILES.search(self.text) is not None

    @property
    def may_hold_several(self) -> bool:
        """Tells whether the engine must be asked if this is one statement."""
        return b";" in self.text.rstrip(b"; \t\r\n") or self.text.count(b";") > 1

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
    if first is None:
        return Statement(text, "", None, None)
    verb = first.group().decode("ascii", "replace").upper()
    if verb == "INSERT":
        return _read_insert(text, words)
    if len(text) > MAX_HEAD_BYTES:
        raise StatementTooLong
    return Statement(text, verb if verb.isalpha() or verb == "(" else "", _last(words), None)


def _read_insert(text: bytes, words: Iterator[re.Match[bytes]]) -> Statement:
    for word in words:
        name = word.group().upper()
        if word.start() > MAX_HEAD_BYTES:
            raise StatementTooLong
        if name in {b"SELECT", b"WITH", b"VALUES"}:
            break
        if name == b"FORMAT" and (format_word := next(words, None)):
            form = format_word.group().decode()
            if form.upper() == "VALUES":
                break
            blank = AFTER_FORMAT.match(text, format_word.end())
            begin = blank.end() if blank else format_word.end()
            return Statement(text[: word.start()], "INSERT", form, text[begin:])
    return Statement(text, "INSERT", None, None)


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
    for token in TOKEN.finditer(text):
        kind = token.lastgroup
        if kind == "blank":
            continue
        if first or (kind == "word" and depth == 0):
            yield token
        first = False
        depth += (kind == "open") - (kind == "close")
