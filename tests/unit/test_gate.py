"""The gate fails where an event of a kind takes a quarter more than was recorded, and only then."""

import sys
from pathlib import Path

import msgspec
import pytest

from benchmarks import gate

RECORDED = msgspec.json.decode(gate.RECORDED.read_bytes(), type=dict[str, float])


def run(monkeypatch: pytest.MonkeyPatch, *found: dict[str, float]) -> int:
    rounds = iter(found)

    def measure(_: Path) -> dict[str, float]:
        return next(rounds)

    monkeypatch.setattr(gate, "measure", measure)
    monkeypatch.setattr(sys, "argv", ["gate"])
    return gate.main()


@pytest.mark.parametrize("kind", RECORDED)
def test_a_kind_that_takes_a_quarter_more_is_named(
    kind: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = {name: ratio * (1.26 if name == kind else 1.24) for name, ratio in RECORDED.items()}

    assert run(monkeypatch, found, found) == 1
    (said,) = capsys.readouterr().out.splitlines()
    assert f"kind {kind} takes 1.26 times" in said


def test_what_a_quiet_run_varies_by_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(monkeypatch, {name: ratio * 1.2 for name, ratio in RECORDED.items()}) == 0


def test_a_quarter_more_that_is_not_there_again_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    found = {name: ratio * 1.3 for name, ratio in RECORDED.items()}

    assert run(monkeypatch, found, RECORDED) == 0


def test_every_guarded_kind_has_a_record() -> None:
    assert set(RECORDED) == {one.kind.name for one in gate.GUARDED}


def test_what_is_measured_is_a_ratio_to_the_calibration(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "ROUNDS", 10)

    def three_times() -> None:
        for _ in range(3):
            gate.calibrate()

    assert gate.ratio_of(three_times) == pytest.approx(3.0, rel=0.2)
