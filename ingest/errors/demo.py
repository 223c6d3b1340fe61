"""Made-up but plausible errors of a shop, as SDKs of Sentry send them: for `sluice demo`.

Seeded: the same seed gives the same ids at any time of day. No text in it is anybody's.
"""

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urljoin

from ingest.errors.demo_around import Release, around, hex_id, release_at
from ingest.errors.demo_maps import debug_meta
from ingest.errors.demo_sources import SOURCES
from ingest.errors.demo_troubles import REGRESSED, TROUBLES, WEB, Trouble

Event = dict[str, Any]
LONGEST_DAYS = 29
"""An older event would get the time of its arrival (docs/errors-events.md)."""
REPEATED = 6
"""Events of the issue that comes back, before and after it was resolved."""
BURST = timedelta(minutes=50)
BURST_AT = 0.55
"""How much of the days lies behind when much fails at once."""


class Failures:
    """Makes events for the days up to `until`."""

    def __init__(self, seed: int, until: datetime, days: int) -> None:
        self._seed = seed
        self._until = until
        self._days = min(days, LONGEST_DAYS)
        # Of its own: how often it is drawn from depends on the clock, and ids must not.
        self._moments = random.Random(f"error moments {seed}")

    def events(self, count: int) -> Iterator[Event]:
        """Yields about `count` events: of every issue at least one."""
        for number in range(min(REPEATED, count)):
            yield self._event(REGRESSED, f"before {number}", self._moment(REGRESSED))
        chance = random.Random(f"errors {self._seed}")
        weights = [one.weight for one in TROUBLES]
        for number in range(count - min(REPEATED, count)):
            # Each once before chance decides, so that even a short demo has all of them.
            first = number < len(TROUBLES)
            trouble = TROUBLES[number] if first else chance.choices(TROUBLES, weights)[0]
            yield self._event(trouble, str(number), self._moment(trouble))

    def comes_back(self) -> Iterator[Event]:
        """Yields the events that reopen what was resolved; send them after that."""
        for number in range(REPEATED):
            at = self._until - timedelta(minutes=3 + 11 * number)
            yield self._event(REGRESSED, f"after {number}", at)

    def _moment(self, trouble: Trouble) -> datetime:
        rnd, days = self._moments, timedelta(days=self._days)
        if trouble.when == "burst" and rnd.random() < 0.9:
            return self._until - days * (1 - BURST_AT) + BURST * rnd.betavariate(1.5, 3)
        while True:
            at = self._until - days * rnd.random() * 0.999
            busy = 1.0 if 8 <= at.hour < 20 else 0.3
            is_last = release_at(at, self._until, self._days) is Release.LAST
            if trouble.when == "new" and not is_last or trouble.when == "old" and is_last:
                continue
            if rnd.random() < busy:
                return at

    def _event(self, trouble: Trouble, name: str, at: datetime) -> Event:
        rnd = random.Random(f"error {self._seed} {name}")
        given = _given(rnd)
        event: Event = {"event_id": hex_id(rnd, 32), "timestamp": at.timestamp()}
        event |= {"level": trouble.level}
        release = release_at(at, self._until, self._days)
        event |= around(rnd, trouble.part, at, release, trouble.stack)
        if any("colno" in SOURCES[name] for name in trouble.stack):
            event["debug_meta"] = debug_meta()
        if not trouble.type:
            return event | {"logentry": _message(trouble.value, given)}
        return event | {"exception": _chain(trouble, given)}


def thrown_by(trouble: Trouble, rnd: random.Random) -> Event:
    """Returns the exceptions of one event."""
    return _chain(trouble, _given(rnd))


def _given(rnd: random.Random) -> dict[str, Any]:
    return {
        "n": rnd.randint(2, 4_000),
        "order": f"A-{rnd.randint(20_000, 29_999)}",
        "sku": f"SKU-{rnd.randint(100, 180)}",
    }


def _chain(trouble: Trouble, given: dict[str, Any]) -> Event:
    values = [_thrown(trouble, given)]
    if trouble.cause is not None:
        values.insert(0, _cause(trouble, given))
    return {"values": values}


def _message(template: str, given: dict[str, Any]) -> Event:
    params = [value for name, value in given.items() if f"{{{name}}}" in template]
    pattern = template
    for name in given:
        pattern = pattern.replace(f"{{{name}}}", "%s")
    return {"message": pattern, "params": params, "formatted": _filled(template, given)}


def _filled(template: str, given: dict[str, Any]) -> str:
    for name, value in given.items():
        template = template.replace(f"{{{name}}}", str(value))
    return template


def _thrown(trouble: Trouble, given: dict[str, Any]) -> Event:
    kind = "onunhandledrejection" if trouble.part == WEB else "generic"
    return {
        "type": trouble.type,
        "value": _filled(trouble.value, given),
        "mechanism": {"type": kind, "handled": trouble.handled},
        "stacktrace": {"frames": _frames(trouble, trouble.stack, given)},
    }


def _cause(trouble: Trouble, given: dict[str, Any]) -> Event:
    assert trouble.cause is not None
    type_, value, stack = trouble.cause
    return {
        "type": type_,
        "value": _filled(value, given),
        "mechanism": {"type": "chained", "handled": True},
        "stacktrace": {"frames": _frames(trouble, stack, given)},
    }


def _frames(trouble: Trouble, stack: tuple[str, ...], given: dict[str, Any]) -> list[Event]:
    frames = [dict(SOURCES[name]) for name in stack]
    if trouble.part == WEB:
        for frame in frames:
            frame["abs_path"] = urljoin("https://shop.example/", frame["filename"])
    elif frames and frames[-1]["in_app"]:
        # SDKs send the variables of a frame where they can.
        frames[-1]["vars"] = {"order": given["order"], "sku": given["sku"], "count": given["n"]}
    return frames
