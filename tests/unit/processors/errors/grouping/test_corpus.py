"""Real-looking events in eleven languages: like ones are one group, and near misses are not."""

from collections import Counter
from collections.abc import Iterable
from functools import cache
from typing import NamedTuple

import pytest

from processors.errors.grouping.groups import explain, group_of
from schemas.errors.grouping import DEFAULT_CONFIG
from tests.unit.processors.errors.grouping.corpus import Labelled, events_of, languages


class Score(NamedTuple):
    """Over all pairs of events."""

    precision: float
    recall: float


@cache
def labelled() -> tuple[Labelled, ...]:
    return tuple(one for language in languages() for one in events_of(language))


@cache
def fingerprints() -> tuple[str, ...]:
    return tuple(group_of(one.event, DEFAULT_CONFIG).fingerprint for one in labelled())


def pairs(sizes: Iterable[int]) -> int:
    return sum(size * (size - 1) // 2 for size in sizes)


def score(found: list[tuple[str, str]]) -> Score:
    """Of pairs of expected group and fingerprint."""
    both = pairs(Counter(found).values())
    together = pairs(Counter(fingerprint for _, fingerprint in found).values())
    expected = pairs(Counter(group for group, _ in found).values())
    return Score(both / together, both / expected)


def test_at_least_300_events_in_ten_languages() -> None:
    assert len(labelled()) >= 300
    assert len(languages()) >= 10


def test_all_that_belong_together_are_one_group_and_no_others() -> None:
    found = list(zip((one.group for one in labelled()), fingerprints(), strict=True))

    whole = score(found)
    known = score([pair for pair, one in zip(found, labelled(), strict=True) if not one.miss])

    told = (
        f"{len(found)} events of {len(dict(found))} groups: {whole}; without known misses: {known}"
    )
    print(f"\n{told}")  # noqa: T201 - the figures are for people
    assert known == Score(1.0, 1.0), wrong(found)


def wrong(found: list[tuple[str, str]]) -> list[tuple[str, ...]]:
    """Names the groups that are split or merged."""
    groups_of: dict[str, set[str]] = {}
    made_of: dict[str, set[str]] = {}
    for group, fingerprint in found:
        groups_of.setdefault(fingerprint, set()).add(group)
        made_of.setdefault(group, set()).add(fingerprint)
    merged = [tuple(sorted(groups)) for groups in groups_of.values() if len(groups) > 1]
    return merged + [("split", group) for group, made in made_of.items() if len(made) > 1]


def test_each_known_miss_is_one() -> None:
    made_of: dict[str, set[str]] = {}
    for one, fingerprint in zip(labelled(), fingerprints(), strict=True):
        if one.miss:
            made_of.setdefault(one.group, set()).add(fingerprint)

    assert [group for group, made in made_of.items() if len(made) == 1] == []


@pytest.mark.parametrize("language", languages())
def test_explanations_agree_with_groups(language: str) -> None:
    for one in events_of(language):
        group, why = group_of(one.event, DEFAULT_CONFIG), explain(one.event, DEFAULT_CONFIG)

        assert why.fingerprint == group.fingerprint
        others = (other.fingerprint for other in why.others)
        assert tuple(one for one in others if one != group.fingerprint) == group.others
