"""The tests come in groups: each test is in one of them, and the CI runs all."""

import re
from itertools import product
from pathlib import Path

import pytest
from _pytest.mark.expression import Expression

ROOT = Path(__file__).resolve().parents[2]
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
CHOSEN = dict(re.findall(r"(?m)^(test[a-z-]*): \S+\n\t.* -m \"([^\"]+)\"", MAKEFILE))
"""What each command of the Makefile chooses."""


@pytest.mark.parametrize("marks", product([False, True], repeat=2))
def test_every_test_is_in_exactly_one_group(marks: tuple[bool, bool]) -> None:
    slow, alone = marks
    own = {"slow": slow, "alone": alone}

    groups = [
        name
        for name, chosen in CHOSEN.items()
        if Expression.compile(chosen).evaluate(lambda mark, /, **_: own[mark])
    ]

    assert len(groups) == 1


def test_the_ci_runs_each_group() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")

    assert set(CHOSEN) == {"test", "test-slow", "test-alone"}
    assert set(re.findall(r"(?m)^run make (test\S*)$", script)) == set(CHOSEN)
