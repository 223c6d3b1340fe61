"""What pages of releases work out: shares that are never rounded up, neighbours, marks, links."""

import pytest

from api.pages.errors.releases.measures import charts_of, marks_of, tiles_of
from api.pages.errors.releases.one import around_of
from api.pages.parts.ranges import TimeRange
from api.pages.parts.texts import crash_free
from api.pages.render import environment
from clickhouse.errors.session_health import Health
from schemas.errors.issues import ReleaseRow
from schemas.errors.releases import Deployment

HOUR_US = 3_600_000_000
NOW_US = 1_795_946_400_000_000
SHOWN = TimeRange(NOW_US - 24 * HOUR_US, NOW_US - 1, None, "UTC", NOW_US)


def row(version: str, ago_h: int = 0) -> ReleaseRow:
    return ReleaseRow(version=version, first_seen_us=NOW_US - ago_h * HOUR_US, last_seen_us=None)


@pytest.mark.parametrize(
    ("percent", "shown"),
    [
        (None, "–"),
        (100.0, "100 %"),
        (99.99999, "99.99 %"),
        (99.0, "99.00 %"),
        (0.0, "0.00 %"),
    ],
)
def test_a_crash_free_share_is_100_only_without_any_crash(
    percent: float | None, shown: str
) -> None:
    assert crash_free(percent) == shown


def test_tiles_show_nothing_where_nothing_is_known() -> None:
    tiles = tiles_of(SHOWN, Health(10), Health(), {NOW_US - HOUR_US: Health(10)})

    shown = {tile.measure.name: (tile.now, tile.before, tile.change) for tile in tiles}

    assert shown["crash_free_sessions"] == (100.0, None, "")
    assert shown["crash_free_users"] == (None, None, "")
    assert shown["sessions"] == (10, None, "")


def test_fewer_sessions_without_a_crash_are_worse_and_shown_in_points() -> None:
    now, before = Health(100, crashed=2), Health(100, crashed=1)

    tile = tiles_of(SHOWN, now, before, {})[0]

    assert (tile.change, tile.is_worse) == ("−1.00 pp", True)


def test_hours_without_a_session_are_gaps_in_the_shares() -> None:
    at = NOW_US - 2 * HOUR_US

    shares, ends = charts_of(SHOWN, Health(1), {at: Health(1)}, [])

    assert [one for one in shares.drawn.lines[0].values if one is not None] == [100.0]
    assert [line.name for line in ends.drawn.lines] == ["Healthy"]


def test_marks_are_where_releases_came_and_where_they_were_deployed() -> None:
    deployed = Deployment(
        id="1", version="a@2", environment="production", finished_us=NOW_US - HOUR_US
    )

    marks = marks_of(SHOWN, [row("a@1", 24), row("a@2", 5), row("a@3", 30)], [deployed])

    assert [mark.name for mark in marks] == ["Release a@2", "a@2 to production"]


def test_neighbours_are_releases_of_the_same_package() -> None:
    every = [row("b@9", 1), row("a@3", 2), row("a@2", 3), row("b@1", 4), row("a@1", 5)]

    around = around_of(every[2], every)

    assert [one and one.version for one in (around.newer, around.older)] == ["a@3", "a@1"]
    assert around_of(row("c@1"), every) == (None, None)


@pytest.mark.parametrize("url", ["javascript:alert(1)", "data:text/html,x", "//x.example"])
def test_an_address_of_a_sender_is_a_link_only_where_it_is_one(url: str) -> None:
    macro = "{% import 'errors/releases/_parts.html' as parts with context %}"
    template = environment().from_string(macro + "{{ parts.outside(url, text) }}")

    shown = template.render(url=url, text="<b>", address=None, viewer=None)

    assert shown == "&lt;b&gt;"
