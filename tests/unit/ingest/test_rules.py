"""Every rule of a trace and a span at both sides of its bound, as JSON writes the value."""

import json
from typing import Any

import msgspec
import pytest

from ingest.llm.pulse import frame_array, span_frame, trace_frame
from ingest.rejections import BadItems
from schemas.llm.wire import METADATA_CHARS, SpanItem, TraceItem
from tests.e2e.payloads import full_span, full_trace

FRAMES = {"trace": trace_frame(), "span": span_frame()}
MAKE = {"trace": full_trace, "span": full_span}
SECRET = "my-prompt"
"""Stands in every wrong text: what users write must not come back in an answer."""


def text(length: int, char: str = "é") -> str:
    return json.dumps(char * length, ensure_ascii=False)


def bounded(most: int, least: int = 0) -> dict[str, list[str]]:
    """Returns values of a text; characters count, not bytes."""
    short = [] if least else ['""']
    return {
        "accepted": [*short, '"x"', '" "', r'"\u0000"', text(most), text(most, "🙂")],
        "rejected": ["1", "true", "[]", "{}", text(most + 1), *(['""'] if least else [])],
    }


UUIDS = {
    "accepted": [
        '"304b96da-3805-1420-89d7-5c3b81221f36"',
        '"304B96DA-3805-8420-B9D7-5C3B81221F36"',
        '"00000000-0000-0000-0000-000000000000"',
        '"FFFFffff-ffff-ffff-ffff-ffffffffffff"',
    ],
    "rejected": [
        "1",
        "true",
        "[]",
        "{}",
        '""',
        f'"{SECRET}"',
        '"304b96da-3805-0420-89d7-5c3b81221f36"',
        '"304b96da-3805-9420-89d7-5c3b81221f36"',
        '"304b96da-3805-4420-c9d7-5c3b81221f36"',
        '"304b96da3805442089d75c3b81221f36"',
        '"{304b96da-3805-4420-89d7-5c3b81221f36}"',
        r'"304b96da-3805-4420-89d7-5c3b81221f36\n"',
    ],
}
TIMES = {
    "accepted": [
        '"2025-01-01T00:00Z"',
        '"2024-02-29T23:59:59.123456789+05:30"',
        '"1900-01-01T00:00:00Z"',
        '"2299-12-31T23:59:59.999999Z"',
        f'"2025-01-01T00:00:00.{"1" * 43}Z"',
    ],
    "rejected": [
        "1735689600",
        "true",
        "{}",
        '""',
        f'"{SECRET}"',
        '"2025-01-01"',
        '"2025-01-01 00:00:00Z"',
        '"2025-02-30T00:00:00Z"',
        '"2025-01-01T00:00:00"',
        '"2025-01-01T00:00:00+0000"',
        '"1899-12-31T23:59:59Z"',
        '"2300-01-01T00:00:00Z"',
        f'"2025-01-01T00:00:00.{"1" * 44}Z"',
    ],
}
OBJECTS = {
    "accepted": ["{}", '{"a":1e400}', '{ "": [] }'],
    "rejected": ["[]", "[{}]", '"{}"', "1", "-1", "true", "false", f'"{SECRET}"'],
}
COUNTS = {
    "accepted": ["0", "-0", "-0.0", "50.0", "5e1", "500e-1", "9007199254740991", "1e-400"],
    "rejected": [
        "-1",
        "1.5",
        "1e-5",
        "-0.5",
        "9007199254740992",
        "9007199254740992.0",
        "1e300",
        "1e400",
        "1" * 30,
        "1" * 5000,
        '"5"',
        "true",
        "[]",
        "{}",
    ],
}
MILLISECONDS = {
    "accepted": ["0", "-0.0", "0.001", "1e10", "10000000000", "1e-400"],
    "rejected": ["-1", "-1e-9", "10000000000.1", "1e11", "1e400", "1" * 5000, '"5"', "true", "{}"],
}
CENTS = {
    "accepted": ["0", "-0.0", "0.1234567891234567891", "1e12", "1000000000000", "1e-400"],
    "rejected": ["-1e-9", "1000000000000.001", "1e400", "1e999999", '"5"', "true", "[]", "{}"],
}


def options(*names: str) -> dict[str, list[str]]:
    return {
        "accepted": [json.dumps(name) for name in names],
        "rejected": ['""', json.dumps(names[0].upper()), f'"{SECRET}"', "1", "true", "[]", "{}"],
    }


SENDERS = {
    "accepted": ['"openai"', '"ollama"', '"My gateway, 2nd"', '"模型"', text(128), text(128, "🙂")],
    "rejected": [
        *('""', '" "', '"openai "', r'"a\nb"', r'"\u0000"', r'"\u202eevil"', text(129)),
        *("1", "true", "[]", "{}"),
    ],
}
"""Any provider and any source, of printable characters."""


def metadata() -> dict[str, list[str]]:
    at, over = [], []
    for key, most in METADATA_CHARS.items():
        at += [json.dumps({key: "é" * most}), json.dumps({key: 1})]
        over += [json.dumps({key: "é" * (most + 1)}), json.dumps({"a": 1, key: [1] * most})]
    return {
        "accepted": [*OBJECTS["accepted"], *at],
        "rejected": [*OBJECTS["rejected"], *over],
    }


RULES: dict[str, dict[str, dict[str, list[str]]]] = {
    "trace": {
        "trace_id": UUIDS,
        "timestamp": TIMES,
        "provider": SENDERS,
        "model_requested": bounded(256, 1),
        "request_body": OBJECTS,
        "status": options("success", "error"),
        "latency_ms": MILLISECONDS,
        "model_used": bounded(256),
        "provider_request_id": bounded(512),
        "response_body": OBJECTS,
        "input_tokens": COUNTS,
        "output_tokens": COUNTS,
        "output_text": {"accepted": ['""', text(100_000)], "rejected": ["1", "true", "[]", "{}"]},
        "finish_reason": bounded(256),
        "error": OBJECTS,
        "cost_cents": CENTS,
        "session_id": bounded(512, 1),
        "metadata": metadata(),
        "cache_read_tokens": COUNTS,
        "cache_write_tokens": COUNTS,
        "reasoning_tokens": COUNTS,
    },
    "span": {
        "span_id": UUIDS,
        "session_id": bounded(512, 1),
        "timestamp": TIMES,
        "source": SENDERS,
        "kind": options(
            "tool_use", "agent_run", "session", "user_prompt", "llm_response", "notification"
        ),
        "event_type": bounded(256, 1),
        "status": options("success", "error"),
        "parent_span_id": UUIDS,
        "duration_ms": MILLISECONDS,
        "tool_use_id": bounded(512),
        "tool_name": bounded(256),
        "tool_input": {"accepted": ["1", '"x"', "[]", "{}", "false", "1e400"], "rejected": []},
        "tool_response": {"accepted": ["1", '"x"', "[]", "{}", "false"], "rejected": []},
        "error": {"accepted": ["1", '"x"', "[]", "{}", "false"], "rejected": []},
        "is_interrupt": {"accepted": ["true", "false"], "rejected": ["1", "0", '"true"', "[]"]},
        "cwd": bounded(4096),
        "model": bounded(256),
        "agent_name": bounded(256),
        "metadata": metadata(),
    },
}
REQUIRED = {
    "trace": ["trace_id", "timestamp", "provider", "model_requested", "request_body", "status"]
    + ["latency_ms"],
    "span": ["span_id", "session_id", "timestamp", "source", "kind", "event_type", "status"],
}


def cases(verdict: str) -> list[Any]:
    """Returns kind, field and value; null is as good as leaving an optional field out."""
    found = []
    for kind, fields in RULES.items():
        for name, rule in fields.items():
            null = "rejected" if name in REQUIRED[kind] else "accepted"
            for value in (*rule[verdict], *(["null"] if null == verdict else [])):
                found.append(pytest.param(kind, name, value, id=f"{kind}.{name}={value[:40]}"))
    return found


def body_of(kind: str, name: str, value: str) -> bytes:
    item = json.dumps(MAKE[kind](**{name: "@"}), ensure_ascii=False).replace('"@"', value)
    return f"[{item}]".encode()


def details_of(body: bytes, kind: str) -> list[dict[str, Any]]:
    with pytest.raises(BadItems) as rejected:
        frame_array(body, FRAMES[kind])
    details: list[dict[str, Any]] = msgspec.to_builtins(rejected.value.details)
    return details


@pytest.mark.parametrize(("kind", "name", "value"), cases("rejected"))
def test_a_value_beyond_its_rule_is_rejected_with_its_field_and_not_repeated(
    kind: str, name: str, value: str
) -> None:
    (issue,) = details_of(body_of(kind, name, value), kind)

    assert issue["path"][:2] == [0, name]
    assert issue["message"]
    assert SECRET not in json.dumps(issue)


@pytest.mark.parametrize(("kind", "name", "value"), cases("accepted"))
def test_a_value_within_its_rule_is_accepted(kind: str, name: str, value: str) -> None:
    assert len(frame_array(body_of(kind, name, value), FRAMES[kind]).items) == 1


@pytest.mark.parametrize(
    ("kind", "name"), [(kind, name) for kind, fields in RULES.items() for name in fields]
)
def test_a_field_may_be_left_out_where_it_is_not_required(kind: str, name: str) -> None:
    body = json.dumps([MAKE[kind](**{name: ...})]).encode()

    if name not in REQUIRED[kind]:
        assert len(frame_array(body, FRAMES[kind]).items) == 1
        return
    (issue,) = details_of(body, kind)
    assert issue["path"] == [0, name]


def test_the_table_has_every_field() -> None:
    assert tuple(RULES["trace"]) == TraceItem.__struct_fields__
    assert tuple(RULES["span"]) == SpanItem.__struct_fields__
