"""Busy hours of the demo's shop around a deployment that is bad: its requests, and what fails.

While the bad one serves, requests take twice as long, and five times as many fail, of a new fault.
"""

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from ingest.errors.demo import Event, thrown_by
from ingest.errors.demo_around import Release, around, hex_id
from ingest.errors.demo_troubles import API, TROUBLES
from ingest.errors.demo_waterfall import Waterfall

EVERY = timedelta(seconds=10)
FAILS, FAILS_WHILE_BAD = 0.04, 0.2
SLOWER = 2.0
ROUTES = (("GET /api/products", 90), ("GET /api/cart", 25), ("POST /api/checkout", 400))
USUAL = next(one for one in TROUBLES if one.type == "PaymentDeclined")
NEW = USUAL._replace(type="PriceListMissing", value="no price of {sku} in the new list")


class Busy(NamedTuple):
    """When the busy time began, when the bad deployment took over and was gone back from."""

    began: datetime
    bad: datetime
    back: datetime
    ended: datetime

    def is_bad(self, at: datetime) -> bool:
        """Tells whether the bad deployment served then."""
        return self.bad <= at < self.back


def busy_events(seed: int, busy: Busy) -> Iterator[Event]:
    """Yields the requests of that time in order, each with its error behind it."""
    for number in range((busy.ended - busy.began) // EVERY):
        at = busy.began + number * EVERY
        rnd = random.Random(f"busy {seed} {number}")
        is_bad = busy.is_bad(at)
        name, usual_ms = rnd.choice(ROUTES)
        fields = around(rnd, API, at, Release.LAST) | {"environment": "production"}
        made = Waterfall(rnd, fields)
        took_s = usual_ms / 1000 * rnd.lognormvariate(0, 0.45) * (SLOWER if is_bad else 1.0)
        made.takes(at, took_s)
        made.step("db", "SELECT price FROM prices WHERE sku = %s", 0.7)
        fails = rnd.random() < (FAILS_WHILE_BAD if is_bad else FAILS)
        yield made.event(name, "http.server", fails)
        if fails:
            thrown = {"exception": thrown_by(NEW if is_bad else USUAL, rnd)}
            moment = {"event_id": hex_id(rnd, 32), "timestamp": at.timestamp() + took_s * 0.8}
            yield moment | fields | {"level": "error", "transaction": name} | thrown
