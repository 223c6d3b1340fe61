"""Made-up transactions of the demo's shop: requests, page loads and jobs, with their spans.

Three things can be found in them: `GET /api/orders` asks for each parcel by itself (N+1), the
catalogue is slower since the last release, and some requests fail, with an error of the same trace.
"""

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from ingest.errors.demo import LONGEST_DAYS, Event, thrown_by
from ingest.errors.demo_around import Release, around, hex_id, release_at
from ingest.errors.demo_calls import LinkedCall
from ingest.errors.demo_troubles import API, TROUBLES, WEB, WORKER
from ingest.errors.demo_waterfall import Waterfall

SLOWED, SLOWER = "GET /api/products", 3.5
REPEATS, PARCELS = "GET /api/orders", (6, 18)
PAYS = "POST /api/checkout"
PAGE_OF_PAYING = "/checkout"
DECLINED = next(one for one in TROUBLES if one.type == "PaymentDeclined")


class Step(NamedTuple):
    """A span to be: its usual share of the whole, and what it does."""

    op: str
    description: str
    share: float
    data: dict[str, Any] = {}


class Route(NamedTuple):
    """One name of transactions."""

    part: str
    name: str
    op: str
    weight: int
    usual_ms: float
    fails: float
    steps: tuple[Step, ...]


def _query(text: str, share: float) -> Step:
    return Step("db", text, share, {"db.system": "postgresql"})


def _http(text: str, share: float) -> Step:
    return Step("http.client", text, share)


def _api(name: str, weight: int, usual_ms: float, fails: float, *steps: Step) -> Route:
    return Route(API, name, "http.server", weight, usual_ms, fails, steps)


CUSTOMER = _query("SELECT * FROM customers WHERE id = %s", 0.1)
CART = Step("cache.get", "cart:*", 0.15)
ROUTES = (
    _api(
        SLOWED,
        30,
        90,
        0.004,
        _query("SELECT * FROM products WHERE category = %s LIMIT 48", 0.7),
        Step("template.render", "products", 0.15),
    ),
    _api(
        "GET /api/products/{id}",
        26,
        45,
        0.003,
        _query("SELECT * FROM products WHERE id = %s", 0.4),
        Step("cache.get", "product:*", 0.1),
    ),
    _api(
        REPEATS, 12, 420, 0.02, CUSTOMER, _query("SELECT * FROM orders WHERE customer_id = %s", 0.1)
    ),
    _api(
        PAYS,
        12,
        800,
        0.06,
        CART,
        _query("SELECT * FROM shelves WHERE sku IN (1, 2) FOR UPDATE", 0.1),
        _http("POST https://pay.example/v1/charges", 0.55),
        _query("INSERT INTO orders (customer_id, total) VALUES (7, 120)", 0.08),
        Step("queue.publish", "receipts", 0.03),
    ),
    _api("GET /api/cart", 16, 25, 0.002, CART),
    _api(
        "POST /api/cart/items",
        12,
        60,
        0.01,
        CART,
        _query("SELECT price FROM products WHERE sku = %s", 0.3),
    ),
    _api("POST /api/login", 7, 180, 0.05, CUSTOMER, Step("function", "password.matches", 0.7)),
    Route(
        WORKER,
        "send_receipt",
        "queue.task",
        12,
        650,
        0.03,
        (
            _query("SELECT * FROM orders WHERE id = %s", 0.1),
            Step("function", "render", 0.2),
            Step("mail.send", "smtp", 0.6),
        ),
    ),
    Route(
        WORKER,
        "resize_images",
        "queue.task",
        6,
        2_400,
        0.02,
        (
            _http("GET https://files.example/originals", 0.2),
            Step("function", "resize 320", 0.2),
            Step("function", "resize 1280", 0.5),
        ),
    ),
    Route(
        WORKER,
        "sync_stock",
        "queue.task",
        3,
        9_000,
        0.08,
        (
            _http("GET https://supplier.example/stock", 0.5),
            _query("UPDATE shelves SET free = %s", 0.4),
        ),
    ),
    Route(
        WEB,
        "/",
        "pageload",
        14,
        1_300,
        0,
        (
            Step("browser", "request", 0.2),
            Step("resource.script", "https://shop.example/assets/main.js", 0.35),
            _http("GET /api/products", 0.2),
        ),
    ),
    Route(
        WEB,
        "/product/:id",
        "pageload",
        14,
        1_100,
        0,
        (
            Step("browser", "request", 0.2),
            Step("resource.img", "https://shop.example/images/first.webp", 0.4),
            _http("GET /api/products/117", 0.1),
        ),
    ),
)


class Visits:
    """Makes transactions for the days up to `until`, and the errors in them."""

    def __init__(self, seed: int, until: datetime, days: int) -> None:
        self._seed = seed
        self._until = until
        self._days = min(days, LONGEST_DAYS)
        # Of its own: how often it is drawn from depends on the clock, and ids must not.
        self._moments = random.Random(f"visit moments {seed}")

    def events(self, count: int) -> Iterator[Event]:
        """Yields about `count` transactions; errors and page loads that belong to them beside."""
        chance = random.Random(f"visits {self._seed}")
        weights = [one.weight for one in ROUTES]
        for number in range(count):
            first = number < len(ROUTES)
            route = ROUTES[number] if first else chance.choices(ROUTES, weights)[0]
            yield from self._visit(route, str(number), self._moment())

    def of_calls(self, calls: list[LinkedCall]) -> Iterator[Event]:
        """Yields the requests in which LLM calls were made."""
        for call in calls:
            yield self._around_call(call)

    def _moment(self) -> datetime:
        while True:
            at = self._until - timedelta(days=self._days) * self._moments.random() * 0.999
            at = min(at, self._until - timedelta(minutes=1))
            if self._moments.random() < (1.0 if 8 <= at.hour < 20 else 0.3):
                return at

    def _visit(self, route: Route, name: str, at: datetime) -> Iterator[Event]:
        rnd = random.Random(f"visit {self._seed} {name}")
        release = release_at(at, self._until, self._days)
        made = Waterfall(rnd, around(rnd, route.part, at, release))
        slow = SLOWER if route.name == SLOWED and release is Release.LAST else 1.0
        took_s = route.usual_ms / 1000 * rnd.lognormvariate(0, 0.45) * slow
        made.takes(at, took_s)
        fails = rnd.random() < route.fails
        for step in route.steps:
            made.step(step.op, step.description, step.share * rnd.uniform(0.7, 1.1), step.data)
        if route.name == REPEATS:
            made.repeats("SELECT state FROM parcels WHERE order_id = {n}", rnd.randint(*PARCELS))
        yield made.event(route.name, route.op, fails)
        if route.name == PAYS:
            yield from self._beside_paying(rnd, made, at, took_s, fails)

    def _beside_paying(
        self, rnd: random.Random, made: Waterfall, at: datetime, took_s: float, fails: bool
    ) -> Iterator[Event]:
        """Yields the page that asked, in the same trace, and what failed in it."""
        release = release_at(at, self._until, self._days)
        page = Waterfall(rnd, around(rnd, WEB, at, release) | {"user": made.fields["user"]})
        page.begins(made.trace_id)
        page.takes(at - timedelta(milliseconds=60), took_s + 0.25)
        page.step("http.client", "POST /api/checkout", 0.8, span_id=made.parent_span_id)
        yield page.event(PAGE_OF_PAYING, "navigation", False)
        if fails:
            own = around(rnd, API, at, release) | {"user": made.fields["user"]}
            own |= {"contexts": made.fields["contexts"], "tags": made.fields["tags"]}
            url = "https://shop.example" + PAYS.removeprefix("POST ")
            own |= {"transaction": PAYS, "request": own["request"] | {"url": url}}
            moment = {"event_id": hex_id(rnd, 32), "timestamp": at.timestamp() + took_s * 0.8}
            yield moment | own | {"exception": thrown_by(DECLINED, rnd)}

    def _around_call(self, call: LinkedCall) -> Event:
        rnd = random.Random(f"call {call.trace_id}")
        release = release_at(call.at, self._until, self._days)
        fields = around(rnd, API, call.at, release) | {"environment": call.environment}
        made = Waterfall(rnd, fields | {"user": {"id": call.user_id}})
        made.begins(call.trace_id)
        before_s = rnd.uniform(0.01, 0.06)
        took_s = (call.latency_ms / 1000 + before_s) * 1.04
        made.takes(call.at - timedelta(seconds=before_s), took_s)
        made.step(
            "db",
            "SELECT name FROM products LIMIT 200",
            0.8 * before_s / took_s,
            {"db.system": "postgresql"},
        )
        share = call.latency_ms / 1000 / took_s
        made.step(
            "ai.chat", call.model, share, {"gen_ai.request.model": call.model}, span_id=call.span_id
        )
        return made.event(call.route, "http.server", call.failed)
