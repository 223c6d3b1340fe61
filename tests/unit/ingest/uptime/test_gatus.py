"""Monitors of Gatus, from its configuration."""

from pathlib import Path
from typing import Any

import pytest

from controlplane.uptime.checked import read_config
from ingest.uptime.gatus import read_gatus
from ingest.uptime.gatus_conditions import read_conditions
from ingest.uptime.imported import Found, Imported, NotReadable, Unfit
from ingest.uptime.spans import seconds_of

CONFIG = Path(__file__).with_name("data") / "gatus.yaml"


@pytest.fixture(scope="module")
def imported() -> Imported:
    return read_gatus(CONFIG, {"SLACK_TOKEN": "abc123"})


def named(imported: Imported, name: str) -> Found:
    return next(one for one in imported.found if one.name == name)


def test_everything_that_is_found_is_a_monitor_that_is_taken(imported: Imported) -> None:
    for found in imported.found:
        assert read_config(found.fields).name == found.name


def test_what_has_no_counterpart_is_said_with_its_reason(imported: Imported) -> None:
    assert {one.name: (one.kind, one.reason) for one in imported.left_out} == {
        "starttls-smtp": ("starttls", "there is no such type of monitor here"),
        "ssh": ("ssh", "there is no such type of monitor here"),
        "gone": ("https", "it is up when nothing answers"),
        "manual": ("external", "nothing says how often it is told of (heartbeat.interval)"),
        "login-flow": ("suite", "several steps in one look"),
    }


def test_an_endpoint_keeps_what_it_is_asked_with(imported: Imported) -> None:
    found = named(imported, "core / front-end")

    assert found.fields == {
        "name": "core / front-end",
        "type": "http",
        "url": "https://twin.sh/health",
        "method": "GET",
        "interval_seconds": 300,
        "timeout_ms": 2500,
        "headers": {"Content-Type": "application/json"},
        "body": "",
        "follow_redirects": False,
        "verify_tls": False,
        "expected_status": ["100-203", "205-299"],
        "assertions": [
            {**json("status"), "comparison": "equals", "value": "UP", "negated": False},
            {**json("items.0.count"), "comparison": "less_than", "value": 3.0, "negated": True},
            {**json("errors"), "comparison": "exists", "negated": True},
            {
                **json("name"),
                "comparison": "matches",
                "value": "^(?s:john.*)$",
                "negated": False,
            },
            {**json("id"), "comparison": "matches", "value": "^(?:1|2)$", "negated": False},
        ],
        "degraded_after_ms": 300,
        "expiry_warning_days": 3,
        "failure_threshold": 5,
        "recovery_threshold": 3,
        "notifications": ["slack://T0A1B2C3D/B0X9Y8Z7W/abc123"],
        "maintenance_windows": [
            {
                "rrule": "FREQ=WEEKLY;BYDAY=MO,TH",
                "starts_at": "2024-01-01T23:00:00",
                "duration_seconds": 5400,
                "timezone": "Europe/Amsterdam",
            }
        ],
    }
    assert found.notes == (
        "the condition 'len([BODY].data) > 0' has no counterpart",
        "no notification by pagerduty",
    )


def json(path: str) -> dict[str, Any]:
    return {"source": "json", "path": path}


def test_each_type_becomes_its_counterpart(imported: Imported) -> None:
    header, graphql = named(imported, "header"), named(imported, "filter-urls")
    dns, tls = named(imported, "example-dns-query"), named(imported, "mail-tls")

    assert header.paused
    assert header.fields["assertions"][0]["value"] == "<h1>Example Domain</h1>"
    assert header.fields["expected_status"] == ["100-599"]
    assert graphql.fields["body"] == '{"query":"{ users { id } }\\n"}'
    assert graphql.fields["expected_status"] == ["200-201", "429"]
    assert (dns.fields["resolver"], dns.fields["expected_value"]) == ("8.8.8.8", ["93.184.215.14"])
    assert named(imported, "redis").fields["port"] == 6379
    assert named(imported, "ping").fields["degraded_after_ms"] == 50
    assert (tls.fields["port"], tls.fields["interval_seconds"]) == (465, 60)
    assert named(imported, "jobs / nightly").fields["interval_seconds"] == 1800


def test_conditions_that_nothing_meets_are_said() -> None:
    with pytest.raises(Unfit):
        read_conditions(["[STATUS] < 200", "[STATUS] > 400"])


@pytest.mark.parametrize(
    ("text", "seconds"), [("1h30m", 5400), ("500ms", 0.5), ("1.5s", 1.5), (None, 7)]
)
def test_lengths_of_time_are_those_of_go(text: str | None, seconds: float) -> None:
    assert seconds_of(text, 7) == seconds


@pytest.mark.parametrize("text", ["5", "m", "1x", "5m ago"])
def test_what_is_no_length_of_time_is_said(text: str) -> None:
    with pytest.raises(ValueError, match="no length of time"):
        seconds_of(text, 7)


@pytest.mark.parametrize("content", ["", "[1", "a: 1", "- 1", "\x00", "endpoints: !!python/x []"])
def test_what_is_no_configuration_is_said(content: str, tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(content)

    with pytest.raises(NotReadable):
        read_gatus(path, {})


def test_a_variable_that_is_not_set_stays_and_a_doubled_sign_is_one(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("endpoints: [{name: '$A ${B} $$C', url: 'icmp://h'}]")

    (found,) = read_gatus(path, {"A": "a"}).found

    assert found.name == "a ${B} $C"
