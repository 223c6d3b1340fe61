"""Items to columns: masked first, in order, by their project's settings, neighbours unharmed."""

from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec
import pytest

from clickhouse.tables import TIME
from processors.columns import Columns, SentChunk
from processors.errors.steps import Meaning, steps
from schemas.errors.event import ErrorEvent, event_decoder
from schemas.errors.transaction import transaction_decoder
from schemas.projects import ProjectId
from tests.unit.processors.errors.reading import NOW_US, body_of

ONE, TWO = ProjectId("one"), ProjectId("two")
END = NOW_US / 1e6


class Grouped(NamedTuple):
    version: str
    fingerprint: str
    others: tuple[str, ...] = ("older",)
    type: str = "E"
    title: str = "E: title"
    culprit: str = "run"


def build(kind: str, *sent: SentChunk, mask: Callable[[bytes], bytes] = bytes) -> Columns:
    def meaning_of(project_id: ProjectId) -> Meaning:
        return Meaning(mask, lambda event: Grouped(project_id, event.message))

    return steps(lambda: meaning_of)[kind].build(sent)


def chunk(project_id: ProjectId, *items: Any) -> SentChunk:
    bodies = [item if isinstance(item, bytes) else body_of(item) for item in items]
    return SentChunk(project_id, NOW_US, bodies, [f"{project_id}{n}" for n in range(len(items))])


def column(columns: Columns, table: str, name: str) -> list[Any]:
    found: list[Any] = columns.tables[table].arrays[name].to_pylist()
    return found


def test_each_item_goes_by_the_settings_of_its_project_and_unfit_ones_change_nothing() -> None:
    columns = build(
        "error",
        chunk(ONE, {"message": "a"}, b"\xff\x00 nothing", b"{}", {"message": "b"}),
        chunk(TWO, b'{"protocol":"what","head":{},"item":{}}', {"message": "c"}),
    )

    assert columns.ids == ("one0", "one3", "two1")
    assert sorted(columns.dead) == [1, 2, 4]
    assert column(columns, "errors", "fingerprint") == ["a", "b", "c"]
    assert column(columns, "errors", "grouping") == ["one", "one", "two"]
    assert column(columns, "errors", "other_fingerprints") == [["older"]] * 3


def test_an_item_is_masked_before_anything_is_read_of_it() -> None:
    def mask(item: bytes) -> bytes:
        return item.replace(b"secret", b"[gone]")

    item = {
        "message": "secret",
        "tags": {"t": "secret"},
        "user": {"id": "secret"},
        "extra": {"e": "secret"},
        "exception": {"type": "secret", "stacktrace": {"frames": [{"vars": {"v": "secret"}}]}},
        "transaction": "secret",
    }

    columns = build("error", chunk(ONE, item), mask=mask)

    arrays = columns.tables["errors"].arrays
    assert "secret" not in str({name: array.to_pylist() for name, array in arrays.items()})
    assert column(columns, "errors", "user_key") == ["[gone]"]


@pytest.mark.parametrize("item", [b'{"message": "a\xff"}', b'{"message": "a", "extra": [NaN]}'])
def test_a_mask_that_takes_json_alone_gets_what_was_repaired(item: bytes) -> None:
    def mask(given: bytes) -> bytes:
        return msgspec.json.encode(msgspec.json.decode(given))

    body = b'{"protocol":"sentry","head":{},"item":' + item + b"}"

    assert build("error", chunk(ONE, body), mask=mask).dead == {}


def test_a_bug_of_masking_is_no_reason_to_store_an_item_unmasked() -> None:
    def mask(_: bytes) -> bytes:
        raise KeyError("bug")

    with pytest.raises(KeyError):
        build("error", chunk(ONE, {"message": "a"}), mask=mask)


def test_the_row_of_an_error_says_what_its_event_does() -> None:
    thrown = [
        {"type": "A", "mechanism": {"handled": True}},
        {"type": "B", "mechanism": {"handled": False}},
    ]
    item = {
        "message": "m", "exception": thrown, "level": "fatal", "user": {"email": "a@b.example"},
        "tags": {"a.b": "c", "empty": ""}, "sdk": {"name": "sentry.go", "version": "1"},
        "contexts": {"trace": {"trace_id": "t", "span_id": "s"}},
    }  # fmt: skip

    columns = build("error", chunk(ONE, item))

    assert column(columns, "errors", "handled") == [False]
    assert column(columns, "errors", "user_key") == ["a@b.example"]
    assert column(columns, "errors", "sdk") == ["sentry.go 1"]
    assert column(columns, "errors", "tags") == [b'{"a=2Eb":"=c"}']
    assert column(columns, "errors", "trace_id") == ["t"]
    event: ErrorEvent = event_decoder.decode(column(columns, "errors", "body")[0])
    assert [one.type for one in event.exceptions] == ["A", "B"]


def test_a_title_is_cut_at_500_units_of_utf_16_and_never_within_a_character() -> None:
    def meaning_of(_: ProjectId) -> Meaning:
        return Meaning(bytes, lambda _: Grouped("v", "f", title="x" + "😀" * 300))

    columns = steps(lambda: meaning_of)["error"].build([chunk(ONE, {})])

    assert column(columns, "errors", "title") == ["x" + "😀" * 249]


def test_spans_become_rows_of_their_own_and_leave_the_body() -> None:
    span = {"span_id": "s", "start_timestamp": END - 1, "timestamp": END, "op": "db"}
    items = [
        {"transaction": f"/{count}", "timestamp": END, "start_timestamp": END - 1,
         "spans": [{**span, "span_id": f"{count}{n}"} for n in range(count)]}
        for count in (2, 0, 1)
    ]  # fmt: skip

    columns = build("transaction", chunk(ONE, items[0], b"{}", items[1], items[2]))

    assert list(columns.dead) == [1]
    assert column(columns, "transactions", "spans") == [2, 0, 1]
    assert column(columns, "transaction_spans", "span_id") == ["20", "21", "10"]
    assert column(columns, "transaction_spans", "transaction") == ["/2", "/2", "/1"]
    assert columns.tables["transaction_spans"].items.tolist() == [0, 0, 2]  # type: ignore[union-attr]
    bodies = column(columns, "transactions", "body")
    assert [transaction_decoder.decode(body).spans for body in bodies] == [(), (), ()]


def test_a_block_without_spans_has_an_empty_table_of_them() -> None:
    columns = build("transaction", chunk(ONE, {"transaction": "/"}))

    assert column(columns, "transaction_spans", "span_id") == []
    assert columns.tables["transaction_spans"].arrays["started"].type == TIME
