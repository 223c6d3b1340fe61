"""Made-up traces of a shop of three services, with an assistant, for `sluice demo`.

A request goes from `web` to `orders` to `payments`, each with spans of HTTP and its database. The
assistant answers in `web`: it asks a model, calls `orders` as a tool, and asks again. Seeded: the
same seed gives the same ids at any time of day. No text in it is anybody's.
"""

import json
import random
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from ingest.otel.demo_wire import Attributes, Counted, Fields, Made, Noted, Origin

RELEASE = "2026.11.3"
WEB = Origin("web", "opentelemetry.instrumentation.asgi", release=RELEASE)
ORDERS = Origin("orders", "opentelemetry.instrumentation.asgi", release=RELEASE)
PAYMENTS = Origin("payments", "opentelemetry.instrumentation.asgi", release="2026.10.8")
ORDERS_DATABASE = ORDERS._replace(library="opentelemetry.instrumentation.psycopg")
PAYMENTS_DATABASE = PAYMENTS._replace(library="opentelemetry.instrumentation.psycopg")
ASSISTANT = WEB._replace(library="shop.assistant")
MODEL, PROVIDER = "claude-sonnet-4-5-20250929", "anthropic"
USERS = ("ann", "ben", "chen", "dana", "eli", "fay")
ORDER_FAILS, PAYMENT_FAILS = 0.02, 0.08
LONGEST = timedelta(minutes=10)
"""Of a conversation: each begins early enough to be over by now."""
QUESTIONS = (
    ("Where is my order {order}?", "Order {order} left our store yesterday and arrives on Friday."),
    ("Can it come on Saturday instead?", "Yes: order {order} now comes on Saturday morning."),
    ("What did I pay for it?", "You paid 48.90 euros by card for order {order}."),
    ("Thank you. Does it fit a lamp of E27?", "It does: its socket is an E27."),
)
TOOL = "look_up_order"
LOOKED_UP = 3
"""So many of the questions need the tool."""
SYSTEM = "You help the customers of a shop for lamps. Look orders up before you speak of them."
MS, HOUR_NS = 1_000_000, 3_600_000_000_000
PLACED = "POST /orders"
"""The span of an order in `orders`."""


class Shop:
    """Makes spans for the days up to `until`."""

    def __init__(self, seed: int, until: datetime, days: int) -> None:
        self._seed = seed
        self._chance = random.Random(f"shop {seed}")
        # Of its own, so that what is said does not depend on how many orders there are.
        self._talks = random.Random(f"talks {seed}")
        self._moments = random.Random(f"moments of the shop {seed}")
        self._until = until
        self._days = days

    def orders(self, count: int) -> Iterator[list[Made]]:
        """Yields the spans of one order each; some payments fail, and with them the order."""
        for number in range(count):
            yield self.order(self._id(f"order {number}"), self._moment())

    def order(self, trace_id: str, at_ns: int) -> list[Made]:
        """Returns the spans of one order, in a trace."""
        chance = self._chance
        failed = ""
        if chance.random() < PAYMENT_FAILS:
            failed = "PaymentDeclined: the card was declined by its bank"
        elif chance.random() < ORDER_FAILS:
            failed = "GatewayTimeout: no answer from the bank within 5 s"
        trace = _Trace(trace_id, at_ns)
        status = 502 if failed else 201
        root = trace.open(
            WEB, "", "POST /api/orders", "SERVER", _http("POST", "/api/orders", status)
        )
        trace.wait(chance.uniform(2, 9))
        call = trace.open(WEB, root, "POST", "CLIENT", _call("orders", "/orders", status))
        served = trace.open(ORDERS, call, PLACED, "SERVER", _http("POST", "/orders", status))
        self._query(trace, ORDERS_DATABASE, served, "SELECT stock")
        self._query(trace, ORDERS_DATABASE, served, "INSERT orders")
        paid = 402 if failed else 200
        call_pay = trace.open(ORDERS, served, "POST", "CLIENT", _call("payments", "/charges", paid))
        charge = trace.open(
            PAYMENTS, call_pay, "POST /charges", "SERVER", _http("POST", "/charges", paid)
        )
        self._query(trace, PAYMENTS_DATABASE, charge, "INSERT charges")
        trace.wait(chance.uniform(40, 400))
        trace.close(charge, failed)
        trace.close(call_pay, failed)
        for one in (served, call, root):
            trace.wait(chance.uniform(0.5, 4))
            trace.close(one, failed and "OrderFailed: payment did not succeed")
        return trace.made()

    def conversations(self, count: int) -> Iterator[list[Made]]:
        """Yields the spans of one turn each; a conversation is a session of several."""
        for number in range(count):
            session_id = self._id(f"conversation {number}")[:16]
            whose: Fields = {"session.id": session_id, "user.id": USERS[number % len(USERS)]}
            talk = _Talk(whose, str(100_000 + self._talks.randrange(900_000)), [])
            at_ns = self._moment()
            for turn in range(self._talks.randint(2, len(QUESTIONS))):
                yield self._turn(_Trace(self._id(f"turn {number} {turn}"), at_ns), talk, turn)
                at_ns += int(self._chance.uniform(20, 90) * 1e9)

    def _turn(self, trace: "_Trace", talk: "_Talk", turn: int) -> list[Made]:
        asked, answer = (text.format(order=talk.order) for text in QUESTIONS[turn])
        talk.said.append(_said("user", _text(asked)))
        http = _http("POST", "/api/assistant", 200)
        root = trace.open(WEB, "", "POST /api/assistant", "SERVER", http)
        trace.wait(3)
        about = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "shop assistant"}
        name = "invoke_agent shop assistant"
        agent = trace.open(ASSISTANT, root, name, "INTERNAL", about | talk.whose)
        if turn < LOOKED_UP:
            call = {"id": f"call_{turn}", "name": TOOL, "arguments": {"order": talk.order}}
            self._chat(trace, agent, talk, _said("assistant", {"type": "tool_call", **call}))
            found = self._tool(trace, agent, talk, f"call_{turn}")
            result = {"type": "tool_call_response", "id": f"call_{turn}", "response": found}
            talk.said.append(_said("tool", result))
        self._chat(trace, agent, talk, _said("assistant", _text(answer)))
        trace.close(agent)
        trace.wait(2)
        trace.close(root)
        return trace.made()

    def _chat(self, trace: "_Trace", agent: str, talk: "_Talk", answer: dict[str, Any]) -> None:
        said = talk.said
        text = json.dumps(said)
        cached = 1_200 if len(said) > 1 else 0
        about: Fields = {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": PROVIDER,
            "gen_ai.request.model": MODEL,
            "gen_ai.response.model": MODEL,
            "gen_ai.response.id": f"msg_{trace.trace_id[:12]}{len(said)}",
            "gen_ai.usage.input_tokens": cached + 300 + len(text) // 4,
            "gen_ai.usage.output_tokens": 20 + len(json.dumps(answer)) // 4,
            "gen_ai.usage.cache_read.input_tokens": cached,
            "gen_ai.system_instructions": json.dumps([_text(SYSTEM)]),
            "gen_ai.input.messages": text,
            "gen_ai.output.messages": json.dumps([answer]),
            "gen_ai.response.time_to_first_chunk": 0.4,
        }
        chat = trace.open(ASSISTANT, agent, f"chat {MODEL}", "CLIENT", about | talk.whose)
        trace.wait(self._chance.uniform(700, 2_600))
        trace.close(chat)
        said.append(answer)

    def _tool(self, trace: "_Trace", agent: str, talk: "_Talk", call_id: str) -> str:
        found = json.dumps({"order": talk.order, "state": "sent", "paid": "48.90 EUR"})
        about = {
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.name": TOOL,
            "gen_ai.tool.call.id": call_id,
            "gen_ai.tool.call.arguments": json.dumps({"order": talk.order}),
            "gen_ai.tool.call.result": found,
        }
        name = f"execute_tool {TOOL}"
        tool = trace.open(ASSISTANT, agent, name, "INTERNAL", about | talk.whose)
        asked = _call("orders", f"/orders/{talk.order}", 200, "GET")
        call = trace.open(WEB, tool, "GET", "CLIENT", asked)
        http = _http("GET", "/orders/{id}", 200)
        served = trace.open(ORDERS, call, "GET /orders/{id}", "SERVER", http)
        self._query(trace, ORDERS_DATABASE, served, "SELECT orders")
        for one in (served, call, tool):
            trace.wait(1)
            trace.close(one)
        return found

    def _query(self, trace: "_Trace", origin: Origin, parent: str, what: str) -> None:
        verb, _, table = what.partition(" ")
        about = {
            "db.system.name": "postgresql",
            "db.operation.name": verb,
            "db.collection.name": table,
            "db.query.text": f"{verb} … {table} …",
        }
        query = trace.open(origin, parent, what, "CLIENT", about)
        trace.wait(self._chance.uniform(0.4, 12))
        trace.close(query)

    def _id(self, name: str) -> str:
        return f"{random.Random(f'{self._seed} {name}').getrandbits(128) | 1:032x}"

    def _moment(self) -> int:
        back = timedelta(seconds=self._moments.uniform(0, self._days * 86_400))
        return int((self._until - LONGEST - back).timestamp() * 1e9)


def notes_of(made: Iterable[Made]) -> Iterator[Noted]:
    """Yields what `orders` writes to its log: a record for each order, within its span."""
    for span in made:
        if span.name == PLACED:
            said = f"order not placed: {span.failed}" if span.failed else "order placed"
            about: Attributes = {
                "order.service": "orders",
                "order.took_ms": (span.end_ns - span.start_ns) // MS,
            }
            origin = span.origin._replace(library="shop.orders")
            at = (span.end_ns, "", said, about, span.trace_id, span.span_id)
            yield Noted(origin, *at, bool(span.failed))


def counts_of(made: Iterable[Made]) -> Iterator[Counted]:
    """Yields how many orders were placed and failed, hour by hour."""
    found = Counter(
        (span.end_ns // HOUR_NS, "failed" if span.failed else "placed")
        for span in made
        if span.name == PLACED
    )
    origin = ORDERS._replace(library="shop.orders")
    for (hour, outcome), count in sorted(found.items()):
        times = (hour * HOUR_NS, (hour + 1) * HOUR_NS - 1)
        yield Counted(origin, "shop.orders", "{order}", *times, count, {"outcome": outcome})


class _Talk(NamedTuple):
    """A conversation: whose it is, of which order, and all that was said."""

    whose: Fields
    order: str
    said: list[dict[str, Any]]


class _Trace:
    """The spans of one trace while its time goes by."""

    def __init__(self, trace_id: str, at_ns: int) -> None:
        self.trace_id = trace_id
        self._at_ns = at_ns
        self._spans: dict[str, Made] = {}

    def wait(self, ms: float) -> None:
        """Lets so much time go by."""
        self._at_ns += int(ms * MS)

    def open(
        self, origin: Origin, parent: str, name: str, kind: str, attributes: Attributes
    ) -> str:
        """Begins a span and returns its id."""
        own = f"{(int(self.trace_id[:16], 16) + len(self._spans) + 1) % (1 << 64) or 1:016x}"
        self._spans[own] = Made(
            origin, self.trace_id, own, parent, name, kind, self._at_ns, self._at_ns, attributes
        )
        return own

    def close(self, span_id: str, failed: str = "") -> None:
        """Ends it, now."""
        self._spans[span_id] = self._spans[span_id]._replace(end_ns=self._at_ns, failed=failed)

    def made(self) -> list[Made]:
        """Returns all spans, those that ended first at the front, as exporters have them."""
        return sorted(self._spans.values(), key=lambda one: (one.end_ns, -one.start_ns))


def _http(method: str, route: str, status: int) -> Attributes:
    return {
        "http.request.method": method,
        "http.route": route,
        "http.response.status_code": status,
        "url.scheme": "https",
    }


def _call(service: str, path: str, status: int, method: str = "POST") -> Attributes:
    return {
        "http.request.method": method,
        "server.address": f"{service}.shop.internal",
        "url.full": f"http://{service}.shop.internal{path}",
        "http.response.status_code": status,
    }


def _said(role: str, *parts: dict[str, Any]) -> dict[str, Any]:
    return {"role": role, "parts": list(parts)}


def _text(text: str) -> dict[str, Any]:
    return {"type": "text", "content": text}
