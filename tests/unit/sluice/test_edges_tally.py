"""Bounds of connections and of bodies that several processes keep together."""

import pytest

from ingest.body import BodyBudget, BodyLimits
from ingest.rejections import TooManyBodies
from schemas.projects import ProjectId
from sluice.connections import Bounds, Connections, Rank
from sluice.edges.tally import SharedTally


class Idle:
    """A connection that anybody may close."""

    def __init__(self, whole: list["Idle"]) -> None:
        self._whole = whole
        whole.append(self)

    def rank(self) -> Rank:
        return Rank.STRANGER

    def overdue(self, now: float, elapsed_s: float) -> str | None:
        return None

    def abort(self) -> None:
        self._whole.remove(self)


def test_processes_keep_one_bound_and_each_has_its_part() -> None:
    bounds = Bounds(connections=10, connections_per_address=10)
    tally = SharedTally.of(2)
    first, second = (Connections(bounds, tally=tally.connections(number)) for number in range(2))
    of_first: list[Idle] = []
    of_second: list[Idle] = []
    for number in range(12):
        first.admit(Idle(of_first), f"10.0.{number}.1")
    assert (len(first), len(of_first)) == (10, 10)

    for number in range(12):
        second.admit(Idle(of_second), f"10.1.{number}.1")

    assert len(second) == 5
    first.sweep(0.0)
    assert (len(first), len(second)) == (5, 5)
    assert (len(of_first), len(of_second)) == (5, 5)


def test_processes_keep_one_bound_of_an_address() -> None:
    bounds = Bounds(connections=100, connections_per_address=4)
    tally = SharedTally.of(2)
    first, second = (Connections(bounds, tally=tally.connections(number)) for number in range(2))
    kept: list[Idle] = []
    for _ in range(6):
        first.admit(Idle(kept), "10.0.0.1")
    for _ in range(6):
        second.admit(Idle(kept), "10.0.0.1")
    second.admit(Idle(kept), "10.0.0.2")
    first.sweep(0.0)

    assert (len(first), len(second)) == (2, 3)


def test_what_a_process_had_that_died_counts_no_more() -> None:
    bounds = Bounds(connections=10, connections_per_address=10)
    tally = SharedTally.of(2)
    first, second = (Connections(bounds, tally=tally.connections(number)) for number in range(2))
    kept: list[Idle] = []
    for _ in range(10):
        first.admit(Idle(kept), None)

    tally.clear(0)

    for _ in range(10):
        second.admit(Idle(kept), None)
    assert len(second) == 10


def test_bodies_of_all_processes_have_one_bound_and_each_project_its_part_of_it() -> None:
    limits = BodyLimits(max_inflated_bytes=8, max_total_bytes=32)
    tally = SharedTally.of(2)
    first, second = (BodyBudget(limits, tally.bodies(number)) for number in range(2))
    one, two, three, four = (ProjectId(f"project-{number}") for number in range(4))
    first.take(one, 5)
    with pytest.raises(TooManyBodies, match="this project"):
        second.take(one, 4)
    second.take(one, 3)
    first.take(two, 8)
    second.take(three, 8)
    first.take(four, 7)
    with pytest.raises(TooManyBodies, match="at this time"):
        second.take(ProjectId("project-4"), 2)

    first.give_back(two, 8)
    second.take(ProjectId("project-4"), 2)
    tally.clear(0)

    second.take(one, 5)
