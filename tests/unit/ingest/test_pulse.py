import json
import uuid
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.errors import BadItems, BadJson, Invalid
from ingest.pulse import frame_array, span_frame, trace_frame

TRACES = trace_frame(frozenset({"openai", "mistral"}))
SPANS = span_frame()
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
JSON_OBJECT = st.dictionaries(TEXT, TEXT | st.integers() | st.none() | st.booleans(), max_size=4)


def traces(**fields: Any) -> st.SearchStrategy[dict[str, Any]]:
    required = {
        "trace_id": st.uuids(version=4).map(str),
        "timestamp": st.datetimes().map(lambda at: at.replace(year=2025).isoformat() + "Z"),
        "provider": st.sampled_from(["openai", "anthropic", "openrouter", "mistral"]),
        "model_requested": TEXT.filter(bool),
        "request_body": JSON_OBJECT,
        "status": st.sampled_from(["success", "error"]),
        "latency_ms": st.floats(0, 1e9) | st.integers(0, 10**9),
    }
    optional = {
        "input_tokens": st.none() | st.integers(0, 2**53 - 1),
        "cost_cents": st.none() | st.floats(0, 1e9),
        "session_id": st.none() | TEXT.filter(bool),
        "metadata": st.none() | JSON_OBJECT,
        "unknown_key": TEXT,
    }
    return st.fixed_dictionaries(required, optional=optional)


def trace(**fields: Any) -> dict[str, Any]:
    return {
        "trace_id": str(uuid.UUID(int=1, version=4)),
        "timestamp": "2025-01-01T00:00:00Z",
        "provider": "openai",
        "model_requested": "gpt-4o",
        "request_body": {},
        "status": "success",
        "latency_ms": 1,
    } | fields


@given(st.lists(traces(), max_size=5))
def test_every_item_travels_as_the_bytes_that_came(items: list[dict[str, Any]]) -> None:
    texts = [json.dumps(item, ensure_ascii=False) for item in items]

    framed = frame_array(f"[ {' , '.join(texts)} ]".encode(), TRACES)

    assert framed.items == [text.encode() for text in texts]
    assert framed.ids == [item["trace_id"] for item in items]


@given(st.binary(max_size=200))
def test_any_bytes_are_accepted_or_the_senders_fault(body: bytes) -> None:
    for frame in (TRACES, SPANS):
        try:
            frame_array(body, frame)
        except Invalid:
            continue


def test_half_of_a_cut_emoji_is_mended_and_a_whole_one_is_left_alone() -> None:
    texts = [r"cut \ud83d", r"\udca9 tail", r"whole \ud83d\ude00", r"path C:\\ud83d", r"\\\ud83d"]
    body = (
        "["
        + ",".join(
            json.dumps(trace(request_body={"t": "@"})).replace('"@"', f'"{text}"') for text in texts
        )
        + "]"
    )

    framed = frame_array(body.encode(), TRACES)

    found = [json.loads(item)["request_body"]["t"] for item in framed.items]
    assert found == ["cut �", "� tail", "whole 😀", "path C:\\ud83d", "\\�"]


@pytest.mark.parametrize(
    "body",
    [b"", b"[", b"{}x", b"[1,]", b'["\xff"]', b"[" * 100_000, b"nul", b"[NaN]", b"\xef\xbb\xbf[]"],
)
def test_what_is_no_json_is_bad_json(body: bytes) -> None:
    with pytest.raises(BadJson, match="Invalid JSON body"):
        frame_array(body, TRACES)


def test_one_bad_item_refuses_all_and_every_issue_is_said() -> None:
    items = [trace(), trace(trace_id="x", latency_ms=-1, session_id=""), 5]

    with pytest.raises(BadItems) as refused:
        frame_array(json.dumps(items).encode(), TRACES)

    assert refused.value.items == 3
    assert [(issue["path"], issue["code"]) for issue in refused.value.details or []] == [
        ([1, "trace_id"], "invalid_format"),
        ([1, "latency_ms"], "too_small"),
        ([1, "session_id"], "too_small"),
        ([2], "invalid_type"),
    ]


@pytest.mark.parametrize(
    ("count", "fits"), [(50.0, True), (0.0, True), (50.5, False), (1e300, False)]
)
def test_a_count_is_whole_however_it_is_written(count: float, fits: bool) -> None:
    body = json.dumps([trace(input_tokens=count)]).encode()

    if fits:
        assert len(frame_array(body, TRACES).items) == 1
        return
    with pytest.raises(BadItems) as refused:
        frame_array(body, TRACES)
    assert [issue["path"] for issue in refused.value.details or []] == [[0, "input_tokens"]]


def test_details_are_bounded() -> None:
    items = [{} for _ in range(100)]

    with pytest.raises(BadItems) as refused:
        frame_array(json.dumps(items).encode(), TRACES)

    assert len(refused.value.details or []) == 100
