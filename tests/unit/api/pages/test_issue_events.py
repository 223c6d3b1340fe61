"""Which events of an issue a list shows, by the words of its filter."""

from typing import Any

import pytest
from msgspec.structs import replace

from api.pages.errors.issues.events_wanted import KEYS, Wanted, check
from api.pages.parts.filters import read_terms
from api.pages.parts.ranges import TimeRange
from api.parameters import InvalidParameters
from clickhouse.errors.event_filters import EventFilter, condition
from schemas.projects import ProjectContext, ProjectId
from tests.unit.api.pages.test_issue_words import issue

PROJECT = ProjectContext(ProjectId("p1"))
OWN = EventFilter(group_hashes=(7,), from_us=1, to_us=2)
TRACE = "0f8fad5b-d9cb-469f-a165-70867728950e"


def filter_of(where: str) -> EventFilter:
    terms = read_terms(where, KEYS)
    check(terms)
    shown = TimeRange(1, 2, None, "UTC", 2)
    return Wanted(PROJECT, issue(group_hashes=(7,), status="open"), shown, terms).filter


@pytest.mark.parametrize(
    ("where", "narrowed"),
    [
        ("", {}),
        ("level:error level:fatal", {"levels": ("error", "fatal")}),
        ("release:1.0 -environment:staging", {
            "release": "1.0", "without": (("environment", "staging"),)}),
        ("-level:info -part:web", {"without": (("level", "info"), ("part", "web"))}),
        ("part:web part:api", {"tags": (("part", "web"), ("part", "api"))}),
        (f"trace:{TRACE}", {"trace_id": TRACE.replace("-", "")}),
        ("handled:no", {"handled": False}),
        ('"no answer" user:ann', {"text": "no answer", "user": "ann"}),
    ],
)  # fmt: skip
def test_it_asks_for_events_of_the_issue_alone(where: str, narrowed: dict[str, Any]) -> None:
    assert filter_of(where) == replace(OWN, **narrowed)


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ("level:loud", "expected one of fatal"),
        ("handled:maybe", "yes or no"),
        ("one two", "one text"),
        ("-word", "cannot be left out"),
        ("a=b:1", "Unknown key 'a=b'"),
        (" ".join(f"t{n}:1" for n in range(11)), "at most 10 tags"),
    ],
)
def test_what_is_no_filter_is_said(where: str, said: str) -> None:
    with pytest.raises(InvalidParameters) as rejected:
        filter_of(where)

    assert rejected.value.details is not None
    assert said in rejected.value.details[0].message


def test_what_is_left_out_is_bound_and_never_written_into_the_statement() -> None:
    hostile = "') OR 1=1 --"

    made = condition(PROJECT, replace(OWN, without=(("level", hostile), (hostile, hostile))))

    assert hostile not in made.sql
    assert made.values["without_0"] == hostile
    assert made.values["without_1"] == f"={hostile}"
