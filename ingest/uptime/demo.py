"""Made-up monitors of the demo's shop, and what their probers saw in three months.

Each check is a function of its monitor, region and slot: a later call with the same beginning gives
the same ones, and those that have come since.
"""

import math
import random
from collections.abc import Iterator
from typing import Any, NamedTuple

from schemas.uptime.checks import Certificate, Outcome, Phases, SentCheck

DAYS = 90
SECOND_US = 1_000_000
MINUTE_US = 60 * SECOND_US
HOUR_US = 60 * MINUTE_US
DAY_US = 24 * HOUR_US
EUROPE, AMERICA = "eu-west", "us-east"
RETRY_US = 10 * SECOND_US
PUBLIC = "203.0.113."
"""Addresses for examples (RFC 5737)."""


class Fault(NamedTuple):
    """A time in which a target did not do well. Hours are before the end of the history."""

    begin_h: float
    end_h: float | None
    """`None` goes on."""
    outcome: Outcome
    reason: str
    message: str
    status_code: int | None = None
    regions: tuple[str, ...] = (EUROPE, AMERICA)


class Watched(NamedTuple):
    """A monitor, how its target usually answers, and what went wrong with it."""

    config: dict[str, Any]
    public_name: str
    group: str
    usual_ms: float
    peer: str
    faults: tuple[Fault, ...] = ()
    paused_h: float | None = None
    """Since when nobody looks at it."""

    @property
    def name(self) -> str:
        """Its name in the project."""
        return str(self.config["name"])


def _http(name: str, url: str, *regions: str, **more: Any) -> dict[str, Any]:
    known = {"name": name, "type": "http", "url": url, "regions": list(regions)}
    return {**known, "interval_seconds": 600, "quorum": "any", **more}


def _down(begin_h: float, minutes: float, code: int = 503) -> Fault:
    end_h = begin_h - minutes / 60
    said = f"expected a status of 200 to 399, and the answer was {code}"
    return Fault(begin_h, end_h, "fail", "status", said, code)


def _gone(begin_h: float, minutes: float | None) -> Fault:
    end_h = None if minutes is None else begin_h - minutes / 60
    return Fault(begin_h, end_h, "fail", "timeout", "no answer within 10000 ms")


POLICY = "shop_oncall"
"""The escalation policy that some of the monitors name."""
CHECKOUT, PAYMENTS, IMAGES = "checkout-api-prod", "psp-gateway:443", "img-cdn edge"
SHOP = (
    Watched(
        _http("web-frontend", "https://shop.example/", EUROPE, AMERICA, degraded_after_ms=900),
        "Web shop",
        "Shop",
        140,
        f"{PUBLIC}10",
        (
            _down(87.3 * 24, 21),
            Fault(52 * 24, 51.6 * 24, "degraded", "slow", "1240 ms, more than 900 ms"),
            _down(33.7 * 24, 9),
            # Seen from one region alone, which is no majority.
            Fault(19.2 * 24, 19 * 24, "degraded", "slow", "980 ms", regions=(AMERICA,)),
        ),
    ),
    Watched(
        _http(
            CHECKOUT,
            "https://api.shop.example/checkout/health",
            EUROPE,
            AMERICA,
            method="GET",
            escalation_policy=POLICY,
        ),
        "Checkout",
        "Shop",
        85,
        f"{PUBLIC}20",
        (
            _down(71.4 * 24, 47, 502),
            _down(30 * 24 + 1.9, 50),  # within its maintenance
            _down(12.2 * 24, 68, 500),
            _down(5.6 * 24, 11),
        ),
    ),
    Watched(
        _http("search-v2", "https://api.shop.example/search?q=tea", EUROPE, degraded_after_ms=400),
        "Search",
        "Shop",
        190,
        f"{PUBLIC}21",
        (
            _down(44.1 * 24, 33),
            Fault(4.5, None, "degraded", "slow", "612 ms, more than 400 ms"),
        ),
    ),
    Watched(
        {
            "name": PAYMENTS,
            "type": "tcp",
            "host": "pay.shop.example",
            "port": 443,
            "regions": [EUROPE, AMERICA],
            "interval_seconds": 600,
            "escalation_policy": POLICY,
        },
        "Payments",
        "Partners",
        32,
        "198.51.100.7",
        (_gone(62.8 * 24, 95), _gone(2.4, None)),
    ),
    Watched(
        _http(IMAGES, "https://img.shop.example/ping.png", EUROPE, AMERICA),
        "Pictures",
        "Partners",
        48,
        "198.51.100.31",
        (_gone(39.5 * 24, 26), _gone(0.7, None)),
    ),
    Watched(
        {
            "name": "dns shop.example MX",
            "type": "dns",
            "host": "shop.example",
            "record_type": "MX",
            "regions": [EUROPE],
            "interval_seconds": 900,
        },
        "Mail",
        "Behind it",
        18,
        "192.0.2.53",
        (_gone(77.7 * 24, 41),),
    ),
    Watched(
        {
            "name": "certificate shop.example",
            "type": "tls",
            "host": "shop.example",
            "port": 443,
            "regions": [EUROPE],
            "interval_seconds": 21_600,
        },
        "Certificate",
        "Behind it",
        61,
        f"{PUBLIC}10",
    ),
    Watched(
        _http("warehouse-legacy", "https://old.shop.example/health", EUROPE, interval_seconds=900),
        "Warehouse (old)",
        "Behind it",
        240,
        f"{PUBLIC}77",
        (_down(55.5 * 24, 130),),
        paused_h=20 * 24,
    ),
)


def checks_of(
    watched: Watched, monitor_id: str, begin_us: int, since_us: int, now_us: int
) -> Iterator[SentCheck]:
    """Yields what was seen since a moment, in the order of the slots.

    `begin_us` is when its three months began.
    """
    end_us = begin_us + DAYS * DAY_US
    if watched.paused_h is not None:
        now_us = min(now_us, end_us - int(watched.paused_h * HOUR_US))
    step_us = int(watched.config["interval_seconds"]) * SECOND_US
    # Each monitor has a place of its own within the interval, as a prober gives it one.
    place_us = random.Random(watched.name).randrange(step_us // SECOND_US) * SECOND_US
    first = -(-(since_us - place_us) // step_us)
    for number in range(first, (now_us - place_us - RETRY_US) // step_us + 1):
        slot_us = number * step_us + place_us
        for region in watched.config["regions"]:
            fault = _fault_at(watched, region, (end_us - slot_us) / HOUR_US)
            yield _check(watched, monitor_id, (region, slot_us, 0), fault)
            if fault is not None and fault.outcome == "fail":
                yield _check(watched, monitor_id, (region, slot_us, 1), fault)


def _fault_at(watched: Watched, region: str, before_h: float) -> Fault | None:
    for fault in watched.faults:
        is_over = fault.end_h is not None and before_h <= fault.end_h
        if before_h <= fault.begin_h and not is_over and region in fault.regions:
            return fault
    return None


def _check(
    watched: Watched, monitor_id: str, at: tuple[str, int, int], fault: Fault | None
) -> SentCheck:
    region, slot_us, attempt = at
    rnd = random.Random(f"{watched.name} {region} {slot_us} {attempt}")
    usual_ms = watched.usual_ms * (1.0 if region == EUROPE else 1.7)
    # Slower by day than by night, and now and then much slower.
    hour = slot_us / HOUR_US % 24
    busy = 1 + 0.22 * math.sin((hour - 8) / 24 * 2 * math.pi)
    total_ms = usual_ms * busy * rnd.lognormvariate(0, 0.16) * (3 if rnd.random() < 0.004 else 1)
    if fault is not None and fault.outcome == "degraded":
        total_ms = total_ms * 2 + 600
    is_silent = fault is not None and fault.reason == "timeout"
    is_https = watched.config["type"] == "http"
    certificate, expires_us = _certificate(watched, slot_us)
    return SentCheck(
        monitor_id=monitor_id,
        region=region,
        slot_us=slot_us,
        started_us=slot_us + attempt * RETRY_US + rnd.randrange(40_000),
        attempt=attempt,
        outcome="ok" if fault is None else fault.outcome,
        reason="" if fault is None else fault.reason,
        message="" if fault is None else fault.message,
        phases=Phases(total_ms=10_000.0) if is_silent else _phases(watched, total_ms, rnd),
        status_code=None if is_silent or not is_https else (fault and fault.status_code) or 200,
        peer="" if is_silent else watched.peer,
        certificate=certificate,
        expires_us=expires_us,
    )


def _phases(watched: Watched, total_ms: float, rnd: random.Random) -> Phases:
    dns_ms = round(total_ms * rnd.uniform(0.02, 0.08), 2)
    connect_ms = round(total_ms * rnd.uniform(0.14, 0.2), 2)
    if watched.config["type"] == "dns":
        return Phases(dns_ms=round(total_ms, 2), total_ms=round(total_ms, 2))
    if watched.config["type"] == "tcp":
        return Phases(dns_ms=dns_ms, connect_ms=connect_ms, total_ms=round(total_ms, 2))
    tls_ms = round(total_ms * rnd.uniform(0.22, 0.3), 2)
    if watched.config["type"] == "tls":
        return Phases(
            dns_ms=dns_ms, connect_ms=connect_ms, tls_ms=tls_ms, total_ms=round(total_ms, 2)
        )
    transfer_ms = round(total_ms * rnd.uniform(0.03, 0.08), 2)
    return Phases(
        dns_ms=dns_ms,
        connect_ms=connect_ms,
        tls_ms=tls_ms,
        first_byte_ms=round(total_ms - dns_ms - connect_ms - tls_ms - transfer_ms, 2),
        transfer_ms=transfer_ms,
        total_ms=round(total_ms, 2),
    )


def _certificate(watched: Watched, slot_us: int) -> tuple[Certificate | None, int | None]:
    """Returns the one that was valid then: each lasts 90 days and is renewed after 60."""
    if watched.config["type"] != "tls":
        return None, None
    number = slot_us // (60 * DAY_US)
    begin_us = number * 60 * DAY_US
    end_us = begin_us + 90 * DAY_US
    digest = f"{number:064x}"
    made = Certificate("CN=shop.example", "CN=Example CA R3", begin_us, end_us, digest)
    return made, end_us
