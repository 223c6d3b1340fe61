"""What moved most is what is worth looking at, and not what chance does anyway."""

from api.pages.llm.moves import Move, moves_of
from clickhouse.llm.differences import Figures, Side


def moved(
    now: dict[str | None, Figures], before: dict[str | None, Figures], of: str = "model"
) -> list[Move]:
    return moves_of({of: Side(now, before)})


def said(moves: list[Move]) -> list[tuple[str, str | None, str]]:
    return [(move.dimension, move.value, move.measure.name) for move in moves]


def test_a_call_that_became_more_expensive_comes_first() -> None:
    now = {"a": Figures(900, 0, 90.0), "b": Figures(1000, 0, 10.0)}
    before = {"a": Figures(1000, 0, 10.0), "b": Figures(1000, 0, 10.0)}

    move = moved(now, before)[0]

    assert said([move]) == [("model", "a", "cost_per_call")]
    assert (move.before, move.now) == (0.01, 0.1)
    assert move.where == "model:a"


def test_what_chance_does_is_no_move() -> None:
    assert moved({"a": Figures(105, 4, 9.0, 900.0)}, {"a": Figures(98, 2, 8.0, 700.0)}) == []


def test_what_is_new_or_gone_is_a_move() -> None:
    moves = moved({"new": Figures(100)}, {"old": Figures(100)})

    assert {(move.value, move.before, move.now) for move in moves} == {
        ("new", 0, 100),
        ("old", 100, 0),
    }


def test_where_all_calls_became_fewer_alike_no_value_is_news() -> None:
    now = {"a": Figures(400, 40, 40.0), "b": Figures(200, 20, 20.0)}
    before = {"a": Figures(800, 80, 80.0), "b": Figures(400, 40, 40.0)}

    assert moved(now, before) == []


def test_a_value_of_the_metadata_that_fails_and_slows_is_found() -> None:
    now = {"search": Figures(300, 45, 30.0, 9000.0), "chat": Figures(900, 20, 30.0, 2000.0)}
    before = {"search": Figures(300, 6, 30.0, 2000.0), "chat": Figures(900, 21, 30.0, 2000.0)}

    moves = moved(now, before, "metadata.feature")

    assert said(moves) == [
        ("metadata.feature", "search", "error_rate"),
        ("metadata.feature", "search", "p95"),
    ]
    assert all(move.is_worse for move in moves)
    assert moves[0].where == "metadata.feature:search"


def test_a_few_calls_say_nothing_of_a_rate() -> None:
    now, before = {"a": Figures(19, 19, 90.0, 9e5)}, {"a": Figures(19, 0, 1.0, 1.0)}

    assert moved(now, before, "metadata.feature") == []


def test_a_release_that_is_new_is_no_move_of_its_own() -> None:
    assert moved({"2": Figures(500)}, {"1": Figures(500)}, "metadata.release") == []


def test_no_value_takes_all_the_places() -> None:
    now = {"a": Figures(900, 300, 900.0, 9e4), "b": Figures(900, 90, 90.0, 1e3)}
    before = {"a": Figures(300, 10, 10.0, 1e3), "b": Figures(900, 90, 90.0, 1e3)}

    assert [move.value for move in moved(now, before)].count("a") == 2
