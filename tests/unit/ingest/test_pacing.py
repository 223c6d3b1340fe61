import pytest

from ingest.pacing import LONGEST_PACE_S, WINDOW_S, Pacer
from schemas.projects import ProjectId

FLOOD, SMALL = ProjectId("flood"), ProjectId("small")
LAG_S = 10.0


class Clock:
    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def test_the_flood_of_one_project_holds_back_nobody_else() -> None:
    pacer = Pacer(1.5, lambda: [LAG_S])
    for _ in range(1_000):
        flood = pacer.delay_s(FLOOD, 100_000)

    small = pacer.delay_s(SMALL, 1_000)

    assert flood == LONGEST_PACE_S
    assert small < 0.001


def test_projects_that_send_alike_are_all_held_back() -> None:
    pacer = Pacer(1.5, lambda: [LAG_S])
    projects = [ProjectId(f"p{number}") for number in range(50)]
    for _ in range(2):
        delays = [pacer.delay_s(project, 1_000) for project in projects]

    assert delays[-1] == pytest.approx(LONGEST_PACE_S)


def test_the_delay_grows_with_the_lag() -> None:
    lags = iter([1.0, 2.0, 3.0, 4.0])
    pacer = Pacer(1.5, lambda: [next(lags)])

    assert [pacer.delay_s(FLOOD, 1) for _ in range(4)] == [0.0, 0.25, 0.75, 1.25]


def test_what_was_sent_long_ago_is_forgotten() -> None:
    clock = Clock()
    pacer = Pacer(1.5, lambda: [LAG_S], clock)
    pacer.delay_s(SMALL, 1_000_000)
    for _ in range(2):
        clock.seconds += WINDOW_S
        pacer.delay_s(FLOOD, 1_000_000)

    clock.seconds += WINDOW_S

    assert pacer.delay_s(SMALL, 1_000) < 0.01


def test_a_partition_that_is_stuck_slows_nobody_down_and_hides_no_overload_of_the_others() -> None:
    lags = iter([[3600.0], [0.1, 3600.0], [3600.0, 4.5]])
    pacer = Pacer(1.5, lambda: next(lags))

    assert [pacer.delay_s(FLOOD, 1) for _ in range(3)] == [0.0, 0.0, 1.5]
