"""What goes wrong in the shop of the demo: some forty issues, how often and since when.

A template of a value names what differs from event to event: `{n}`, `{order}`, `{sku}`.
"""

from typing import NamedTuple

API, WORKER, WEB = "api", "worker", "web"


class Trouble(NamedTuple):
    """One issue to be."""

    part: str
    type: str
    """Empty for a message without an exception."""
    value: str
    stack: tuple[str, ...] = ()
    """Of SOURCES, the oldest call first."""
    weight: int = 10
    when: str = "always"
    """`always`, `burst` (within one hour), `new` (since the last release), `old` (before it)."""
    level: str = "error"
    handled: bool = True
    cause: tuple[str, str, tuple[str, ...]] | None = None
    """Type, value and stack of the exception that led to it."""


DECLINED = ("HTTPStatusError", "402 Payment Required", ("charge", "httpx"))
REFUSED = ("ConnectionRefusedError", "[Errno 111] Connection refused", ("charge", "httpx"))

TROUBLES = (
    Trouble(
        API,
        "PaymentDeclined",
        "card_declined: order {order}",
        ("flask", "checkout", "charge"),
        90,
        cause=DECLINED,
    ),
    Trouble(
        API,
        "GatewayUnavailable",
        "no answer of the payment gateway for order {order}",
        ("flask", "checkout", "charge"),
        150,
        "burst",
        "fatal",
        False,
        REFUSED,
    ),
    Trouble(
        API, "ReadTimeout", "timed out after 10 s", ("flask", "checkout", "charge", "httpx"), 40
    ),
    Trouble(
        API,
        "OutOfStock",
        "{sku}: {n} wanted, none left",
        ("flask", "checkout", "stock"),
        60,
        level="warning",
    ),
    Trouble(
        API,
        "DeadlockDetected",
        "deadlock detected: process {n} waits for ShareLock",
        ("flask", "checkout", "stock", "sqlalchemy"),
        14,
        handled=False,
    ),
    Trouble(
        API,
        "AttributeError",
        "'NoneType' object has no attribute 'state'",
        ("flask", "orders"),
        55,
        handled=False,
    ),
    Trouble(
        API,
        "QueryCanceled",
        "canceling statement due to statement timeout",
        ("flask", "orders", "sqlalchemy"),
        25,
        "new",
        handled=False,
    ),
    Trouble(API, "KeyError", "'max_price'", ("flask", "search"), 110, "new", handled=False),
    Trouble(
        API,
        "BadRequestError",
        "400: context length exceeded by {n} tokens",
        ("flask", "search", "assistant"),
        70,
        "new",
    ),
    Trouble(
        API,
        "RateLimitError",
        "429: rate limit reached, try again in {n} ms",
        ("flask", "search", "assistant"),
        45,
        level="warning",
    ),
    Trouble(
        API,
        "JSONDecodeError",
        "Expecting value: line 1 column 1 (char 0)",
        ("flask", "search", "assistant"),
        30,
        "old",
    ),
    Trouble(
        API,
        "ValueError",
        "invalid literal for int() with base 10: 'two'",
        ("flask", "cart"),
        26,
        handled=False,
    ),
    Trouble(API, "TimeoutError", "Timeout reading from cache:6379", ("flask", "cart", "redis"), 20),
    Trouble(
        API,
        "AttributeError",
        "'NoneType' object has no attribute 'password'",
        ("flask", "login"),
        34,
        "old",
        handled=False,
    ),
    Trouble(
        API,
        "OperationalError",
        'too many connections for role "shop"',
        ("flask", "login", "sqlalchemy"),
        24,
        "burst",
        handled=False,
    ),
    Trouble(
        API,
        "UnknownCurrency",
        "no rate for 'CHF'",
        ("flask", "cart", "prices"),
        12,
        cause=("KeyError", "'CHF'", ("prices",)),
    ),
    Trouble(
        API,
        "DecimalOverflow",
        "price of {sku} has more than two digits",
        ("flask", "search", "prices"),
        5,
    ),
    Trouble(API, "", "Slow answer: {n} ms for the catalogue", weight=22, level="warning"),
    Trouble(API, "", "Coupon {n} was used twice", weight=8, level="info"),
    Trouble(
        WORKER,
        "TypeError",
        "Cannot read properties of undefined (reading 'format')",
        ("bullmq", "receipt"),
        65,
        "new",
        handled=False,
    ),
    Trouble(
        WORKER,
        "Error",
        "connect ECONNREFUSED 10.0.4.12:587",
        ("bullmq", "receipt", "mail", "node:net"),
        80,
        "burst",
    ),
    Trouble(
        WORKER,
        "InvalidAddress",
        "550 mailbox of order {order} is unavailable",
        ("bullmq", "receipt", "mail"),
        18,
        level="warning",
    ),
    Trouble(WORKER, "Error", "Input file is missing", ("bullmq", "images"), 16),
    Trouble(
        WORKER,
        "RangeError",
        "Array buffer allocation failed",
        ("bullmq", "images", "bullmq"),
        6,
        level="fatal",
        handled=False,
    ),
    Trouble(
        WORKER,
        "SupplierError",
        "supplier answered 503",
        ("bullmq", "sync"),
        30,
        cause=(
            "FetchError",
            "request to https://supplier.example/stock failed",
            ("sync", "node:net"),
        ),
    ),
    Trouble(WORKER, "UnknownSku", "{sku} is in no shelf", ("bullmq", "sync"), 13, level="warning"),
    Trouble(WORKER, "AccessDenied", "Access Denied", ("bullmq", "exports"), 9, "old"),
    Trouble(WORKER, "JobStalled", "job stalled more than allowable limit", ("bullmq",), 11),
    Trouble(WORKER, "", "Queue receipts has {n} waiting jobs", weight=15, level="warning"),
    Trouble(
        WEB,
        "TypeError",
        "Cannot read properties of undefined (reading 'url')",
        ("react", "product"),
        95,
        handled=False,
    ),
    Trouble(
        WEB,
        "TypeError",
        "Cannot read properties of null (reading 'lines')",
        ("react", "basket"),
        48,
        handled=False,
    ),
    Trouble(
        WEB,
        "SyntaxError",
        "Unexpected token '<', \"<!doctype \"... is not valid JSON",
        ("react", "basket", "fetch"),
        21,
        handled=False,
    ),
    Trouble(WEB, "ApiError", "502 /api/checkout", ("pay", "fetch"), 52),
    Trouble(WEB, "TypeError", "Failed to fetch", ("chat", "fetch"), 60, level="warning"),
    Trouble(
        WEB,
        "TypeError",
        "undefined is not an object (evaluating 'part.choices[0]')",
        ("chat",),
        44,
        "new",
        handled=False,
    ),
    Trouble(
        WEB, "ReferenceError", "address is not defined", ("react", "pay"), 38, "old", handled=False
    ),
    Trouble(WEB, "GeolocationPositionError", "User denied Geolocation", ("map",), 17, level="info"),
    Trouble(
        WEB, "ChunkLoadError", "Loading chunk 417 failed", ("react",), 28, "burst", handled=False
    ),
    Trouble(WEB, "SecurityError", "The operation is insecure.", ("basket",), 7, handled=False),
    Trouble(
        WEB,
        "RangeError",
        "no paper for farewell",
        ("confetti", "gift:click", "gift:wrap", "gift:paper"),
        20,
        handled=False,
    ),
    Trouble(WEB, "", "Hydration failed on the page of {sku}", weight=10, level="warning"),
)

REGRESSED = Trouble(
    API,
    "DuplicateOrder",
    "order {order} was placed twice",
    ("flask", "checkout"),
    20,
    "old",
    handled=False,
)
"""It is resolved once it was sent, and then comes back with the last release."""
