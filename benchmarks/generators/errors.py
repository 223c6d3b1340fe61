"""Realistic errors, transactions and sessions in Sentry's envelopes: of Python and of browsers.

An error is of 11 KB, which a web framework's stack with source and variables takes; `small_errors`
are of 2.7 KB. They go to the project that `SLUICE_INIT_DSN_KEY` seeds.
"""

import json
import random
import time
from typing import Any

from benchmarks.generate import Body, Generator, cut, mark
from benchmarks.server import DSN_KEY
from schemas.kinds import (
    ATTACHMENT,
    CHECK_IN,
    ERROR,
    FEEDBACK,
    LOG,
    SESSION,
    STREAMED_SPAN,
    TRANSACTION,
)

PATH = f"/api/1/envelope/?sentry_version=7&sentry_key={DSN_KEY}"
ERROR_BYTES, SMALL_BYTES = 11_000, 2_700
SPANS = 20
PLACES = 400
"""Stacks that differ: so many issues."""
WITH_SECRETS = 0.1
"""Of the events have what masking must take out: SDKs filter most of it themselves."""
FAULTS = (
    ("ValueError", "invalid literal for int() with base 10: '{}'"),
    ("KeyError", "'order_{}'"),
    ("TimeoutError", "upstream took longer than {} ms"),
    ("IntegrityError", "duplicate key value violates unique constraint: Key (id)=({})"),
    ("PermissionDenied", "account {} may not read invoice"),
)
BROWSER_FAULTS = (
    ("TypeError", "Cannot read properties of undefined (reading 'items_{}')"),
    ("ChunkLoadError", "Loading chunk {} failed"),
)
ROUTES = ("/orders/{id}", "/checkout", "/invoices/{id}/pdf", "/search", "/login", "/api/cart")
TEXT = (
    "order customer total price discount basket address currency shipping item stock invoice tax"
    " payment refund parcel label cache retry queue worker result timeout limit offset cursor"
)
WORDS = TEXT.split()
RELEASES = ("shop@4.1.0", "shop@4.1.1", "shop@4.2.0")


def errors(chance: random.Random, size: int) -> Body:
    """Makes an envelope with errors of about 11 KB, three of four from Python."""
    return _envelope([_error(chance, number, ERROR_BYTES) for number in range(size)], "event")


def small_errors(chance: random.Random, size: int) -> Body:
    """Makes an envelope with errors of about 2.7 KB."""
    return _envelope([_error(chance, number, SMALL_BYTES) for number in range(size)], "event")


def transactions(chance: random.Random, size: int) -> Body:
    """Makes an envelope with transactions of 20 spans."""
    return _envelope([_transaction(chance, number) for number in range(size)], "transaction")


def sessions(chance: random.Random, size: int) -> Body:
    """Makes an envelope with updates of sessions, each of its own."""
    lines = [json.dumps({"sdk": {"name": "sentry.javascript.browser", "version": "10.0.0"}})]
    for number in range(size):
        update = {
            "sid": mark(number),
            "did": f"user-{chance.randrange(5_000)}",
            "seq": 0,
            "init": True,
            "started": time.time() - chance.random() * 3600,
            "status": chance.choices(("ok", "exited", "crashed"), (50, 48, 2))[0],
            "attrs": {"release": chance.choice(RELEASES), "environment": "production"},
        }
        lines += '{"type":"session"}', json.dumps(update)
    return cut("\n".join([*lines, ""]).encode(), size)


def items(chance: random.Random, size: int) -> Body:
    """Makes what Open Sentry's SDK sends of errors: some 2.5 KB each."""
    made = [_item(chance, number) for number in range(size)]
    return cut(json.dumps(made[0] if size == 1 else made).encode(), size)


def logs(chance: random.Random, size: int) -> Body:
    """Makes an envelope with an item of log records, some 800 bytes each."""
    records = [
        {
            "timestamp": time.time() - chance.random() * 60,
            "level": chance.choices(("info", "warn", "error"), (90, 8, 2))[0],
            "trace_id": mark(number),
            "body": " ".join(chance.choices(WORDS, k=15)),
            "attributes": {
                f"shop.{name}": {"value": chance.choice(WORDS), "type": "string"}
                for name in WORDS[:10]
            },
        }
        for number in range(size)
    ]
    return _container(records, "log")


def streamed_spans(chance: random.Random, size: int) -> Body:
    """Makes an envelope with an item of spans as SDKs for JavaScript stream them, of one trace."""
    trace, segment, began = _hex(chance, 128), _hex(chance, 64), time.time() - chance.random() * 60
    shared = {
        "sentry.op": "db",
        "sentry.segment.id": segment,
        "sentry.segment.name": chance.choice(ROUTES),
        "sentry.release": chance.choice(RELEASES),
        "db.system": "postgresql",
    }
    attributes = {name: {"value": text, "type": "string"} for name, text in shared.items()}
    spans = [
        {
            "trace_id": trace,
            "span_id": mark(number),
            "parent_span_id": segment,
            "name": f"SELECT {_source(chance)}",
            "start_timestamp": began + number / 1000,
            "end_timestamp": began + number / 1000 + chance.random() / 100,
            "is_segment": False,
            "status": "ok",
            "attributes": attributes,
        }
        for number in range(size)
    ]
    return _container(spans, "span")


def feedback(chance: random.Random, size: int) -> Body:
    """Makes an envelope with what people say."""
    items = []
    for number in range(size):
        said = {"message": " ".join(chance.choices(WORDS, k=20)), "name": chance.choice(WORDS)}
        event = _shared(chance, number, "javascript")
        items.append({**event, "contexts": {**event["contexts"], "feedback": said}})
    return _envelope(items, "feedback")


def check_ins(chance: random.Random, size: int) -> Body:
    """Makes an envelope with ends of runs, of 50 jobs."""
    sdk = {"sdk": {"name": "sentry.python", "version": "2.75.0"}}
    return _envelope(
        [
            {
                "check_in_id": mark(number),
                "monitor_slug": f"job-{chance.randrange(50)}",
                "status": chance.choice(("ok", "ok", "ok", "error")),
                "duration": round(chance.uniform(0.1, 90), 3),
                **sdk,
            }
            for number in range(size)
        ],
        "check_in",
    )


def attachments(chance: random.Random, size: int) -> Body:
    """Makes an envelope with logs of about 4 KB, all of one event."""
    lines = [json.dumps({"event_id": mark(size)})]
    for number in range(size):
        lines.append(json.dumps({"type": "attachment", "filename": f"{number}.log"}))
        lines.append(json.dumps([mark(number), " ".join(chance.choices(WORDS, k=600))]))
    return cut("\n".join([*lines, ""]).encode(), size)


GENERATORS = {
    ERROR.name: Generator(PATH, errors),
    TRANSACTION.name: Generator(PATH, transactions),
    STREAMED_SPAN.name: Generator(PATH, streamed_spans),
    LOG.name: Generator(PATH, logs),
    SESSION.name: Generator(PATH, sessions),
    FEEDBACK.name: Generator(PATH, feedback),
    CHECK_IN.name: Generator(PATH, check_ins),
    ATTACHMENT.name: Generator(PATH, attachments),
}
SMALL_ERRORS = Generator(PATH, small_errors)
ITEMS = Generator(f"/v1/ingest?key={DSN_KEY}", items, most=20)
MORE = {"small_error": SMALL_ERRORS, "open_sentry_error": ITEMS}
"""What else is sent, by what a benchmark calls it."""


def _envelope(items: list[dict[str, Any]], kind: str) -> Body:
    # Without `length`, as browsers send: ids of another length stand in the marks.
    lines = [json.dumps({"sdk": items[0]["sdk"]})]
    for item in items:
        lines += json.dumps({"type": kind}), json.dumps(item)
    return cut("\n".join([*lines, ""]).encode(), len(items))


def _container(items: list[dict[str, Any]], kind: str) -> Body:
    header = {"type": kind, "item_count": len(items)}
    lines = ("{}", json.dumps(header), json.dumps({"version": 2, "items": items}), "")
    return cut("\n".join(lines).encode(), len(items))


def _error(chance: random.Random, number: int, size: int) -> dict[str, Any]:
    is_browser = chance.random() < 0.25
    place = random.Random(chance.randrange(PLACES))
    event = _shared(chance, number, "javascript" if is_browser else "python")
    type_, text = place.choice(BROWSER_FAULTS if is_browser else FAULTS)
    is_small = size < ERROR_BYTES
    count = 6 if is_small else 16
    frame = _browser_frame if is_browser else _python_frame
    frames = [frame(place, is_small, deep=deep) for deep in range(count)]
    handled = chance.random() < 0.3
    thrown = {
        "type": type_,
        "value": text.format(chance.randrange(10**6)),
        "module": None if is_browser else "shop.faults",
        "mechanism": {"type": "onerror" if is_browser else "wsgi", "handled": handled},
        "stacktrace": {"frames": frames},
    }
    event |= {"level": "error", "exception": {"values": [thrown]}, "request": _request(chance)}
    crumbs: list[dict[str, Any]] = []
    event["breadcrumbs"] = {"values": crumbs}
    length = len(json.dumps(event))
    while length < size - 100:
        crumbs.append(_breadcrumb(chance, event["timestamp"] - 60 + len(crumbs)))
        length += len(json.dumps(crumbs[-1])) + 2
    return event


def _item(chance: random.Random, number: int) -> dict[str, Any]:
    place = random.Random(chance.randrange(PLACES))
    type_, text = place.choice(FAULTS)
    frames = [
        {
            "filename": f"src/{place.choice(WORDS)}/{place.choice(WORDS)}.ts",
            "function": f"{place.choice(WORDS)}{place.choice(WORDS).title()}",
            "lineno": place.randrange(1, 900),
            "colno": place.randrange(1, 80),
            "inApp": deep < 4,
        }
        for deep in range(12)
    ]
    value = f"{text.format(chance.randrange(10**6))} in request {mark(number)}"
    return {
        "type": "error",
        "exception": {"type": type_, "value": value, "stacktrace": {"frames": frames}},
        "level": "error",
        "environment": "production",
        "release": chance.choice(RELEASES),
        "tags": {"region": chance.choice(("eu", "us")), "route": chance.choice(ROUTES)},
        "user": {"id": str(chance.randrange(5_000))},
        "breadcrumbs": [
            {"category": "query", "message": _source(chance), "level": "info"} for _ in range(8)
        ],
    }


def _shared(chance: random.Random, number: int, platform: str) -> dict[str, Any]:
    sdk = "sentry.javascript.browser" if platform == "javascript" else "sentry.python"
    trace = {"trace_id": _hex(chance, 128), "span_id": _hex(chance, 64), "op": "http.server"}
    return {
        "event_id": mark(number),
        "timestamp": round(time.time() - chance.random() * 3_600, 6),
        "platform": platform,
        "transaction": chance.choice(ROUTES),
        "release": chance.choice(RELEASES),
        "environment": chance.choice(("production", "production", "staging")),
        "server_name": f"web-{chance.randrange(8)}",
        "sdk": {"name": sdk, "version": "2.75.0", "packages": [{"name": "pypi:sentry-sdk"}]},
        "user": {"id": str(chance.randrange(5_000)), "ip_address": "203.0.113.7"},
        "tags": {"region": chance.choice(("eu", "us")), "plan": chance.choice(("free", "pro"))},
        "contexts": {
            "trace": trace,
            "runtime": {"name": "CPython", "version": "3.11.9"},
            "os": {"name": "Linux", "version": "6.1"},
        },
    }


def _python_frame(place: random.Random, is_small: bool, *, deep: int) -> dict[str, Any]:
    own = deep > 4 and place.random() < 0.6
    module = f"{'shop' if own else 'django'}.{place.choice(WORDS)}.{place.choice(WORDS)}"
    file = module.replace(".", "/") + ".py"
    frame = {
        "filename": file,
        "abs_path": f"/srv/{'app' if own else 'venv/lib/python3.11/site-packages'}/{file}",
        "module": module,
        "function": f"{place.choice(WORDS)}_{place.choice(WORDS)}",
        "lineno": place.randrange(1, 900),
        "in_app": own,
    }
    if is_small:
        return frame
    lines = [f"        {_source(place)}" for _ in range(7)]
    return frame | {
        "pre_context": lines[:3],
        "context_line": lines[3],
        "post_context": lines[4:],
        "vars": {name: repr(place.randrange(10**6)) for name in place.sample(WORDS, 3)},
    }


def _browser_frame(place: random.Random, _: bool, *, deep: int) -> dict[str, Any]:
    file = f"https://shop.example/assets/{place.choice(WORDS)}-{place.randrange(16**8):08x}.js"
    return {
        "filename": file,
        "abs_path": file,
        "function": place.choice(WORDS) + place.choice(WORDS).title(),
        "lineno": 1,
        "colno": place.randrange(1, 90_000) + deep,
        "in_app": True,
    }


def _request(chance: random.Random) -> dict[str, Any]:
    agent = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/131.0 Safari/537.36"
    headers = {"Host": "shop.example", "User-Agent": agent, "Accept": "*/*"}
    if chance.random() < WITH_SECRETS:
        headers["Cookie"] = f"sessionid={_hex(chance, 128)}; theme=dark"
    return {
        "url": f"https://shop.example/orders/{chance.randrange(10**6)}",
        "method": "GET",
        "query_string": f"page={chance.randrange(40)}",
        "headers": headers,
    }


def _breadcrumb(chance: random.Random, at: float) -> dict[str, Any]:
    crumb = {"timestamp": at, "type": "default", "level": "info"}
    if chance.random() < 0.5:
        return crumb | {"category": "query", "message": f"SELECT * FROM {_source(chance)}"}
    data = {"url": f"https://api.example/{chance.choice(WORDS)}", "status_code": 200}
    return crumb | {"category": "httplib", "type": "http", "data": data}


def _transaction(chance: random.Random, number: int) -> dict[str, Any]:
    event = _shared(chance, number, "python")
    lasted = chance.lognormvariate(-2.5, 0.8)
    began = event["timestamp"] - lasted
    trace = event["contexts"]["trace"]
    trace["status"] = "internal_error" if chance.random() < 0.03 else "ok"
    spans = []
    for place in range(SPANS):
        start = began + lasted * place / SPANS
        query = chance.random() < 0.7
        spans.append(
            {
                "trace_id": trace["trace_id"],
                "span_id": _hex(chance, 64),
                "parent_span_id": trace["span_id"],
                "op": "db" if query else "http.client",
                "description": f"SELECT {_source(chance)}" if query else "GET https://api.example/",
                "start_timestamp": start,
                "timestamp": start + lasted / SPANS,
                "status": "ok",
                "data": {"db.system": "postgresql"} if query else {"http.status_code": 200},
            }
        )
    more = {"type": "transaction", "start_timestamp": began, "spans": spans, "measurements": {}}
    return event | more


def _source(chance: random.Random) -> str:
    left, right, third = chance.choices(WORDS, k=3)
    return f"{left} = {right}.{third}({left}, limit={chance.randrange(100)})"


def _hex(chance: random.Random, bits: int) -> str:
    return f"{chance.getrandbits(bits):0{bits // 4}x}"
