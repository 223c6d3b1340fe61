"""Every rule of Open Sentry's items, as JSON writes the value: contract, 3.a.2."""

import json
from typing import Any

import msgspec
import pytest

from eventlog.producer import Items
from ingest.errors.open_sentry import split
from ingest.rejections import BadItems, BadJson, ItemTooLarge
from schemas.errors.examples import ITEMS
from schemas.errors.sent import sent_decoder

MOST = 1 << 20
SECRET = "my-secret-value"
"""Stands in wrong values: what users write must not come back in an answer."""


def error(**fields: Any) -> dict[str, Any]:
    return {"type": "error", "exception": {}, **fields}


def transaction(**fields: Any) -> dict[str, Any]:
    return {"type": "transaction", "name": "GET /", "traceId": "t", "durationMs": 1, **fields}


def generation(**fields: Any) -> dict[str, Any]:
    return {
        "type": "ai_generation",
        "provider": "openai",
        "model": "gpt-4o",
        "inputTokens": 1,
        **fields,
    }


MAKE = {"error": error, "transaction": transaction, "ai_generation": generation}


def taken(item: Any) -> list[Items]:
    body = item if isinstance(item, bytes) else json.dumps(item).encode()
    return [one for one in split(body, {"environment": "staging"}, MOST).items if one.ids]


def text(length: int) -> str:
    return "é" * length


def frames(count: int, **fields: Any) -> dict[str, Any]:
    return {"stacktrace": {"frames": [fields] * count}}


TEXT = ([None, "", "x", text(5000)], [1, True, [], {}])
GIVEN = (["x", " x "], ["", None, 1, [], {}])
STRINGS = ([None, {}, {"a": "b", "": ""}], [1, "x", [], {"a": 1}, {"a": None}, {"a": {}}])
OBJECT = ([None, {}, {"a": [1, {"b": None}]}], [1, "x", [], True])
COUNT = ([None, 0, 5, 50.0, (1 << 53) - 1], [-1, 1.5, "1", True, [], 1 << 53, 1e300])
MONEY = ([None, 0, -0.0, 0.00482, 5, 1e-300, 1e10], [-0.1, "1", True, [], {}, 1.1e10, 1e300])
WAIT = ([None, 0, 12, 12.5, 1e10], [-1, "1", True, [], 1.1e10])
NUMBER = ([None, 0, -3, 1.5, 1e300], ["1", True, [], {}])
CRUMB = {"category": "c", "message": "m", "level": "info", "timestamp": "t", "type": "x"}

RULES: dict[tuple[str, str], tuple[list[Any], list[Any]]] = {
    ("error", "exception"): ([{}, {"type": None, "value": None}], [None, 1, "x", []]),
    ("error", "message"): TEXT,
    ("error", "level"): (
        [None, "fatal", "error", "warning", "info", "debug"],
        ["", "warn", "Error", 1, []],
    ),
    ("error", "breadcrumbs"): (
        [None, [], [{}], [CRUMB] * 100, [{"data": {}}, {"data": None, "level": None}]],
        [[{}] * 101, {}, "x", [1], [{"message": 1}], [{"data": []}], [{"data": SECRET}]],
    ),
    ("error", "tags"): STRINGS,
    ("error", "user"): STRINGS,
    ("error", "environment"): TEXT,
    ("error", "release"): TEXT,
    ("error", "timestamp"): ([None, "", "no time", "2026-05-30T12:00:01.000Z"], [1, [], {}]),
    ("transaction", "name"): (["", "x", text(5000)], [None, 1, []]),
    ("transaction", "traceId"): (["", "x"], [None, 1, []]),
    ("transaction", "durationMs"): ([0, 245, 12.5, -7], [None, "1", True, []]),
    ("transaction", "status"): ([None, "ok", "error", "cancelled"], ["", "OK", 1]),
    ("transaction", "spans"): (
        [None, [], [{"spanId": "", "op": "", "durationMs": 0.5}] * 2000],
        [{}, [1], [{}], [{"spanId": "a", "op": "b"}], [{"spanId": 1, "op": "", "durationMs": 1}]],
    ),
    ("transaction", "environment"): TEXT,
    ("transaction", "release"): TEXT,
    ("transaction", "timestamp"): TEXT,
    ("ai_generation", "provider"): (["x", " x ", text(128)], [*GIVEN[1], text(129), " ", "a\nb"]),
    ("ai_generation", "model"): (["x", text(256)], [*GIVEN[1], text(257)]),
    ("ai_generation", "inputTokens"): (COUNT[0][1:], [*COUNT[1], None]),
    ("ai_generation", "outputTokens"): COUNT,
    ("ai_generation", "totalTokens"): COUNT,
    ("ai_generation", "cachedInputTokens"): COUNT,
    ("ai_generation", "cacheWriteTokens"): COUNT,
    ("ai_generation", "inputCostUsd"): MONEY,
    ("ai_generation", "outputCostUsd"): MONEY,
    ("ai_generation", "totalCostUsd"): MONEY,
    ("ai_generation", "latencyMs"): WAIT,
    ("ai_generation", "timeToFirstTokenMs"): WAIT,
    ("ai_generation", "status"): ([None, "ok", "error"], ["", "success", 1]),
    ("ai_generation", "traceId"): TEXT,
    ("ai_generation", "spanId"): TEXT,
    ("ai_generation", "tags"): STRINGS,
    ("ai_generation", "user"): ([*STRINGS[0], {"id": text(512)}], [*STRINGS[1], {"id": text(513)}]),
    ("ai_generation", "metadata"): OBJECT,
    ("ai_generation", "environment"): ([None, "", text(256)], [1, [], text(257)]),
    ("ai_generation", "release"): TEXT,
    ("ai_generation", "timestamp"): TEXT,
}
IN_EXCEPTION: dict[str, tuple[list[Any], list[Any]]] = {
    "type": TEXT,
    "value": TEXT,
    "stacktrace": ([None, {}, {"frames": None}], [1, [], "x", {"frames": {}}]),
}
IN_FRAME: dict[str, tuple[list[Any], list[Any]]] = {
    **dict.fromkeys(("filename", "function", "module", "absPath", "contextLine"), TEXT),
    **dict.fromkeys(("lineno", "colno"), NUMBER),
    "inApp": ([None, True, False], [0, "true", []]),
    **dict.fromkeys(("preContext", "postContext"), ([None, [], ["a"]], ["a", [1], {}])),
}


def cases() -> tuple[list[Any], list[Any]]:
    accepted, rejected = [], []
    for (kind, field), (good, bad) in RULES.items():
        accepted += [MAKE[kind](**{field: value}) for value in good]
        rejected += [MAKE[kind](**{field: value}) for value in bad]
    for field, (good, bad) in IN_EXCEPTION.items():
        accepted += [error(exception={field: value}) for value in good]
        rejected += [error(exception={field: value}) for value in bad]
    for field, (good, bad) in IN_FRAME.items():
        accepted += [error(exception=frames(1, **{field: value})) for value in good]
        rejected += [error(exception=frames(1, **{field: value})) for value in bad]
    return accepted, rejected


ACCEPTED, REJECTED = cases()


def name_of(case: Any) -> str:
    return json.dumps(case)[:90]


@pytest.mark.parametrize("item", ACCEPTED, ids=name_of)
def test_what_the_contract_takes_is_taken(item: Any) -> None:
    (items,) = taken(item)

    assert len(items.ids) == 1


@pytest.mark.parametrize("item", REJECTED, ids=name_of)
def test_what_the_contract_rejects_is_an_invalid_payload_that_says_where(item: Any) -> None:
    with pytest.raises(BadItems) as rejected:
        taken([error(), item])

    assert (rejected.value.message, rejected.value.items) == ("Invalid payload", 2)
    (issue,) = rejected.value.details or ()
    assert issue.path[0] == 1
    assert len(issue.path) >= 2
    assert SECRET not in issue.message


@pytest.mark.parametrize("field", ["exception", "name", "traceId", "durationMs", "provider"])
def test_a_required_field_is_required(field: str) -> None:
    kind = next(kind for kind, one in RULES if one == field)
    item = MAKE[kind]()
    del item[field]

    with pytest.raises(BadItems):
        taken(item)


class TestItems:
    @pytest.mark.parametrize("count", [1, 2, 20])
    def test_up_to_20_items_are_taken(self, count: int) -> None:
        (items,) = taken([error()] * count)

        assert len(set(items.ids)) == count

    @pytest.mark.parametrize("count", [0, 21, 10_000])
    def test_none_and_more_than_20_are_an_invalid_payload(self, count: int) -> None:
        with pytest.raises(BadItems) as rejected:
            taken([error()] * count)

        assert rejected.value.items == min(max(count, 1), 21)

    @pytest.mark.parametrize("body", [b"1", b'"x"', b"null", b"true", b"[1]", b"[null]", b"[[]]"])
    def test_what_is_no_object_is_an_invalid_payload(self, body: bytes) -> None:
        with pytest.raises(BadItems):
            taken(body)

    @pytest.mark.parametrize("kind", ["", "Error", "event", 1, None])
    def test_another_type_is_an_invalid_payload(self, kind: Any) -> None:
        with pytest.raises(BadItems):
            taken(error(type=kind))

    @pytest.mark.parametrize(
        "body",
        [
            *(b"", b" ", b"{", b"{}x", b'{"a":01}', b'{"type":"error","exception":{}},'),
            *(b'{"a":"\xff"}', b'{"a":"\x01"}', b"\xff\xfe{\0}\0", b'{"type":"error"'),
            b"[" * 100_000,
            b'{"a":' * 50_000,
            b'{"type":"error","exception":{},"x":' + b"[" * 5_000 + b"]" * 5_000 + b"}",
        ],
        ids=lambda body: repr(body[:20]),
    )
    def test_what_is_no_json_is_invalid_json(self, body: bytes) -> None:
        with pytest.raises(BadJson) as rejected:
            taken(body)

        assert rejected.value.message == "Invalid JSON"

    def test_an_item_over_the_bound_for_items_is_too_large(self) -> None:
        with pytest.raises(ItemTooLarge) as rejected:
            split(json.dumps([error(), error(message=text(99))]).encode(), {}, 99)

        assert rejected.value.items == 2

    def test_a_cut_emoji_and_a_byte_order_mark_are_repaired(self) -> None:
        (items,) = taken(b'\xef\xbb\xbf{"type":"error","exception":{"value":"\\ud83d!"}}')

        assert json.loads(bytes(sent_decoder.decode(items.bodies[0]).item)) == {
            "type": "error",
            "exception": {"value": "\ufffd!"},
        }

    def test_unknown_keys_are_kept_for_whom_they_may_tell_something(self) -> None:
        (items,) = taken(error(unknown={"a": 1}))

        assert b'"unknown"' in items.bodies[0]


def test_a_batch_becomes_items_of_its_kinds_with_ids_of_ours() -> None:
    by_kind = {items.kind.name: items for items in taken(ITEMS)}

    assert set(by_kind) == {"error", "transaction", "trace"}
    for name, sent in (("error", ITEMS[0]), ("transaction", ITEMS[1])):
        (body,), (item_id,) = by_kind[name].bodies, by_kind[name].ids
        decoded = sent_decoder.decode(body)
        assert (decoded.protocol, decoded.head.environment) == ("open_sentry", "staging")
        assert msgspec.json.decode(decoded.item) == sent
        assert (len(item_id), int(item_id, 16) > 0) == (32, True)
