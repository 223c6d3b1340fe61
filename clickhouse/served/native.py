"""The format Native as newer clients want it, made from what the engine writes. Pure.

The embedded engine writes Native as for revision 0. Go's client, which is Grafana's, asks over HTTP
by `client_protocol_version` for what a server sends to a client of that version
(`NativeWriter::write`, 26.9):

1. Before each block its information: field 1 (overflows) 0, field 2 (bucket) -1, then 0.
2. Behind the type of each column, from revision 54454 on, a byte: 0 for the usual serialization.

So where a column ends must be known, which only its type tells. A column is first its prefix (of
LowCardinality the version), then its values. Types that are not listed here are rejected.
"""

import re
from collections.abc import Iterator, Sequence

from clickhouse.served.codes import Code
from clickhouse.served.errors import refusal

LEAST_REVISION = 54_454
"""Clients of older versions read what the engine writes."""
MOST_ROWS = 1_000_000
MOST_TEXTS = 10_000_000
"""Of one answer: texts are measured one by one, at some 0.2 us each."""
BLOCK_INFORMATION = b"\x01\x00\x02\xff\xff\xff\xff\x00"
USUAL = b"\x00"
WIDTHS = {
    "Bool": 1, "UInt8": 1, "Int8": 1, "Enum8": 1, "Nothing": 1,
    "UInt16": 2, "Int16": 2, "Enum16": 2, "Date": 2, "BFloat16": 2,
    "UInt32": 4, "Int32": 4, "Float32": 4, "DateTime": 4, "Date32": 4, "IPv4": 4, "Time": 4,
    "UInt64": 8, "Int64": 8, "Float64": 8, "DateTime64": 8, "Time64": 8,
    "UInt128": 16, "Int128": 16, "UUID": 16, "IPv6": 16,
    "UInt256": 32, "Int256": 32,
}  # fmt: skip
DECIMALS = ((9, 4), (18, 8), (38, 16), (76, 32))
HAS_KEYS = 1 << 9
TYPE = re.compile(r"(\w+)(?:\((.*)\))?", re.DOTALL)
FIELD = re.compile(r"(?:`(?:[^`\\]|\\.)*`|\w+) (?=\S)")


class Rewriter:
    """Rewrites the blocks of one answer."""

    def __init__(self) -> None:
        self._rows = self._texts = 0

    def blocks(self, native: bytes) -> Iterator[bytes]:
        """Yields whole blocks as a client of a newer version reads them. Raises `EngineError`."""
        reader = _Reader(native, self._texts)
        while reader.at < len(native):
            begin = reader.at
            columns, rows = reader.number(), reader.number()
            self._rows += rows
            if self._rows > MOST_ROWS:
                raise refusal(
                    Code.TOO_MANY_ROWS_OR_BYTES,
                    f"Over {MOST_ROWS} rows in this form: give a LIMIT, or ask for another format.",
                )
            yield BLOCK_INFORMATION + native[begin : reader.at]
            for _ in range(columns):
                yield from _column(reader, rows)
        self._texts = reader.texts


def _column(reader: "_Reader", rows: int) -> Iterator[bytes]:
    begin = reader.at
    reader.skip(reader.number())
    kind = reader.text()
    yield reader.data[begin : reader.at] + USUAL
    begin = reader.at
    if rows:
        reader.skip_prefix(kind)
        reader.skip_values(kind, rows)
    yield reader.data[begin : reader.at]


class _Reader:
    """A place in Native data, which only goes forward."""

    def __init__(self, data: bytes, texts: int) -> None:
        self.data = data
        self.texts = texts
        self.at = 0

    def number(self) -> int:
        """Reads a number of variable length."""
        found = shift = 0
        while True:
            byte = self.data[self.at]
            self.at += 1
            found |= (byte & 0x7F) << shift
            if byte < 0x80:
                return found
            shift += 7

    def fixed(self) -> int:
        """Reads a UInt64."""
        self.skip(8)
        return int.from_bytes(self.data[self.at - 8 : self.at], "little")

    def text(self) -> str:
        """Reads a text with its length before it."""
        size = self.number()
        self.skip(size)
        return self.data[self.at - size : self.at].decode()

    def skip(self, size: int) -> None:
        """Goes forward."""
        self.at += size

    def skip_prefix(self, kind: str) -> None:
        """Goes past what comes once before the values of a column."""
        name, arguments = _parsed(kind)
        if name == "LowCardinality":
            self.skip(8)
            return
        for inner in _inner(name, arguments):
            self.skip_prefix(inner)

    def skip_values(self, kind: str, rows: int) -> None:
        """Goes past so many values of a type."""
        name, arguments = _parsed(kind)
        if name == "String":
            self.texts += rows
            if self.texts > MOST_TEXTS:
                reason = f"Over {MOST_TEXTS} texts in this form: give a LIMIT, or another format."
                raise refusal(Code.TOO_MANY_ROWS_OR_BYTES, reason)
            for _ in range(rows):
                self.skip(self.number())
        elif name == "LowCardinality":
            self._skip_keyed(arguments[0], rows)
        elif name in ("Array", "Map"):
            self.skip(8 * (rows - 1) if rows else 0)
            total = self.fixed() if rows else 0
            for inner in _inner(name, arguments):
                self.skip_values(inner, total)
        elif name in ("Tuple", "Nullable", "SimpleAggregateFunction"):
            # Of an empty tuple there is a byte a row as well.
            self.skip(rows if name == "Nullable" or not arguments else 0)
            for inner in _inner(name, arguments):
                self.skip_values(inner, rows)
        else:
            self.skip(rows * _width(kind, name, arguments))

    def _skip_keyed(self, kind: str, rows: int) -> None:
        if not rows:
            return
        form = self.fixed()
        if form & HAS_KEYS:
            name, arguments = _parsed(kind)
            self.skip_values(arguments[0] if name == "Nullable" else kind, self.fixed())
        self.skip(self.fixed() << (form & 0xFF))


def _width(kind: str, name: str, arguments: Sequence[str]) -> int:
    if name in WIDTHS:
        return WIDTHS[name]
    if name == "FixedString":
        return int(arguments[0])
    if name == "Decimal":
        return next(width for digits, width in DECIMALS if int(arguments[0]) <= digits)
    if name.startswith("Interval"):
        return 8
    raise refusal(
        Code.NOT_IMPLEMENTED,
        f"{kind} is not sent in this form: turn it into another type, as with toString.",
    )


def _inner(name: str, arguments: Sequence[str]) -> Sequence[str]:
    """Returns the types that a type is made of, as their values follow each other."""
    if name == "SimpleAggregateFunction":
        return arguments[-1:]
    if name in ("Array", "Nullable", "Map"):
        return arguments
    if name == "Tuple":
        return [FIELD.sub("", one, count=1) if FIELD.match(one) else one for one in arguments]
    return ()


def _parsed(kind: str) -> tuple[str, list[str]]:
    """Splits a type into its name and what stands in its brackets."""
    found = TYPE.fullmatch(kind)
    if found is None:
        return kind, []
    return found[1], _split(found[2] or "")


def _split(text: str) -> list[str]:
    """Splits by the commas outside brackets and quotes."""
    parts, depth, begin = [], 0, 0
    for token in re.finditer(r"'(?:[^'\\]|\\.)*'|`(?:[^`\\]|\\.)*`|[(),]", text):
        depth += {"(": 1, ")": -1}.get(token[0], 0)
        if token[0] == "," and depth == 0:
            parts.append(text[begin : token.start()].strip())
            begin = token.end()
    last = text[begin:].strip()
    return [*parts, last] if last else parts
