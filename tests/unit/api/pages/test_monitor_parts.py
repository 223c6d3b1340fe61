"""What the pages of uptime draw and say: phases, maintenance windows, response times, lengths."""

import pytest

from api.pages.parts.ranges import TimeRange
from api.pages.parts.texts import lasting, uptime
from api.pages.uptime.phases import segments_of
from api.pages.uptime.responses import responses_of
from api.pages.uptime.standing import history_of
from api.pages.uptime.windows import lines_of, problem_of_window, window_in, words_of
from clickhouse.uptime.glances import Spent
from controlplane.failures import BadRequest
from controlplane.uptime.courses import Course
from schemas.projects import ProjectId
from schemas.uptime.days import last_days
from schemas.uptime.maintenance import MaintenanceWindow
from schemas.uptime.measures import Overlays
from schemas.uptime.monitors import Monitor, MonitorConfig
from schemas.uptime.states import Flip
from schemas.uptime.targets import MonitorId
from schemas.zones import DAY_US

MINUTE = 60_000_000
NOON = 1_796_040_000_000_000  # 2026-11-30T12:00:00Z
ONCE = {"starts_at": "2026-12-01T02:00", "ends_at": "2026-12-01T04:30", "timezone": "Europe/Berlin"}


def test_phases_stand_side_by_side_and_fill_the_bar() -> None:
    segments = segments_of({"dns_ms": 0.0, "connect_ms": 30.0, "tls_ms": None, "transfer_ms": 10.0})

    assert [one.title for one in segments] == ["DNS", "Connect", "Transfer"]
    assert all(one.width > 0 for one in segments), "what took no time is seen too"
    assert sum(one.width for one in segments) == pytest.approx(100)
    assert [one.x for one in segments[1:]] == pytest.approx(
        [segments[0].width, segments[0].width + segments[1].width]
    )
    assert segments_of({}) == []


def test_response_times_are_means_of_what_passed_and_gaps_are_gaps() -> None:
    shown = TimeRange(NOON, NOON + 5 * MINUTE - 1, None, "UTC", NOON)
    spent = [
        Spent(NOON, 3, 1, [2.0, 4.0, 0.0, 6.0, 8.0, 24.0], 2),
        Spent(NOON + 2 * MINUTE, 1, 1, [0.0] * 6, 0),
    ]

    chart = responses_of(shown, spent)

    assert [one.name for one in chart.series] == [
        "DNS",
        "Connect",
        "First byte",
        "Transfer",
        "Other",
    ]
    assert chart.rows[0].values == [1.0, 2.0, 3.0, 4.0, 2.0]
    assert [row.values for row in chart.rows[1:]] == [[None] * 5] * 4
    assert chart.drawn.is_stacked


class TestWindows:
    def test_one_that_comes_once(self) -> None:
        window = window_in(ONCE)

        assert window == {
            "starts_at": "2026-12-01T02:00:00",
            "ends_at": "2026-12-01T04:30:00",
            "timezone": "Europe/Berlin",
        }
        line = lines_of([MaintenanceWindow(**window)], NOON)[0]
        assert line.words == "Once, 2026-12-01 02:00 to 2026-12-01 04:30, Europe/Berlin"
        assert line.next is not None
        assert line.next.start_us == 1_796_086_800_000_000  # 01:00 UTC: winter time
        assert not line.is_open

    def test_one_that_comes_every_week_lasts_as_long(self) -> None:
        window = window_in(ONCE | {"repeats": "FREQ=WEEKLY"})

        assert window["duration_seconds"] == 9000
        assert words_of(MaintenanceWindow(**window)) == (
            "Every week from 2026-12-01 02:00 on, for 2 h 30 m, Europe/Berlin"
        )

    def test_one_by_crontab(self) -> None:
        window = window_in({"cron": "0 3 * * 7", "minutes": "90", "timezone": "UTC"})

        assert window == {"cron": "0 3 * * 7", "duration_seconds": 5400, "timezone": "UTC"}

    @pytest.mark.parametrize(
        ("changed", "field"),
        [
            ({"starts_at": ""}, "window_starts_at"),
            ({"ends_at": "2026-12-01T01:00"}, "window_ends_at"),
            ({"timezone": "Mars"}, "window_timezone"),
            ({"repeats": "FREQ=SECONDLY"}, "window_repeats"),
            ({"cron": "* * * * *", "minutes": "5"}, "window_cron"),
            ({"cron": "0 3 * * *", "minutes": ""}, "window_minutes"),
            ({"cron": "0 3 * * *", "minutes": "99999"}, "window_minutes"),
        ],
    )
    def test_what_is_wrong_is_said_at_its_field(self, changed: dict[str, str], field: str) -> None:
        with pytest.raises(BadRequest) as caught:
            window_in(ONCE | changed)

        assert problem_of_window(caught.value).field == field


def test_shares_of_time_are_never_rounded_up() -> None:
    shown = [uptime(one) for one in (None, 100, 99.999, 99.9999, 99.899, 0.0)]

    assert shown == ["–", "100 %", "99.999 %", "99.999 %", "99.89 %", "0.00 %"]


def test_lengths_of_time_have_two_units() -> None:
    shown = [lasting(seconds * 1000) for seconds in (0, 59, 60, 3725, 90_000, -5)]

    assert shown == ["0 s", "59 s", "1 m 0 s", "1 h 2 m", "1 d 1 h", "0 s"]


def test_days_before_a_monitor_was_made_are_one_bar_and_outages_are_told() -> None:
    monitor = Monitor(
        monitor_id=MonitorId("mon_aaaaaaaa"),
        project_id=ProjectId("00000000-0000-0000-0000-000000000001"),
        config=MonitorConfig(name="Shop", type="icmp", host="shop.example"),
        revision=1,
        paused=False,
        state="up",
        since_us=None,
        last_us=NOON,
        silence_us=0,
        resumed_us=None,
        created_us=NOON - 2 * DAY_US,
        updated_us=NOON,
    )
    down_us = NOON - DAY_US
    flips = [
        Flip(monitor.created_us, "unknown", "up"),
        Flip(down_us, "up", "down"),
        Flip(down_us + 90_000_000, "down", "up"),
    ]

    history = history_of(monitor, Course(flips, Overlays()), last_days("UTC", 90, NOON), NOON)

    first, *bars = history.bars
    assert (first.mood, first.width, len(bars)) == ("unmade", 87 * 4 - 1, 3)
    assert [bar.mood for bar in bars] == ["ok", "down", "ok"]
    assert bars[1].title == "2026-11-29: 99.89 % up, down 1 m 30 s in 1 outage"
    assert history.uptime["7 days"].outages == 1
    assert not history.is_flapping
