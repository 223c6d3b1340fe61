"""What pages of sessions and users work out: gaps, running costs, strips, prompts, addresses."""

import json
from decimal import Decimal
from typing import Any
from urllib.parse import unquote

import pytest

from api.pages.addresses import Address
from api.pages.llm.places import listing_of, place_of, written, written_subject
from api.pages.llm.prompts import Prompt, address_value, prompt_in
from api.pages.llm.session import calls_of
from api.pages.llm.users import MOST_ADDRESS, chunks_of
from api.pages.parts.strips import HEIGHT, Slot, strip_of
from api.parameters import InvalidParameters
from api.slashes import STAND_IN, with_slashes
from clickhouse.llm.session_calls import Before
from clickhouse.llm.subjects import SESSION, USER
from clickhouse.llm.subjects import Place as SubjectPlace
from clickhouse.llm.trace_lines import Place, TraceLine

SECOND_US = 1_000_000


def line(at_s: float, latency_s: float, cents: float | None) -> TraceLine:
    fields: dict[str, Any] = dict.fromkeys(TraceLine.__struct_fields__, "")
    moment = {"timestamp_us": round(at_s * SECOND_US), "latency_ms": latency_s * 1000}
    return TraceLine(**(fields | moment | {"cost_cents": cents}))


class TestCalls:
    def test_a_gap_begins_when_every_call_before_has_ended(self) -> None:
        lines = [line(0, 10, 1), line(2, 3, None), line(12.5, 1, 2)]

        calls = calls_of(lines, Before())

        assert [call.gap_ms for call in calls] == [None, -8000, 2500]
        assert [call.spent_cents for call in calls] == [1, 1, 3]
        assert [call.number for call in calls] == [1, 2, 3]

    def test_a_later_page_goes_on_with_what_came_before(self) -> None:
        (call,) = calls_of([line(100, 1, 2)], Before(50, 7.5, 40 * SECOND_US))

        assert (call.number, call.gap_ms, call.spent_cents) == (51, 60_000, 9.5)

    def test_a_sum_of_unknown_costs_is_unknown_until_one_is_known(self) -> None:
        calls = calls_of([line(0, 1, None), line(1, 1, 0), line(2, 1, None)], Before(1))

        assert [call.spent_cents for call in calls] == [None, 0, 0]


class TestStrip:
    def test_bars_are_as_high_as_calls_and_failed_ones_stand_below(self) -> None:
        drawn = strip_of([Slot(0, 4, 1, 2.0), Slot(9, 2, 0, 2.0)], 10)

        first, last = drawn.bars
        assert (first.height, first.bad_height, last.height) == (HEIGHT, HEIGHT / 4, HEIGHT / 2)
        assert (first.x, last.x) == (0, 540)
        assert drawn.path == "M0 39H30.0V20.0H570.0V1.0H600"
        assert drawn.title.startswith("6 calls over time, 1 failed")

    def test_without_a_known_cost_there_is_no_line(self) -> None:
        assert strip_of([Slot(0, 1, 0, 0.0)], 1).path == ""
        assert strip_of([], 120).bars == []


class TestPrompts:
    @pytest.mark.parametrize(
        ("body", "expected"),
        [
            ({"messages": [{"role": "user", "content": "Hi\n  there"}]}, Prompt("Hi there")),
            (
                {
                    "messages": [
                        {
                            "role": "user",
                            "content": [
                                {"type": "text", "text": "<system-reminder>all</system-reminder>"},
                                {"type": "text", "text": "Fix it"},
                            ],
                        }
                    ]
                },
                Prompt("Fix it"),
            ),
            ({"messages": [{"role": "user", "content": "<b>"}]}, Prompt("<b>")),
            (
                {"messages": [{"role": "tool", "content": "42"}]},
                Prompt("42", "tool result"),
            ),
            ({"messages": [{"role": "assistant", "content": "So"}]}, Prompt("So", "assistant")),
            (
                {"input": [{"type": "input_image", "image_url": "https://e.example/1.png"}]},
                Prompt("", "image"),
            ),
            ({"prompt": "x" * 500}, Prompt("x" * 200 + "…")),
            ({}, None),
            ([1], Prompt("1", "json")),
        ],
    )
    def test_the_last_message_is_one_line(self, body: Any, expected: Prompt | None) -> None:
        assert prompt_in(json.dumps(body).encode()) == expected

    @pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 5000])
    def test_what_is_no_json_has_no_prompt(self, body: bytes) -> None:
        assert prompt_in(body) is None


class TestPlaces:
    def test_a_place_is_read_as_it_is_written(self) -> None:
        place = Place(-5, "id_with_lines")
        assert place_of({"after": written(place)}, "after") == place

        hashed = SubjectPlace("12.5", 2**64 - 1)
        values = {"sort": "cost", "older": written_subject(hashed)}
        assert listing_of(values, SESSION, ("last", "cost"), limit=50).beyond == hashed
        # As the store answers sums of nothing, and of very little.
        for none in (Decimal("0E-12"), Decimal("0.000000000001")):
            values = {"sort": "cost", "older": written_subject(SubjectPlace(none, 1))}
            found = listing_of(values, SESSION, ("last", "cost"), limit=50).beyond
            assert found is not None
            assert Decimal(found.figure) == none
        named = SubjectPlace("7", "Ann_B, 3")
        values = {"sort": "calls", "older": written_subject(named)}
        assert listing_of(values, USER, ("calls",), limit=50).beyond == named

    @pytest.mark.parametrize(
        "values",
        [
            {"sort": "name"},
            {"older": "x_1"},
            {"older": "1"},
            {"older": "1_x"},
            {"older": f"1_{2**64}"},
            {"older": "1_-1"},
            {"older": f"{'9' * 18}_1"},
            {"sort": "calls", "older": "-1_1"},
            {"sort": "calls", "older": f"{'9' * 31}_1"},
            {"sort": "cost", "older": "1e5_1"},
            {"sort": "cost", "older": f"{'9' * 25}_1"},
        ],
    )
    def test_what_no_link_says_is_rejected(self, values: dict[str, str]) -> None:
        with pytest.raises(InvalidParameters):
            listing_of(values, SESSION, ("last", "calls", "cost"), limit=50)

    def test_calls_are_asked_for_by_their_places(self) -> None:
        assert address_value([Place(1, "a"), Place(2, "b")]) == "1_a,2_b"
        assert address_value([]) is None


class TestChunks:
    def test_an_address_holds_as_many_users_as_it_can(self) -> None:
        users = ["ann", *("\N{PILE OF POO}" * 512 for _ in range(2)), "bob", "cid"]

        chunks = chunks_of(users)

        assert [json.loads(chunk.of) for chunk in chunks] == [
            ["ann"],
            *([u] for u in users[1:3]),
            users[3:],
        ]
        assert [chunk.at for chunk in chunks] == [0, 1, 2, 3]
        assert len(chunks_of(["user-1"] * 50)) == 1
        assert MOST_ADDRESS < 8_000


@pytest.mark.parametrize(
    "identity", ["a", "a/b", "..", ".", "...", "%2e%2e", "a?b#c", "a b", "ü\n", "\\", "//"]
)
def test_an_id_of_any_text_is_one_piece_of_a_path(identity: str) -> None:
    path = Address("", "/", {}, "p").thing("llm/sessions", identity)

    piece = path.removeprefix("/p/p/llm/sessions/")
    assert not set(piece) & set("/?#\\ ")
    assert unquote(piece) not in (".", "..")
    assert with_slashes(unquote(piece.replace("%2F", STAND_IN))) == identity
