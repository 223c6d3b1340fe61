"""The page of an issue says how many of the counted events are still stored."""

import re
from types import SimpleNamespace

import pytest

from api.pages.render import environment
from clickhouse.errors.issue_details import StoredEvents
from schemas.errors.issues import IssueCounts

PAGE = """{% set address = addresses %}{% import "errors/_issue.html" as issues with context %}
{{ issues.facts(opened) }}"""
NOW_US = 1_780_002_000_000_000
DAY_US = 86_400_000_000


@pytest.mark.parametrize(
    ("left", "said"),
    [
        (StoredEvents(10_000, NOW_US), ""),
        (StoredEvents(312, NOW_US - 3 * DAY_US), "312 still stored, since 3 d ago"),
        (StoredEvents(0, None), "none still stored"),
    ],
)
def test_fewer_stored_events_than_counted_are_told(left: StoredEvents, said: str) -> None:
    row = SimpleNamespace(
        id="i", last_seen_us=NOW_US, first_seen_us=NOW_US, last_release="", first_release=""
    )
    opened = SimpleNamespace(
        row=row, counts=IssueCounts(10_000, 5, 0), left=left, now_us=NOW_US, zone="UTC"
    )
    addresses = SimpleNamespace(thing=lambda *_: "/x", page=lambda *_, **__: "/y")

    html = environment().from_string(PAGE).render(opened=opened, addresses=addresses)

    text = " ".join(re.sub("<[^>]+>", " ", html).split())
    assert ("still stored" in text) == bool(said)
    assert said in text
