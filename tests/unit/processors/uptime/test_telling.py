"""Which changes of state are told."""

import pytest

from processors.uptime.telling import turns_of
from schemas.uptime.events import Turn
from schemas.uptime.measures import Overlays
from schemas.uptime.states import Flip, State
from schemas.uptime.stretches import Stretch

UP, DOWN, UNKNOWN = "up", "down", "unknown"


def flips(*of: tuple[int, State]) -> list[Flip]:
    states: list[State] = ["unknown", *(after for _, after in of)]
    return [Flip(at_us, states[number], after) for number, (at_us, after) in enumerate(of)]


@pytest.mark.parametrize(
    ("known", "now", "told"),
    [
        pytest.param((-1, UNKNOWN), [(10, UP)], [(10, UP)], id="the first state"),
        pytest.param((10, UP), [(10, UP), (20, DOWN)], [(20, DOWN)], id="a new flip"),
        pytest.param(
            (10, UP), [(20, DOWN), (30, UP)], [(20, DOWN), (30, UP)], id="two new flips in order"
        ),
        pytest.param((20, DOWN), [(10, UP), (20, DOWN)], [], id="what is known already"),
        pytest.param((20, DOWN), [(10, UP), (15, DOWN)], [], id="an outage that began earlier"),
        pytest.param((20, DOWN), [(10, UP), (25, DOWN)], [], id="an outage that began later"),
        pytest.param((20, DOWN), [(10, UP)], [(10, UP)], id="an outage that never was"),
        pytest.param(
            (30, UP), [(5, UP), (12, DOWN), (14, UP), (30, UP)], [], id="an outage of the past"
        ),
        pytest.param((20, UP), [(20, UP), (30, UNKNOWN)], [], id="silence"),
        pytest.param(
            (20, DOWN), [(20, DOWN), (30, UNKNOWN), (40, UP)], [(40, UP)], id="after silence"
        ),
        pytest.param((-1, UNKNOWN), [], [], id="nothing"),
    ],
)
def test_a_change_is_told_once_and_the_past_only_where_it_changes_the_present(
    known: tuple[int, State], now: list[tuple[int, State]], told: list[tuple[int, State]]
) -> None:
    found = turns_of(Flip(known[0], "unknown", known[1]), flips(*now), Overlays())

    assert [(turn.flip.at_us, turn.flip.after) for turn in found] == told


def test_what_happens_in_maintenance_is_quiet() -> None:
    overlays = Overlays(maintenance=(Stretch(15, 30),))
    history = flips((10, "up"), (20, "down"), (30, "up"))

    found = turns_of(Flip(10, "unknown", "up"), history, overlays)

    assert found == [Turn(history[1], is_quiet=True), Turn(history[2], is_quiet=False)]
