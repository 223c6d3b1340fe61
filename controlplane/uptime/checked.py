"""Which configurations of monitors are taken: what no type says of them. Pure."""

import re
from typing import Any
from urllib.parse import urlsplit

import msgspec
from msgspec.structs import asdict

from controlplane.failures import BadRequest
from controlplane.schedules import check_crontab
from controlplane.uptime.windows import check_window
from schemas.aims import read_aim
from schemas.mistakes import explained
from schemas.uptime.monitors import MAX_INTERVAL_S, MonitorConfig, listed

STATUS = re.compile(r"[1-5]\d\d(-[1-5]\d\d)?")
SHORTEST_S = {"domain": 3600, "tls": 60}
HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}")
OF_HEARTBEATS = {"failure_threshold": 1, "recovery_threshold": 1}
"""A job tells of each run itself: one word is enough."""
MATCHES = ("equals", "contains", "subset")


def read_config(fields: dict[str, Any]) -> MonitorConfig:
    """Reads a configuration. Raises `BadRequest`, naming the field."""
    usual = OF_HEARTBEATS if fields.get("type") == "heartbeat" else {}
    try:
        config = msgspec.convert({**usual, **fields}, MonitorConfig)
    except msgspec.ValidationError as error:
        raise BadRequest(explained(error, MonitorConfig)) from error
    if "\0" in msgspec.json.encode(config).decode().replace("\\u0000", "\0"):
        raise BadRequest("A text holds the character NUL")
    _check_place(config)
    _check_answer(config)
    check_notifications(config.notifications, "notifications")
    if isinstance(config.quorum, int) and not 1 <= config.quorum <= len(set(config.regions)):
        raise BadRequest("quorum: expected 1 to the number of regions, any, majority or all")
    for window in config.maintenance_windows:
        check_window(window)
    return config


def changed(config: MonitorConfig, fields: dict[str, Any]) -> MonitorConfig:
    """Returns a configuration with some of its fields changed. Raises as `read_config`."""
    if "type" in fields and fields["type"] != config.type:
        raise BadRequest("type: a monitor keeps its type; make another one")
    return read_config({**msgspec.to_builtins(asdict(config)), **fields})


def check_notifications(texts: list[str], field: str) -> None:
    """Raises `BadRequest`, naming the entry and not what it says, where one has no known form."""
    for number, text in enumerate(texts):
        if read_aim(text) is None:
            raise BadRequest(
                f"{field}[{number}]: expected a URL of Apprise, mailto:ADDRESS, https://…, "
                "pagerduty://KEY or channel:NAME"
            )


def _check_place(config: MonitorConfig) -> None:
    if config.type == "http":
        parts = urlsplit(config.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise BadRequest("url: expected such as https://example.com/health")
    elif config.type != "heartbeat" and not config.host:
        raise BadRequest(f"host: a monitor of type {config.type} needs one")
    if config.type == "tcp" and not config.port:
        raise BadRequest("port: a monitor of type tcp needs one")
    shortest = SHORTEST_S.get(config.type, 1)
    if config.interval_seconds < shortest:
        raise BadRequest(f"interval_seconds: expected {shortest} or more for type {config.type}")
    if config.type == "heartbeat":
        _check_heartbeat(config)
    elif config.interval_seconds > MAX_INTERVAL_S:
        raise BadRequest(f"interval_seconds: expected {MAX_INTERVAL_S} or less")


def _check_heartbeat(config: MonitorConfig) -> None:
    if config.cron:
        check_crontab(config.cron, config.timezone)
    if len(set(config.regions)) > 1:
        raise BadRequest("regions: a heartbeat is looked at from nowhere, and has one")


def _check_answer(config: MonitorConfig) -> None:
    for status in map(str, listed(config.expected_status)):
        if not STATUS.fullmatch(status) or status[:3] > status[-3:]:
            raise BadRequest("expected_status: expected such as 200, 200-299 or a list of them")
    if config.expected_match not in MATCHES:
        raise BadRequest("expected_match: expected equals, contains or subset")
    for name, value in config.headers.items():
        if not HEADER.fullmatch(name) or "\n" in value or "\r" in value:
            raise BadRequest("headers: expected names and values of HTTP")
