import json
import re
import tracemalloc
import uuid
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.llm.pulse import frame_array, span_frame, trace_frame
from ingest.rejections import BadItems, BadJson, Invalid, ItemTooLarge
from schemas.issues import Issue

TRACES = trace_frame()
SPANS = span_frame()
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
JSON_OBJECT = st.dictionaries(TEXT, TEXT | st.integers() | st.none() | st.booleans(), max_size=4)


def traces(**fields: Any) -> st.SearchStrategy[dict[str, Any]]:
    required = {
        "trace_id": st.uuids(version=4).map(str),
        "timestamp": st.datetimes(*map(datetime.fromisoformat, ("2025-01-01", "2025-12-31"))).map(
            lambda at: at.isoformat() + "Z"
        ),
        "provider": st.sampled_from(["openai", "anthropic", "openrouter", "ollama"]),
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


@pytest.mark.parametrize("text", ["", " "])
def test_a_byte_order_mark_is_not_looked_at(text: str) -> None:
    item = trace()

    framed = frame_array(f"\ufeff{text}{json.dumps([item])}".encode(), TRACES)

    assert [json.loads(one) for one in framed.items] == [item]


@pytest.mark.parametrize(
    ("codec", "named"),
    [
        ("utf-16", "UTF-16"),
        ("utf-16-le", "UTF-16"),
        ("utf-16-be", "UTF-16"),
        ("utf-32", "UTF-32"),
        ("utf-32-le", "UTF-32"),
        ("utf-32-be", "UTF-32"),
    ],
)
def test_another_encoding_is_named(codec: str, named: str) -> None:
    with pytest.raises(BadJson, match="Invalid JSON body") as raised:
        frame_array(json.dumps([trace()]).encode(codec), TRACES)

    assert raised.value.details == [Issue([], f"Expected UTF-8, found {named}")]


def test_an_id_is_known_by_its_lower_case() -> None:
    large = "5B1A3C2E-7F4D-4E6A-9B8C-0D1E2F3A4B5C"

    framed = frame_array(json.dumps([trace(trace_id=large)]).encode(), TRACES)

    assert framed.ids == [large.lower()]
    assert large.encode() in framed.items[0]


def test_half_of_a_cut_emoji_is_replaced_and_a_whole_one_is_left_alone() -> None:
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
    [b"", b"[", b"{}x", b"[1,]", b'["\xff"]', b"[" * 100_000, b"nul", b"[NaN]"],
)
def test_what_is_no_json_is_bad_json(body: bytes) -> None:
    with pytest.raises(BadJson, match="Invalid JSON body"):
        frame_array(body, TRACES)


def test_one_bad_item_rejects_all_and_each_bad_one_is_named_with_a_rule_it_breaks() -> None:
    items = [trace(), trace(latency_ms=-1), 5, trace(provider="a\nb"), trace(trace_id="x")]

    with pytest.raises(BadItems) as refused:
        frame_array(json.dumps(items).encode(), TRACES)

    assert refused.value.items == 5
    assert [(issue.path, issue.message) for issue in refused.value.details or []] == [
        ([1, "latency_ms"], "Expected `float` >= 0.0"),
        ([2], "Expected `object`, got `int`"),
        ([3, "provider"], "Expected printable characters, without blanks around them"),
        (
            [4, "trace_id"],
            "Expected a UUID such as 304b96da-3805-4420-89d7-5c3b81221f36, of version 1 to 8",
        ),
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
    assert [issue.path for issue in refused.value.details or []] == [[0, "input_tokens"]]


@pytest.mark.parametrize("count", [0, 1, 99, 100])
def test_as_many_items_as_allowed_come_out_in_their_order(count: int) -> None:
    ids = [str(uuid.UUID(int=number, version=4)) for number in range(count)]

    framed = frame_array(json.dumps([trace(trace_id=one) for one in ids]).encode(), TRACES)

    assert framed.ids == ids


@pytest.mark.parametrize("count", [101, 102, 5000])
def test_of_too_many_items_one_beyond_the_bound_is_counted(count: int) -> None:
    with pytest.raises(BadItems) as refused:
        frame_array(json.dumps([{}] * count).encode(), TRACES)

    assert refused.value.items == 101
    assert refused.value.details == [Issue([], "Expected `array` of at most 100 items")]


BULK = b"{}," * 1_000_000 + b"{}"


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"[" + BULK + b"]", id="items"),
        pytest.param(b'{"a":[' + BULK + b"]}", id="no-array"),
        pytest.param(b'[{"request_body":[' + BULK + b"]}]", id="in-a-bad-item"),
        pytest.param(b'[{"status":[' + BULK + b"]}]", id="as-a-bad-field"),
        pytest.param(b"[[" + BULK + b"]]", id="as-a-bad-item"),
    ],
)
def test_what_is_refused_is_not_decoded(body: bytes) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(BadItems):
            frame_array(body, TRACES)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    # A million objects would take 64 MB; one copy of the text 3 MB.
    assert peak < 4 * len(body)


def test_an_item_beyond_its_bound_is_named() -> None:
    body = json.dumps([trace(), trace(output_text="x" * 1000)]).encode()

    with pytest.raises(
        ItemTooLarge, match="item 1 has 1[0-9]+ bytes, at most 1000 each"
    ) as refused:
        frame_array(body, TRACES, max_item_bytes=1000)

    assert refused.value.items == 2


@pytest.mark.parametrize("emoji", ["é", "🙂"])
@pytest.mark.parametrize("shift", range(4))
def test_a_long_text_may_hold_any_character_anywhere(emoji: str, shift: int) -> None:
    text = "x" * shift + emoji * 1_200_000
    body = json.dumps([trace(output_text=text)], ensure_ascii=False).encode()

    assert frame_array(body, TRACES).items == [body[1:-1]]


def test_a_long_text_that_ends_within_a_character_is_bad_json() -> None:
    body = json.dumps([trace(output_text="x" * 1_200_000)]).encode()

    for cut in (body.replace(b'x"', b'\xc3"'), body + b"\xc3"):
        with pytest.raises(BadJson):
            frame_array(cut, TRACES)


ESCAPES = st.lists(
    st.sampled_from(
        [
            r"\ud83d",
            r"\uDE00",
            r"\uda00",
            r"\udfff",
            r"\\",
            r"\n",
            r"\"",
            "u",
            "ud83d",
            "d83d",
            "\\u00e9",
        ]
    ),
    max_size=12,
).map("".join)


@given(ESCAPES)
def test_lone_surrogates_and_nothing_else_become_replacement_characters(text: str) -> None:
    body = json.dumps([trace(output_text="@")]).replace("@", text).encode()
    # Python's own decoder joins pairs and keeps lone halves.
    expected = re.sub("[\ud800-\udfff]", "\ufffd", json.loads(f'"{text}"'))

    (item,) = frame_array(body, TRACES).items

    assert json.loads(item)["output_text"] == expected


def test_a_body_that_is_nothing_but_halves_of_emoji_is_bad_json() -> None:
    body = json.dumps([trace(output_text="@")]).encode()

    with pytest.raises(BadJson):
        frame_array(body.replace(b"@", rb"\ud83d" * 1_000_001), TRACES)
    framed = frame_array(body.replace(b"@", rb"\ud83d" * 1000), TRACES)

    assert json.loads(framed.items[0])["output_text"] == "\ufffd" * 1000
