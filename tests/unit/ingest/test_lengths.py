"""Lengths: what the stream still takes, and what docs/wire-formats.md says of them.

The bounds themselves are in `test_rules`.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import msgspec

from processors.llm.spans import decode_span
from processors.llm.traces import decode_trace
from schemas.llm.wire import METADATA_CHARS, SentSpan, SentTrace
from tests.e2e.payloads import span, trace

DOCS = Path(__file__).parents[3] / "docs" / "wire-formats.md"


def test_the_stream_takes_what_an_older_version_has_accepted() -> None:
    long = "x" * 100_000

    model = decode_trace(json.dumps(trace(model_requested=long)).encode()).model_requested
    tool = decode_span(json.dumps(span(tool_name=long)).encode()).tool_name

    assert (model, tool) == (long, long)


def test_every_length_is_documented() -> None:
    text = DOCS.read_text()
    bounds = dict(lengths(SentTrace)) | dict(lengths(SentSpan))
    rows = {f"| `{name}` | {most} |" for name, most in bounds.items()}
    rows |= {f"| `metadata.{name}` | {most} |" for name, most in METADATA_CHARS.items()}

    assert len(bounds) == 14
    assert [row for row in sorted(rows) if row not in text] == []


def lengths(shape: type[msgspec.Struct]) -> Iterator[tuple[str, int]]:
    """Yields the fields of a shape that have a length, and the length."""
    for field in msgspec.structs.fields(shape):
        for option in get_args(field.type) or (field.type,):
            for meta in get_args(option)[1:] or get_args(field.type)[1:]:
                if isinstance(meta, msgspec.Meta) and meta.max_length is not None:
                    yield field.name, meta.max_length
