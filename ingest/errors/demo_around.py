"""What an event of the demo's shop says beside its failure: who, where, in which release."""

import random
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

from ingest.errors.demo_troubles import API, WEB, WORKER

LAST_HOURS = 18
"""How long ago the last release was; the demo's LLM calls have the same."""
FIRST_PART = 0.4
"""Of the days, until the second release."""
ENVIRONMENTS = ("production", "production", "production", "production", "staging")
BROWSERS = (
    ("Chrome", "131.0.0", "Windows", "10"),
    ("Chrome", "131.0.0", "Android", "14"),
    ("Safari", "18.1", "iOS", "18.1"),
    ("Firefox", "133.0", "Ubuntu", "24.04"),
    ("Edge", "131.0.2", "Windows", "11"),
)
COUNTRIES = ("DE", "DE", "AT", "CH", "NL", "FR")
PATHS = {
    API: ("/api/checkout", "/api/orders", "/api/search", "/api/cart/items", "/api/login"),
    WORKER: ("send_receipt", "resize_images", "sync_stock", "write_export"),
    WEB: ("/", "/product/:id", "/basket", "/checkout"),
}
PLATFORMS = {API: "python", WORKER: "node", WEB: "javascript"}
SDKS = {
    API: {"name": "sentry.python.flask", "version": "2.45.0"},
    WORKER: {"name": "sentry.javascript.node", "version": "10.27.0"},
    WEB: {"name": "sentry.javascript.react", "version": "10.27.0"},
}
PLACES = {
    "checkout": "/api/checkout",
    "orders": "/api/orders",
    "search": "/api/search",
    "cart": "/api/cart/items",
    "login": "/api/login",
    "receipt": "send_receipt",
    "images": "resize_images",
    "sync": "sync_stock",
    "exports": "write_export",
    "product": "/product/:id",
    "basket": "/basket",
    "pay": "/checkout",
}
"""Where a piece of source runs; all else runs anywhere."""
CRUMBS = {
    API: (
        ("query", 'SELECT * FROM "customers" WHERE "id" = %s', "info"),
        ("redis", "GET 'cart:*'", "info"),
        ("httplib", "POST https://pay.example/v1/charges", "info"),
        ("shop.stock", "shelf is nearly empty", "warning"),
        ("query", 'UPDATE "orders" SET "state" = %s WHERE "id" = %s', "info"),
    ),
    WORKER: (
        ("console", "job taken", "info"),
        ("http", "GET https://supplier.example/stock", "info"),
        ("console", "second try", "warning"),
        ("http", "PUT https://files.example/exports", "info"),
    ),
    WEB: (
        ("navigation", "/ to /product/117", "info"),
        ("ui.click", "button.add-to-basket", "info"),
        ("fetch", "POST /api/cart/items", "info"),
        ("console", "basket restored", "info"),
        ("ui.input", "input#postcode", "info"),
        ("fetch", "GET /api/shops", "error"),
    ),
}


class Release(Enum):
    """Those of the demo's days; the LLM calls name the last two of them too."""

    FIRST = "4.1.2"
    SECOND = "4.1.3"
    LAST = "4.2.0"

    @property
    def named(self) -> str:
        """As SDKs send it."""
        return f"shop@{self.value}"


def release_at(at: datetime, until: datetime, days: int) -> Release:
    """Returns the release of a moment."""
    if at >= until - timedelta(hours=LAST_HOURS):
        return Release.LAST
    is_first = at < until - timedelta(days=days) * (1 - FIRST_PART)
    return Release.FIRST if is_first else Release.SECOND


def around(
    rnd: random.Random, part: str, at: datetime, release: Release, stack: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Returns the fields of an event that are no failure; always as many draws of chance."""
    browser, version, system, system_version = rnd.choice(BROWSERS)
    path, tier = rnd.choice(PATHS[part]), rnd.choice(("guest", "basic", "basic", "gold"))
    path = next((PLACES[name] for name in stack if name in PLACES), path)
    host = f"{part}-{rnd.randint(1, 3)}"
    fields: dict[str, Any] = {
        "platform": PLATFORMS[part],
        "sdk": SDKS[part],
        "release": release.named,
        "environment": rnd.choice(ENVIRONMENTS),
        "transaction": path if part != API else f"POST {path}",
        "user": person(rnd),
        "tags": {"part": part, "customer.tier": tier, "country": rnd.choice(COUNTRIES)},
        "contexts": {"trace": {"trace_id": hex_id(rnd, 32), "span_id": hex_id(rnd, 16)}},
        "breadcrumbs": {"values": _crumbs(rnd, part, at)},
    }
    if part == WORKER:
        fields["contexts"]["runtime"] = {"name": "node", "version": "v22.11.0"}
    else:
        fields["contexts"] |= {
            "browser": {"name": browser, "version": version},
            "os": {"name": system, "version": system_version},
        }
        fields["tags"]["browser"] = f"{browser} {version.split('.')[0]}"
        fields["request"] = _asked(rnd, part, path)
    if part != WEB:
        fields["server_name"] = host
        fields["extra"] = {"attempt": rnd.randint(1, 3)}
    if part == API:
        fields["contexts"]["runtime"] = {"name": "CPython", "version": "3.12.7"}
        fields["modules"] = {"flask": "3.1.0", "sqlalchemy": "2.0.36", "httpx": "0.28.1"}
    return fields


def person(rnd: random.Random) -> dict[str, Any]:
    """Returns a customer; a few come often."""
    number = int(rnd.paretovariate(0.4)) % 400
    return {"id": f"user-{number:03d}", "email": f"customer{number}@shop.example"}


def hex_id(rnd: random.Random, digits: int) -> str:
    """Returns an id as Sentry's SDKs make them."""
    return f"{rnd.getrandbits(digits * 4):0{digits}x}"


def _crumbs(rnd: random.Random, part: str, at: datetime) -> list[dict[str, Any]]:
    ago = 0.0
    crumbs = []
    for _ in range(rnd.randint(5, 9)):
        category, message, level = rnd.choice(CRUMBS[part])
        ago += rnd.uniform(0.05, 6)
        crumbs.append(
            {
                "timestamp": at.timestamp() - ago,
                "category": category,
                "message": message,
                "level": level,
                "type": "http" if "http" in category or category == "fetch" else "default",
            }
        )
    return crumbs[::-1]


def _asked(rnd: random.Random, part: str, path: str) -> dict[str, Any]:
    if part == WEB:
        return {"url": f"https://shop.example{path.replace(':id', str(rnd.randint(100, 180)))}"}
    return {
        "method": "POST",
        "url": f"https://shop.example{path}",
        "headers": {"Content-Type": "application/json", "Host": "shop.example"},
        "data": {"lines": rnd.randint(1, 4)},
    }
