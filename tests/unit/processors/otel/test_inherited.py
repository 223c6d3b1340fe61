"""Sessions, users and messages that a span has from those around it."""

import random
from typing import Any

from clickhouse.log_attributes import encode_attributes
from processors.llm.cost.own import Book
from processors.otel.inherited import Placed, inherit
from processors.otel.meaning import read_span
from processors.otel.span_rows import rows_of
from schemas.otel.rows import SpanRows
from schemas.projects import ProjectId
from tests.unit.processors.otel.made import span

OURS, THEIRS = ProjectId("ours"), ProjectId("theirs")
CALL = {
    "gen_ai.operation.name": "chat",
    "gen_ai.request.model": "m",
    "gen_ai.usage.input_tokens": 1,
}
ASKED = {"gen_ai.input.messages": '[{"role":"user","parts":[{"type":"text","content":"Hi"}]}]'}


def rows(own: int, parent: int, book: Book, attributes: dict[str, Any]) -> SpanRows:
    sent = span(attributes, span_id=f"{own:016x}", parent_span_id=f"{parent:016x}")
    return rows_of(sent, read_span(sent), book, encode_attributes)


def settled(*all_rows: SpanRows) -> None:
    inherit([Placed(OURS, one) for one in all_rows])


def whose(one: SpanRows) -> tuple[str, str]:
    assert one.call is not None
    return one.call.trace.session_id, one.call.trace.user_id


def test_a_call_has_the_session_and_the_user_of_the_nearest_span_around(book: Book) -> None:
    root = rows(1, 0, book, {"session.id": "far", "user.id": "ann"})
    agent = rows(2, 1, book, {"gen_ai.operation.name": "invoke_agent", "session.id": "near"})
    plain = rows(3, 2, book, {})
    call = rows(4, 3, book, CALL)

    settled(call, plain, agent, root)

    assert whose(call) == ("near", "ann")
    assert (call.span.session_id, call.span.user_id) == ("near", "ann")


def test_what_it_says_itself_stays(book: Book) -> None:
    root = rows(1, 0, book, {"session.id": "theirs", "user.id": "ann"})
    call = rows(2, 1, book, {**CALL, "session.id": "own", "user.id": "bob"})

    settled(root, call)

    assert whose(call) == ("own", "bob")


def test_a_session_that_another_span_of_the_trace_says_is_its_own(book: Book) -> None:
    call, beside = rows(2, 1, book, CALL), rows(3, 1, book, {"session.id": "s"})

    settled(call, beside)

    assert whose(call)[0] == "s"


def test_of_two_sessions_beside_it_it_has_none(book: Book) -> None:
    call = rows(2, 1, book, CALL)

    settled(call, rows(3, 1, book, {"session.id": "s"}), rows(4, 1, book, {"session.id": "t"}))

    assert whose(call)[0] == ""


def test_nothing_comes_from_another_project(book: Book) -> None:
    call, root = rows(2, 1, book, CALL), rows(1, 0, book, {"session.id": "s", "user.id": "ann"})

    inherit([Placed(OURS, call), Placed(THEIRS, root)])

    assert whose(call) == ("", "")


def test_a_billed_call_has_the_messages_of_the_one_that_repeats_it(book: Book) -> None:
    outer, inner = rows(1, 0, book, CALL | ASKED), rows(2, 1, book, CALL)
    assert outer.call is not None
    assert inner.call is not None
    outer.call.call.billing = "repeated"

    settled(inner, outer)

    assert len(inner.call.call.input_messages) == 1
    assert inner.call.call.input_messages == outer.call.call.input_messages


def test_two_calls_within_one_have_none_of_its_messages(book: Book) -> None:
    outer, inner, other = (
        rows(1, 0, book, CALL | ASKED),
        rows(2, 1, book, CALL),
        rows(3, 1, book, CALL),
    )
    assert outer.call is not None
    assert inner.call is not None
    outer.call.call.billing = "repeated"

    settled(inner, outer, other)

    assert not inner.call.call.input_messages


def test_rings_end_and_any_order_gives_the_same(book: Book) -> None:
    chance = random.Random(20261130)

    def made(chance: random.Random) -> list[SpanRows]:
        attributes = [
            {**CALL, **({"session.id": f"s{n % 3}"} if n % 4 == 0 else {})} for n in range(40)
        ]
        parents = [chance.randrange(40) for _ in range(40)]
        return [rows(n, parents[n], book, attributes[n]) for n in range(40)]

    for seed in range(30):
        one, other = made(random.Random(seed)), made(random.Random(seed))
        chance.shuffle(other)

        settled(*one)
        settled(*other)

        assert {r.item_id: whose(r) for r in one} == {r.item_id: whose(r) for r in other}
