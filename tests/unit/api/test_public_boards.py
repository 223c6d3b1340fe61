"""What a public page says of what is known: never more, and never better than it is."""

from typing import Any
from xml.etree import ElementTree

import msgspec
import pytest

from api.uptime.public.answers import json_of
from api.uptime.public.badges import badge_of, badge_of_page, svg_of
from api.uptime.public.boards import board_of, day_starts, overall_of
from api.uptime.public.feed import feed_of
from controlplane.uptime.page_sources import (
    PageSource,
    SourceIncident,
    SourceMonitor,
    SourceUpdate,
)
from schemas.projects import ProjectId
from schemas.uptime.boards import Board, Overall
from schemas.uptime.measures import Overlays
from schemas.uptime.states import Flip
from schemas.uptime.status_pages import PageConfig, PageGroup, PageMonitor
from schemas.uptime.stretches import Stretch
from schemas.zones import DAY_US

SECOND = 1_000_000
HOUR = 3600 * SECOND
NOW = 1_764_360_000_000_000  # 2025-11-28T20:00:00Z
TODAY = NOW - 20 * HOUR
HOSTILE = "\"><script>hit()</script>&]]>'\x0b\ufffe{{7*7}}"
SVG = "{http://www.w3.org/2000/svg}"


def monitor(*flips: Flip, **changed: Any) -> SourceMonitor:
    known = SourceMonitor(
        monitor_id="mon_aaaaaaaa",
        is_paused=False,
        state="up",
        last_us=NOW - 30 * SECOND,
        silence_us=130 * SECOND,
        interval_us=60 * SECOND,
        created_us=NOW - 200 * DAY_US,
        flips=flips or (Flip(NOW - 199 * DAY_US, "unknown", "up"),),
        overlays=Overlays(),
    )
    return msgspec.structs.replace(known, **changed)


def board(
    one: SourceMonitor, *incidents: SourceIncident, name: str = "Shop", zone: str = "UTC"
) -> Board:
    shown = PageMonitor(monitor_id=one.monitor_id, name=name, component_id="cmp_aaaaaaaa")
    group = PageGroup(name=name, monitors=[shown])
    config = PageConfig(title=name, slug="shop", groups=[group], time_zone=zone, published=True)
    source = PageSource(
        page_id="pag_aaaaaaaa",
        project_id=ProjectId("p"),
        config=config,
        logo_mark="",
        monitors={one.monitor_id: one},
        incidents=incidents,
    )
    return board_of(source, {}, day_starts(zone, NOW), NOW)


def incident(*updates: SourceUpdate, **changed: Any) -> SourceIncident:
    known = SourceIncident(
        incident_id="inc_aaaaaaaa",
        monitor_id="mon_aaaaaaaa",
        is_automatic=True,
        state="triggered",
        started_us=TODAY,
        resolved_us=None,
        updates=updates,
    )
    return msgspec.structs.replace(known, **changed)


def test_there_are_ninety_days_of_which_today_is_the_last_and_ends_now() -> None:
    days = board(monitor()).components[0].days

    assert [len(days), days[0].date, days[-1].date] == [90, "2025-08-31", "2025-11-28"]
    assert days[-1].counted_us == 20 * HOUR
    assert {day.level for day in days} == {"up"}


def test_days_are_those_of_the_zone_of_the_page_also_where_clocks_change() -> None:
    one = monitor(Flip(NOW - 199 * DAY_US, "unknown", "down"))

    days = {day.date: day for day in board(one, zone="Europe/Berlin").components[0].days}

    assert days["2025-10-26"].down_s == 25 * 3600
    assert days["2025-10-25"].down_s == 24 * 3600


def test_an_outage_is_on_its_days_to_the_second_and_a_short_one_is_not_rounded_away() -> None:
    one = monitor(
        Flip(NOW - 199 * DAY_US, "unknown", "up"),
        Flip(TODAY - 90 * SECOND, "up", "down"),
        Flip(TODAY + 1, "down", "up"),
    )

    yesterday, today = board(one).components[0].days[-2:]

    assert (yesterday.down_s, yesterday.level) == (90, "partial")
    assert (today.down_s, today.level) == (1, "partial")
    assert today.uptime_pct == 99.999


@pytest.mark.parametrize(
    ("flips", "overlays", "level"),
    [
        ((Flip(TODAY, "up", "unknown"),), Overlays(), "unknown"),
        ((Flip(TODAY + 9 * HOUR, "up", "unknown"),), Overlays(), "unknown"),
        ((Flip(TODAY + 11 * HOUR, "up", "unknown"),), Overlays(), "up"),
        ((Flip(TODAY + HOUR, "down", "unknown"),), Overlays(), "down"),
        ((Flip(TODAY + HOUR, "degraded", "up"),), Overlays(), "degraded"),
        ((Flip(TODAY, "up", "up"),), Overlays(maintenance=(Stretch(TODAY, NOW),)), "maintenance"),
        ((Flip(TODAY, "up", "up"),), Overlays(paused=(Stretch(TODAY, NOW),)), "unknown"),
        ((Flip(TODAY + HOUR, "up", "down"),), Overlays(), "down"),
    ],
)
def test_a_day_is_drawn_as_what_is_known_of_it(
    flips: tuple[Flip, ...], overlays: Overlays, level: str
) -> None:
    known = board(monitor(*flips, overlays=overlays)).components[0]

    assert known.days[-1].level == level


def test_days_before_a_monitor_was_made_are_no_data() -> None:
    days = board(monitor(created_us=TODAY)).components[0].days

    assert {day.level for day in days[:-1]} == {"unknown"}
    assert (days[-1].level, days[-2].uptime_pct) == ("up", None)


def test_a_monitor_that_nobody_has_heard_of_is_unknown_and_all_is_not_operational() -> None:
    shown = board(monitor(last_us=NOW - HOUR))

    assert (shown.components[0].state, shown.overall) == ("unknown", "unknown")
    assert shown.components[0].days[-1].unknown_s == 3600 - 60


@pytest.mark.parametrize(
    ("states", "is_troubled", "overall"),
    [
        (["up", "up"], False, "up"),
        (["up", "paused"], False, "up"),
        (["up", "unknown"], False, "unknown"),
        (["paused"], False, "unknown"),
        ([], False, "unknown"),
        (["up"], True, "incident"),
        (["up", "degraded"], True, "degraded"),
        (["up", "down"], True, "partial"),
        (["down", "paused"], True, "down"),
        (["up", "maintenance"], False, "maintenance"),
    ],
)
def test_all_is_the_worst_that_holds(
    states: list[Any], is_troubled: bool, overall: Overall
) -> None:
    assert overall_of(states, is_troubled=is_troubled) == overall


def test_maintenance_that_goes_on_and_the_next_one_are_told() -> None:
    running, next_one = Stretch(NOW - HOUR, NOW + HOUR), Stretch(NOW + DAY_US, NOW + 2 * DAY_US)
    later = Stretch(NOW + 3 * DAY_US, NOW + 4 * DAY_US)

    shown = board(monitor(overlays=Overlays(maintenance=(running, next_one, later))))

    assert [one.when for one in shown.in_progress] == [running]
    assert [one.when for one in shown.announced] == [next_one]
    assert shown.components[0].state == "maintenance"


def test_only_public_texts_and_public_names_are_in_an_incident() -> None:
    told = SourceUpdate(TODAY + HOUR, "acknowledged", "We look")

    (shown,) = board(monitor(), incident(told)).incidents

    assert (shown.title, shown.names) == ("Shop is down", ("Shop",))
    assert [(one.state, one.text) for one in shown.updates] == [("Identified", "We look")]
    assert "inc_" not in shown.public_id
    (of_person,) = board(monitor(), incident(is_automatic=False)).incidents
    assert of_person.title == "Incident: Shop"
    (of_none,) = board(monitor(), incident(told, monitor_id=None)).incidents
    assert (of_none.title, of_none.names) == ("Incident", ())


def test_hostile_texts_are_texts_in_the_feed_and_it_is_well_formed() -> None:
    shown = board(monitor(), incident(SourceUpdate(TODAY, "noted", HOSTILE)), name=HOSTILE)

    root = ElementTree.fromstring(feed_of(shown, "https://x.example/status/shop"))

    (item,) = root.iter("item")
    clean = HOSTILE.replace("\x0b", "\ufffd").replace("\ufffe", "\ufffd")
    assert item.findtext("title") == f"{clean} is down (investigating)"
    assert clean in (item.findtext("description") or "")
    assert root.get("version") == "2.0"


def test_an_incident_keeps_its_guid_while_it_goes_on_and_ends() -> None:
    begun = board(monitor(), incident())
    ended = board(monitor(), incident(state="resolved", resolved_us=NOW))

    guids = [
        ElementTree.fromstring(feed_of(one, "https://x.example")).findtext("channel/item/guid")
        for one in (begun, ended)
    ]

    assert guids[0]
    assert guids[0] == guids[1]


@pytest.mark.parametrize("kind", ["state", "uptime", "latency"])
def test_hostile_names_are_texts_in_a_badge_and_it_is_well_formed(kind: Any) -> None:
    shown = board(monitor(), name=HOSTILE)

    for badge in (badge_of(shown.components[0], kind, 30), badge_of_page(shown)):
        root = ElementTree.fromstring(svg_of(badge))
        assert [child.tag for child in root] == [
            f"{SVG}{one}" for one in ("title", "rect", "path", "g")
        ]
        title = root.findtext(f"{SVG}title") or ""
        assert title.startswith("\"><script>hit()</script>&]]>'\ufffd\ufffd{{7*7}}"[:20])


def test_a_badge_says_the_uptime_of_its_days_alone() -> None:
    one = monitor(
        Flip(NOW - 199 * DAY_US, "unknown", "down"), Flip(TODAY - 10 * DAY_US, "down", "up")
    )
    (component,) = board(one).components

    assert badge_of(component, "uptime", 7).value == "100 %"
    assert badge_of(component, "uptime", 90).value != "100 %"
    assert badge_of(component, "latency", 7).value == "no data"


def test_json_has_no_word_of_the_inside() -> None:
    text = json_of(board(monitor(), incident())).decode()

    assert "mon_" not in text
    assert "inc_" not in text
    assert msgspec.json.decode(text)["state"] == "incident"
