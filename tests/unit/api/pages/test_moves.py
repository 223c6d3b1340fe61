"""What moved most is what is worth looking at, and not what chance does anyway."""

from api.pages.llm.moves import moves_of
from schemas.llm.answers import SummedGroup, TokenTotals


def group(model: str, requests: int, cost_cents: float = 0, errors: int = 0) -> SummedGroup:
    return SummedGroup(
        key={"model": model, "user": None, "environment": None},
        start=None,
        requests=requests,
        errors=errors,
        error_rate=0,
        tokens=TokenTotals(0, 0, 0, 0, 0, 0),
        cost_cents=cost_cents,
        reported_cost_cents=0,
        computed_cost_cents=0,
        unpriced_requests=0,
        avg_latency=0,
    )


def test_the_largest_share_of_the_whole_comes_first() -> None:
    now = [group("a", 900, 90.0), group("b", 1000, 10.0)]
    before = [group("a", 1000, 10.0), group("b", 1000, 10.0)]

    moves = moves_of([(now, before), ((), ()), ((), ())])

    assert (moves[0].dimension, moves[0].value, moves[0].measure.name) == ("model", "a", "cost")
    assert (moves[0].before, moves[0].now, moves[0].difference) == (10, 90, 80)
    assert moves[0].where == "model:a"


def test_what_chance_does_is_no_move() -> None:
    now, before = [group("a", 105, errors=4)], [group("a", 98, errors=2)]

    assert moves_of([(now, before), ((), ()), ((), ())]) == []


def test_what_is_new_or_gone_is_a_move() -> None:
    moves = moves_of([([group("new", 100)], [group("old", 100)]), ((), ()), ((), ())])

    assert {(move.value, move.before, move.now) for move in moves} == {
        ("new", 0, 100),
        ("old", 100, 0),
    }
