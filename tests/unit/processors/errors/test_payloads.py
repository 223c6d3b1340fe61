"""What SDKs of eleven sorts send is read whole, and nothing that is not one raises but `Unfit`."""

import random
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import pytest

from processors.columns import Columns, SentChunk, Unfit
from processors.errors.events import decode_sent, read_error, read_transaction
from processors.errors.steps import Meaning, steps
from schemas.errors.event import (
    LEVELS,
    MAX_FRAMES,
    ErrorEvent,
    event_decoder,
    event_encoder,
    frames_of,
    json_of,
)
from schemas.errors.sent import Head, Protocol
from schemas.errors.transaction import transaction_decoder
from schemas.projects import ProjectId
from tests.unit.processors.errors.payloads import PAYLOADS
from tests.unit.processors.errors.reading import ID, NOW_US, body_of, error
from tests.unit.processors.errors.test_steps import Grouped

EVERY = pytest.mark.parametrize("name", PAYLOADS)
HEAD = Head(client_ip="198.51.100.1")


def read(name: str) -> ErrorEvent:
    return error(PAYLOADS[name], HEAD)


@EVERY
def test_a_payload_of_an_sdk_is_read_and_can_be_read_back(name: str) -> None:
    event = read(name)

    assert event_decoder.decode(event_encoder.encode(event)) == event


@pytest.mark.parametrize(
    ("name", "types", "top", "in_app", "handled"),
    [
        ("python", ["KeyError", "CartError"], "checkout", True, False),
        ("browser", ["TypeError"], "a", True, False),
        ("node", ["Error"], "TCPConnectWrap.afterConnect [as oncomplete]", False, False),
        ("java", ["SocketTimeoutException", "IllegalStateException"], "pay", True, False),
        ("go", ["*fs.PathError"], "(*Ledger).Open", True, None),
        ("php", ["Illuminate\\Database\\QueryException"], "", False, False),
        ("ruby", ["Net::OpenTimeout"], "perform", True, False),
        ("dotnet", ["System.NullReferenceException"],
         "async Task Label.PrintAsync(Order order)", True, False),
        ("native", ["EXCEPTION_ACCESS_VIOLATION_READ"], "draw(Scene const&)", None, False),
    ],
)  # fmt: skip
def test_chains_and_stacks_are_found(
    name: str, types: list[str], top: str, in_app: bool | None, handled: bool | None
) -> None:
    event = read(name)

    frames = frames_of(event)
    assert [thrown.type for thrown in event.exceptions] == types
    assert (frames[-1].function, frames[-1].in_app) == (top, in_app)
    assert event.exceptions[-1].handled is handled


@pytest.mark.parametrize(
    ("name", "message", "template"),
    [
        ("java", "Payment 81 failed", "Payment {} failed"),
        ("dotnet", "Order 12 could not be shipped", "Order {OrderId} could not be shipped"),
        ("message", "disk of db-1 is 91 % full", ""),
        ("csp", "Blocked script-src-elem from https://ads.example/a.js", ""),
        ("ruby", "", ""),
    ],
)
def test_messages_are_found(name: str, message: str, template: str) -> None:
    event = read(name)

    assert (event.message, event.template) == (message, template)


@pytest.mark.parametrize(
    ("name", "before_s"),
    [("python", 1.876544), ("browser", 1.75), ("go", 0.000001), ("php", 9.4958),
     ("dotnet", 0.876544), ("message", 5), ("node", 0.999)],
)  # fmt: skip
def test_timestamps_are_found_to_the_microsecond(name: str, before_s: float) -> None:
    assert read(name).timestamp_us == NOW_US - round(before_s * 1e6)


def test_what_stands_around_is_found() -> None:
    python, browser, dotnet = read("python"), read("browser"), read("dotnet")

    assert (python.trace_id, python.span_id) == (
        "771a43a4192642f0b136d5159a501700", "a0f8f3c1b2d4e5f6",
    )  # fmt: skip
    assert (python.user.id, python.user.email, python.user.key) == ("17", "ann@shop.example", "17")
    assert python.request is not None
    assert (python.request.method, python.request.query) == ("POST", "step=2")
    assert [crumb.category for crumb in python.breadcrumbs] == ["query", "httplib"]
    assert json_of(python.modules)["django"] == "5.1.3"
    assert json_of(python.exceptions[0].frames[0].vars)["item"] == {"name": "'tea'"}
    assert python.exceptions[0].frames[0].context_line.strip() == "return PRICES[item['sku']]"
    assert json_of(browser.debug_images)[0]["debug_id"].startswith("c0ffee00")
    assert (browser.user.ip, dotnet.user.ip) == ("198.51.100.1", "198.51.100.1")
    assert read("node").tags == {"queue": "mail", "attempt": "3"}
    assert read("message").fingerprint == ("disk", "db-1")
    assert read("native").exceptions[0].synthetic
    assert [frame.instruction_addr for frame in frames_of(read("native"))] == [
        "0x7ff611aa00f0", "0x7ff611aa1010",
    ]  # fmt: skip


@EVERY
def test_an_sdk_gives_no_reason_to_complain(name: str) -> None:
    assert read(name).problems == ()


@EVERY
def test_value_by_value_is_read_what_is_read_by_type(name: str) -> None:
    payload, event = PAYLOADS[name], read(name)
    # A part with one wrong value is read value by value.
    wrong = {
        field: [{"type": [], "id": []}, *(sent["values"] if isinstance(sent, dict) else sent)]
        for field in ("exception", "breadcrumbs", "threads")
        if (sent := payload.get(field))
    }

    again = error(payload | wrong, HEAD)

    assert again.exceptions == event.exceptions
    assert again.breadcrumbs[len(again.breadcrumbs) - len(event.breadcrumbs) :] == event.breadcrumbs
    assert again.threads[len(again.threads) - len(event.threads) :] == event.threads
    assert len(again.problems) == len(wrong)


WORDS = (
    "values", "frames", "type", "value", "message", "params", "trace", "id", "key", "lineno",
    "vars", "stacktrace", "mechanism", "images", "spans", "timestamp", "start_timestamp",
    "span_id", "data",
)  # fmt: skip
SCALARS = (
    None, True, False, 0, -1, 2**63, 2**70, 1.5, -0.0, 1e300, "", "x", "{{ default }}",
    "2026-11-29", "1795946400", "%s", "{}", "error", "\0", "[]", "\u00e9\U0001f600", "y" * 9_000,
)  # fmt: skip
FIELDS = sorted(
    {key for payload in PAYLOADS.values() for key in payload}
    | {"stacktrace", "culprit", "spans", "measurements", "start_timestamp", "durationMs",
       "traceId", "name", "status", "sentry.interfaces.Message"}
)  # fmt: skip
DAMAGES = (b"\\ud800", b"\\u0000", b"\xff", b"null", b"[", b"}", b'"', b"1e999", b"NaN", b"{}")
CASES = 300


def test_whatever_stands_in_a_field_is_read_or_unfit() -> None:
    chance = random.Random(2026)
    bodies = []
    for _ in range(CASES):
        fields = {field: any_value(chance, 4) for field in chance.sample(FIELDS, 4)}
        payload = PAYLOADS[chance.choice(sorted(PAYLOADS))] | fields
        protocol: Protocol = "sentry" if chance.random() < 0.7 else "open_sentry"
        bodies.append(body_of(payload, HEAD, protocol))

    assert_read_or_unfit(bodies, least_read=CASES // 2)


def test_payloads_with_damaged_bytes_are_read_or_unfit() -> None:
    chance = random.Random(2027)
    whole = [body_of(payload, HEAD) for payload in PAYLOADS.values()]

    assert_read_or_unfit([damaged(chance, chance.choice(whole)) for _ in range(CASES)])


def test_whatever_stands_for_an_item_is_read_or_unfit() -> None:
    chance = random.Random(2028)
    bodies = [chance.randbytes(chance.randrange(40)) for _ in range(CASES)]
    bodies += [b'{"protocol":"sentry","head":{},"item":' + body + b"}" for body in bodies]

    assert_read_or_unfit(bodies)


def any_value(chance: random.Random, depth: int) -> Any:
    """Returns any JSON."""
    match chance.randrange(4 if depth else 2):
        case 2:
            return [any_value(chance, depth - 1) for _ in range(chance.randrange(4))]
        case 3:
            names = chance.sample(WORDS, chance.randrange(5))
            return {name: any_value(chance, depth - 1) for name in names}
        case _:
            return chance.choice(SCALARS)


def damaged(chance: random.Random, whole: bytes) -> bytes:
    """Returns a body with bytes changed, left out and put in."""
    body = bytearray(whole)
    for _ in range(chance.randint(1, 3)):
        place = chance.randrange(len(body))
        match chance.randrange(3):
            case 0:
                body[place] = chance.randrange(256)
            case 1:
                del body[place : place + chance.randrange(40)]
            case _:
                body[place:place] = chance.choice(DAMAGES)
    return bytes(body)


def assert_read_or_unfit(bodies: Sequence[bytes], least_read: int = 0) -> None:
    """Both readers take each body, or say that it is unfit; both steps take all in one block."""
    read = 0
    for body in bodies:
        with suppress(Unfit):
            sent = decode_sent(body)
            event = read_error(sent, ID, NOW_US)
            assert event.level in LEVELS
            assert all(len(thrown.frames) <= MAX_FRAMES for thrown in event.exceptions)
            stored = event_encoder.encode(event)
            assert event_encoder.encode(event_decoder.decode(stored)) == stored
            transaction = read_transaction(sent, ID, NOW_US)
            assert transaction.duration_ns >= 0
            transaction_decoder.decode(event_encoder.encode(transaction))
            read += 1
    assert read >= least_read
    for kind in ("error", "transaction"):
        columns = build(kind, bodies)
        assert len(columns.ids) + len(columns.dead) == len(bodies)


def build(kind: str, bodies: Sequence[bytes]) -> Columns:
    meaning = Meaning(bytes, lambda event: Grouped("v", event.message))
    chunk = SentChunk(ProjectId("one"), NOW_US, bodies, [ID] * len(bodies))
    return steps(lambda: lambda _: meaning)[kind].build([chunk])
