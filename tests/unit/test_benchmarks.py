"""What the benchmarks send, and how they compare: figures are only as good as these."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from benchmarks.compare import HEADS, Figures, show_quotients
from benchmarks.generate import SPREAD_DAYS, TRACE_BYTES, Generator, fill


def test_each_trace_is_of_a_session_of_its_own_and_of_the_size_that_the_budget_names() -> None:
    bodies = [fill(pieces)[0] for pieces in Generator(1).bodies(3, 100)]
    traces = [trace for body in bodies for trace in json.loads(body)]

    assert len({trace["trace_id"] for trace in traces}) == 300
    assert len({trace["session_id"] for trace in traces}) == 300
    assert TRACE_BYTES * 0.95 < sum(map(len, bodies)) / 300 < TRACE_BYTES * 1.05


def test_traces_are_spread_over_two_weeks() -> None:
    traces = Generator(2).traces(1_000)
    ages = sorted(datetime.now(UTC) - datetime.fromisoformat(one["timestamp"]) for one in traces)

    assert ages[-1] < timedelta(days=SPREAD_DAYS, minutes=1)
    assert timedelta(days=6) < ages[500] < timedelta(days=8)


def test_ids_are_returned_once_for_each_trace_and_new_for_each_body() -> None:
    (pieces,) = Generator(3).bodies(1, 10)

    first, again = fill(pieces)[1], fill(pieces)[1]

    assert len(first) == len(again) == 10
    assert not set(first) & set(again)


def test_versions_are_compared_round_by_round(capsys: pytest.CaptureFixture[str]) -> None:
    then = [Figures(*[value] * 5) for value in (100.0, 200.0, 100.0)]
    now = [Figures(*[value] * 5) for value in (50.0, 120.0, 70.0)]

    show_quotients(then, now)

    lines = capsys.readouterr().out.splitlines()[-len(HEADS) :]
    assert [line.split()[-3:] for line in lines] == [["0.600", "0.500", "0.700"]] * len(HEADS)
