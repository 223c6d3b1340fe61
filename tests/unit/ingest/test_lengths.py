import json
from pathlib import Path
from typing import Any

import pytest

from ingest.errors import BadItems
from ingest.llm.pulse import Frame, frame_array, span_frame, trace_frame
from processors.llm.spans import decode_span
from processors.llm.traces import decode_trace
from schemas.llm.wire import MAX_CHARS, METADATA_CHARS, SpanItem, TraceItem
from tests.e2e.payloads import span, trace

FRAMES = {"trace": trace_frame(frozenset()), "span": span_frame()}
FIELDS = [
    *(("trace", name) for name in TraceItem.__struct_fields__ if name in MAX_CHARS),
    *(("span", name) for name in SpanItem.__struct_fields__ if name in MAX_CHARS),
]
KEYS = [(kind, key) for kind in FRAMES for key in METADATA_CHARS]
DOCS = Path(__file__).parents[3] / "docs" / "wire-formats.md"


def item_of(kind: str, **fields: Any) -> dict[str, Any]:
    return trace(**fields) if kind == "trace" else span(**fields)


def details(frame: Frame, item: dict[str, Any]) -> list[dict[str, Any]]:
    with pytest.raises(BadItems) as refused:
        frame_array(json.dumps([item]).encode(), frame)
    return refused.value.details or []


@pytest.mark.parametrize(("kind", "name"), FIELDS)
def test_a_text_beyond_its_length_is_refused_with_its_field_and_bound(kind: str, name: str) -> None:
    most = MAX_CHARS[name]

    (issue,) = details(FRAMES[kind], item_of(kind, **{name: "é" * (most + 1)}))

    assert issue["path"] == [0, name]
    assert (issue["code"], issue["maximum"]) == ("too_big", most)
    assert f"<={most} characters" in issue["message"]


@pytest.mark.parametrize(("kind", "name"), [one for one in FIELDS if one[1] != "timestamp"])
def test_a_text_of_just_its_length_is_accepted(kind: str, name: str) -> None:
    item = item_of(kind, **{name: "é" * MAX_CHARS[name]})

    frame_array(json.dumps([item]).encode(), FRAMES[kind])


@pytest.mark.parametrize(("kind", "key"), KEYS)
@pytest.mark.parametrize("value", ["text", {"an": "object"}, ["list"]])
def test_metadata_that_is_grouped_by_has_a_length(kind: str, key: str, value: Any) -> None:
    most = METADATA_CHARS[key]
    long = "é" * (most + 1) if value == "text" else [value] * most

    (issue,) = details(FRAMES[kind], item_of(kind, metadata={"other": 1, key: long}))

    assert issue["path"] == [0, "metadata", key]
    assert issue["maximum"] == most


@pytest.mark.parametrize(("kind", "key"), KEYS)
def test_metadata_of_just_its_length_is_accepted_whatever_else_it_holds(
    kind: str, key: str
) -> None:
    metadata = {key: "é" * METADATA_CHARS[key], "other": "x" * 100_000, "more": [{}] * 1_000}

    frame_array(json.dumps([item_of(kind, metadata=metadata)]).encode(), FRAMES[kind])


def test_the_stream_takes_what_an_older_version_has_accepted() -> None:
    long = "x" * 100_000

    model = decode_trace(json.dumps(trace(model_requested=long)).encode()).model_requested
    tool = decode_span(json.dumps(span(tool_name=long)).encode()).tool_name

    assert (model, tool) == (long, long)


def test_every_length_is_documented() -> None:
    text = DOCS.read_text()
    rows = {f"| `{name}` | {most} |" for name, most in MAX_CHARS.items()}
    rows |= {f"| `metadata.{name}` | {most} |" for name, most in METADATA_CHARS.items()}

    assert [row for row in sorted(rows) if row not in text] == []
