"""Monitors of Uptime Kuma, from its backup and from its database."""

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from controlplane.uptime.checked import read_config
from ingest.uptime.imported import Found, Imported, NotReadable
from ingest.uptime.kuma import read_kuma

BACKUP = Path(__file__).with_name("data") / "kuma-1.23.json"
DATABASE = """
CREATE TABLE monitor (
    id INTEGER PRIMARY KEY, name VARCHAR(150), active BOOLEAN DEFAULT 1, user_id INTEGER,
    interval INTEGER DEFAULT 20, url TEXT, type VARCHAR(20), hostname VARCHAR(255), port INTEGER,
    keyword VARCHAR(255), maxretries INTEGER DEFAULT 0, ignore_tls BOOLEAN DEFAULT 0,
    upside_down BOOLEAN DEFAULT 0, maxredirects INTEGER DEFAULT 10,
    accepted_statuscodes_json TEXT DEFAULT '["200-299"]', dns_resolve_type VARCHAR(5),
    dns_resolve_server VARCHAR(255), retry_interval INTEGER DEFAULT 0, method TEXT DEFAULT 'GET',
    body TEXT, headers TEXT, basic_auth_user TEXT, basic_auth_pass TEXT, auth_method VARCHAR(250),
    invert_keyword BOOLEAN DEFAULT 0, json_path TEXT, expected_value VARCHAR(255),
    json_path_operator VARCHAR(255), parent INTEGER, timeout DOUBLE DEFAULT 0, proxy_id INTEGER
);
CREATE TABLE notification (id INTEGER PRIMARY KEY, name VARCHAR(255), config VARCHAR(255));
CREATE TABLE monitor_notification (
    id INTEGER PRIMARY KEY, monitor_id INTEGER, notification_id INTEGER
);
CREATE TABLE maintenance (
    id INTEGER PRIMARY KEY, title VARCHAR(150), description TEXT, user_id INTEGER,
    active BOOLEAN DEFAULT 1, strategy VARCHAR(50) DEFAULT 'single', start_date DATETIME,
    end_date DATETIME, start_time TIME, end_time TIME, weekdays VARCHAR2(250) DEFAULT '[]',
    days_of_month TEXT DEFAULT '[]', interval_day INTEGER, cron TEXT, timezone VARCHAR(255),
    duration INTEGER
);
CREATE TABLE monitor_maintenance (
    id INTEGER PRIMARY KEY, monitor_id INTEGER, maintenance_id INTEGER
);
INSERT INTO monitor (id, name, type, url, json_path, expected_value, json_path_operator)
    VALUES (1, 'Stock', 'json-query', 'https://shop.example.com/', '$.stock', '10', '>');
INSERT INTO monitor (id, name, type) VALUES (2, 'Redis', 'redis');
INSERT INTO notification VALUES (7, 'Mail', '{"type":"smtp","smtpHost":"mail.example.com",
    "smtpPort":465,"smtpUsername":"a@b","smtpPassword":"p/w","smtpFrom":"a@b.c","smtpTo":"o@b.c"}');
INSERT INTO monitor_notification VALUES (1, 1, 7);
"""
WINDOWS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    (
        {"strategy": "single", "start_date": "2026-03-01 02:00:00", "end_date": "2026-03-01 04:00"},
        {"starts_at": "2026-03-01T02:00:00", "ends_at": "2026-03-01T04:00:00"},
    ),
    (
        {"strategy": "cron", "cron": "30 3 * * *", "duration": 3600},
        {"cron": "30 3 * * *", "duration_seconds": 3600},
    ),
    (
        {
            **{"strategy": "recurring-weekday", "weekdays": "[1,3,0]", "start_time": "23:30:00"},
            **{"end_time": "01:00:00", "start_date": "2026-01-05 00:00:00"},
        },
        {
            "rrule": "FREQ=WEEKLY;BYDAY=MO,WE,SU",
            "starts_at": "2026-01-05T23:30:00",
            "duration_seconds": 5400,
        },
    ),
    (
        {
            **{"strategy": "recurring-day-of-month", "days_of_month": '[1,"lastDay1"]'},
            **{"start_time": "02:00", "end_time": "03:00", "end_date": "2027-01-01 00:00:00"},
        },
        {
            "rrule": "FREQ=MONTHLY;BYMONTHDAY=1,-1;UNTIL=20270101T000000",
            "starts_at": "2024-01-01T02:00:00",
            "duration_seconds": 3600,
        },
    ),
    (
        {
            **{"strategy": "recurring-interval", "interval_day": 3},
            **{"start_time": "02:00", "end_time": "03:00"},
        },
        {
            "rrule": "FREQ=DAILY;INTERVAL=3",
            "starts_at": "2024-01-01T02:00:00",
            "duration_seconds": 3600,
        },
    ),
]


@pytest.fixture(scope="module")
def backup() -> Imported:
    return read_kuma(BACKUP)


def named(imported: Imported, name: str) -> Found:
    return next(one for one in imported.found if one.name == name)


def test_everything_that_is_found_is_a_monitor_that_is_taken(backup: Imported) -> None:
    for found in backup.found:
        assert read_config(found.fields).name == found.name


def test_what_has_no_counterpart_is_said_with_its_reason(backup: Imported) -> None:
    assert {one.name: (one.kind, one.reason) for one in backup.left_out} == {
        "Sums": ("json-query", "its query has no counterpart: $sum(items.price) > 3"),
        "Shops": ("group", "a group looks at nothing itself"),
        "Container": ("docker", "there is no such type of monitor here"),
        "Closed port": ("port", "it is upside down: it is up when nothing answers"),
        "Intranet": ("http", "it signs in by ntlm"),
    }


def test_a_page_keeps_what_it_is_asked_with_and_what_it_may_answer(backup: Imported) -> None:
    found = named(backup, "Home page")

    assert found.fields == {
        "name": "Home page",
        "type": "http",
        "interval_seconds": 60,
        "timeout_ms": 48_000,
        "failure_threshold": 3,
        "recovery_threshold": 1,
        "retry_interval_seconds": 20,
        "url": "https://www.example.com/",
        "method": "GET",
        "headers": {"X-Probe": "kuma", "Authorization": "Basic YW5uOnNlY3JldA=="},
        "body": "",
        "follow_redirects": False,
        "verify_tls": False,
        "expected_status": ["200-299", "401"],
        "notifications": ["slack://T0A1B2C3D/B0X9Y8Z7W/abc123"],
    }
    assert found.notes == ("no notification by PagerDuty",)


def test_each_type_becomes_its_counterpart(backup: Imported) -> None:
    shop, version = named(backup, "Shop"), named(backup, "Version")
    backup_job, dns = named(backup, "Backup"), named(backup, "Name server")

    assert shop.paused, "its group is not active"
    assert shop.fields["assertions"] == [
        {"source": "body", "comparison": "contains", "value": "in stock", "negated": True}
    ]
    assert (shop.fields["method"], shop.fields["timeout_ms"]) == ("POST", 24_000)
    assert version.fields["assertions"][0]["path"] == "items.0.version"
    assert version.fields["assertions"][0]["comparison"] == "equals"
    assert named(backup, "Database port").paused
    assert named(backup, "Router").fields["type"] == "icmp"
    assert (dns.fields["resolver"], dns.fields["record_type"]) == ("192.0.2.53:5353", "MX")
    assert backup_job.fields["type"] == "heartbeat"
    assert backup_job.fields["grace_seconds"] == 1800
    assert "ping_url" in backup_job.notes[0]


@pytest.mark.parametrize(("row", "window"), WINDOWS)
def test_a_database_has_maintenance_too(
    row: dict[str, Any], window: dict[str, Any], tmp_path: Path
) -> None:
    path = tmp_path / "kuma.db"
    with sqlite3.connect(path) as connection:
        connection.executescript(DATABASE)
        row = {"id": 1, "title": "Nightly", "timezone": "Europe/Berlin", **row}
        marks = ", ".join("?" for _ in row)
        connection.execute(
            f"INSERT INTO maintenance ({', '.join(row)}) VALUES ({marks})",  # noqa: S608
            list(row.values()),
        )
        connection.execute("INSERT INTO monitor_maintenance VALUES (1, 1, 1)")
    connection.close()

    imported = read_kuma(path)

    (found,) = imported.found
    assert read_config(found.fields)
    assert found.fields["maintenance_windows"] == [{**window, "timezone": "Europe/Berlin"}]
    assert found.fields["notifications"] == [
        "mailtos://a%40b:p%2Fw@mail.example.com:465?from=a@b.c&to=o@b.c"
    ]
    assert found.fields["assertions"][0]["comparison"] == "greater_than"
    assert [one.kind for one in imported.left_out] == ["redis"]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b"SQLite format 3\0broken"])
def test_what_is_none_of_both_is_said(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)

    with pytest.raises(NotReadable):
        read_kuma(path)


def test_a_monitor_with_anything_in_it_harms_no_other(tmp_path: Path) -> None:
    said = json.loads(BACKUP.read_text())
    odd = [
        {"id": 90, "name": "Odd", "type": "http", "url": 7, "headers": "{", "interval": "x"},
        {"id": 91, "name": None, "type": None, "notificationIDList": None, "parent": 91},
        {"id": 93, "name": "Odd time", "type": "ping", "hostname": "h", "timeout": "soon"},
        {"id": 94, "name": "Odd head", "type": "http", "url": "http://h", "headers": [1]},
        {"id": 92, "name": "Own parent", "type": "ping", "hostname": "h", "parent": 92},
    ]
    path = tmp_path / "kuma.json"
    path.write_text(json.dumps({**said, "monitorList": said["monitorList"] + odd}))

    imported = read_kuma(path)

    assert {one.name for one in imported.left_out} >= {*("Odd", "Odd time", "Odd head", "unnamed")}
    assert named(imported, "Own parent").fields["host"] == "h"
