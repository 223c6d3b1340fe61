"""Chats of an application with language models, for the demo: conversations, costs and errors.

One change goes wrong: since a release of some hours ago, the search asks a more expensive model and
sends the whole catalogue along. Its calls cost more, take longer and fail more often.
"""

import random
import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from ingest.llm.demo_bodies import Item, Said, ToolUse, bodies
from ingest.llm.demo_prompts import told_by


class Model(NamedTuple):
    """A model with how often it is used and how fast it answers."""

    provider: str
    name: str
    weight: int
    tokens_per_s: int
    reasons: bool = False


class Feature(NamedTuple):
    """A part of the application that calls a model, and what is said there."""

    name: str
    system: str
    models: tuple[Model, ...]
    scripts: tuple[tuple[Said, ...], ...]


CHANGED_HOURS_AGO = 18
BEFORE, SINCE = "4.1.3", "4.2.0"
"""The release that goes wrong, and the one before."""
CHANGED_FEATURE = "search"
CONTEXT_GROWS, SLOWER, FAILS = 20, 2.2, 0.16

GPT_4O = Model("openai", "gpt-4o", 26, 90)
GPT_4O_MINI = Model("openai", "gpt-4o-mini", 24, 140)
O4_MINI = Model("openai", "o4-mini", 8, 110, reasons=True)
SONNET = Model("anthropic", "claude-sonnet-4-20250514", 20, 70, reasons=True)
HAIKU = Model("anthropic", "claude-3-5-haiku-20241022", 18, 120)
LLAMA = Model("openrouter", "meta-llama/llama-3.3-70b-instruct", 7, 60)
FLASH = Model("google", "gemini-2.5-flash", 20, 160)
# No price list knows it: shows what "unpriced" looks like.
IN_HOUSE = Model("openrouter", "example-lab/in-house-7b", 1, 50)
EXPENSIVE = GPT_4O
MODELS = (GPT_4O, GPT_4O_MINI, O4_MINI, SONNET, HAIKU, LLAMA, FLASH, IN_HOUSE)

USER, MODEL = "user", "assistant"
ORDER = ToolUse("find_order", {"order_id": "A-20417"}, '{"status": "shipped", "eta": "Thursday"}')
REFUND = ToolUse("open_claim", {"order_id": "A-20417", "reason": "damaged"}, '{"claim": "C-311"}')
STOCK = ToolUse("search_catalogue", {"query": "rain jacket", "max_price": 120}, '{"hits": 18}')
FILES = ToolUse("read_file", {"path": "src/invoices/list.py"}, "…212 lines…")

FEATURES = (
    Feature(
        "support-chat",
        "You are the support assistant of an outdoor shop. Be brief and kind. Look orders up"
        " instead of guessing.",
        (GPT_4O, GPT_4O_MINI, IN_HOUSE),
        (
            (
                Said(USER, "Hi, where is my order A-20417?"),
                Said(MODEL, tool=ORDER),
                Said(
                    MODEL, "It left the warehouse this morning and should arrive on **Thursday**."
                ),
                Said(USER, "It came, but the box looks like this. What now?", has_image=True),
                Said(MODEL, tool=REFUND),
                Said(
                    MODEL,
                    "I am sorry, that box took a hit. I opened claim **C-311** for you:\n\n"
                    "1. Keep the box and the item.\n2. A new one leaves today.\n"
                    "3. The courier takes the old one along.",
                ),
                Said(USER, "Perfect, thank you!"),
                Said(MODEL, "You are welcome. Enjoy the trip!"),
            ),
            (
                Said(USER, "Which of your tents fits three people and a dog?"),
                Said(
                    MODEL,
                    "The **Ridge 4**: it has room for four, so the dog need not sleep outside.",
                ),
                Said(USER, "Does it stand without pegs?"),
                Said(MODEL, "Yes, it is free-standing. In wind you still want the pegs."),
            ),
        ),
    ),
    Feature(
        CHANGED_FEATURE,
        "Turn what a customer types into a query of the catalogue, then name the three best hits.",
        (FLASH, GPT_4O_MINI),
        (
            (
                Said(USER, "rain jacket under 120 that packs small"),
                Said(MODEL, tool=STOCK),
                Said(MODEL, "1. Drizzle Lite, 89\n2. Stormlet, 115\n3. Pocket Shell, 119"),
            ),
            (
                Said(USER, "boots for my son, size 35"),
                Said(MODEL, "1. Trail Kid, 59\n2. Mudlark, 64\n3. Summit Junior, 79"),
            ),
        ),
    ),
    Feature(
        "summaries",
        "Summarise for somebody who was not there. Name decisions and who does what by when.",
        (HAIKU, LLAMA),
        (
            (
                Said(USER, "Summarise the notes of today's planning below.\n\n- index is slow …"),
                Said(
                    MODEL,
                    "**Decided:** the invoice index goes out this week.\n\n"
                    "| who | what | by |\n|---|---|---|\n| Ada | migration | Tuesday |\n"
                    "| Linus | load test | Thursday |\n\n**Open:** who watches it at night.",
                ),
            ),
        ),
    ),
    Feature(
        "code-review",
        "Review the diff as a careful colleague. Say what breaks, then what could be simpler.",
        (SONNET, O4_MINI),
        (
            (
                Said(
                    USER, "```diff\n-    .filter(day=today)\n+    .filter(created__date=today)\n```"
                ),
                Said(
                    MODEL, tool=FILES, thought="The filter may wrap the column. Look at the index."
                ),
                Said(
                    MODEL,
                    "The filter now wraps the column in a function, so no index is used:\n\n"
                    "```python\nstart = midnight(today)\n"
                    "invoices.filter(created__gte=start, created__lt=start + DAY)\n```",
                    thought="created__date becomes DATE(created). A range keeps the index.",
                ),
                Said(USER, "And the time zone?"),
                Said(
                    MODEL,
                    "`midnight()` knows the zone of the shop. Test the day the clocks change.",
                    thought="A day of 23 hours is the case that breaks.",
                ),
            ),
        ),
    ),
)
ENVIRONMENTS = ("production", "production", "production", "staging", "development")
ERRORS = (
    ("RateLimitError", "429: rate limit reached"),
    ("APITimeoutError", "request timed out after 60 s"),
    ("BadRequestError", "400: context length exceeded"),
)


class Call(NamedTuple):
    """What is known of a call before it is made."""

    model: Model
    feature: Feature
    said: tuple[Said, ...]
    context: int
    """Input tokens."""


class Chats:
    """Makes the calls of conversations."""

    def __init__(self, seed: int, chance: random.Random, until: datetime) -> None:
        self._random = chance
        # Of its own: whether a call is after the change depends on the clock, and ids must not.
        self._change = random.Random(f"change {seed}")
        self._until = until

    def conversation(self, at: datetime, model: Model | None) -> Iterator[Item]:
        """Yields a conversation's calls, with `model` if it is given."""
        rnd = self._random
        model = model or rnd.choices(MODELS, [model.weight for model in MODELS])[0]
        feature = rnd.choice([feature for feature in FEATURES if model in feature.models])
        script = rnd.choice(feature.scripts)
        same = {
            "session_id": f"conv-{self._uuid()}",
            "metadata": {
                "userId": f"user-{int(rnd.paretovariate(1.1)) % 200:03d}",
                "environment": rnd.choice(ENVIRONMENTS),
                "feature": feature.name,
            },
        }
        context = rnd.randint(300, 1500)
        for number, one in enumerate(script):
            if one.role == MODEL:
                call = Call(model, feature, script[: number + 1], context)
                yield self._made(call, at, same)
                context += rnd.randint(150, 900)
            at += timedelta(seconds=rnd.uniform(4, 60))

    def _made(self, call: Call, at: datetime, same: Item) -> Item:
        rnd, is_changed = self._random, self._is_changed(call, at, same)
        if is_changed:
            call = call._replace(model=EXPENSIVE)
        feature, user = call.feature, same["metadata"]["userId"]
        told = told_by(feature.name, feature.system, at, self._until, user)
        asked, answered = bodies(call.model.provider, call.model.name, told.system, call.said)
        item: Item = {
            "trace_id": self._uuid(),
            "timestamp": at.isoformat(timespec="milliseconds"),
            "provider": call.model.provider,
            "model_requested": call.model.name,
            "request_body": asked,
            "session_id": same["session_id"],
            "metadata": same["metadata"] | {"release": self._release(at)} | told.metadata,
        }
        if rnd.random() < 0.03:
            return item | _failed(*rnd.choice(ERRORS), rnd.randint(80, 60_000))
        made = item | self._answer(call, answered, CONTEXT_GROWS if is_changed else 1)
        if is_changed and self._change.random() < FAILS:
            return item | _failed(*ERRORS[2], self._change.randint(300, 4_000))
        return made

    def _answer(self, call: Call, answered: Item, grows: int) -> Item:
        rnd, model, said = self._random, call.model, call.said[-1]
        context = call.context * grows
        output = int(rnd.lognormvariate(5, 0.7)) + 1
        latency_ms = rnd.lognormvariate(5.8, 0.4) + output * 1000 / model.tokens_per_s
        answer: Item = {
            "status": "success",
            "model_used": model.name,
            "input_tokens": context,
            "output_tokens": output,
            "output_text": said.text,
            "finish_reason": "tool_calls" if said.tool else "stop",
            "latency_ms": round(latency_ms * (SLOWER if grows > 1 else 1), 1),
            "response_body": answered,
        }
        if rnd.random() < 0.35:
            answer["cache_read_tokens"] = int(context * rnd.uniform(0.4, 0.9))
        if model.reasons:
            answer["reasoning_tokens"] = output // 2
        if rnd.random() < 0.3:
            # Some SDKs work out a price themselves.
            answer["cost_cents"] = round(context * 0.00025 + output * 0.001, 6)
        return answer

    def _is_changed(self, call: Call, at: datetime, same: Item) -> bool:
        return (
            call.feature.name == CHANGED_FEATURE
            and same["metadata"]["environment"] == "production"
            and self._release(at) == SINCE
        )

    def _release(self, at: datetime) -> str:
        return SINCE if at >= self._until - timedelta(hours=CHANGED_HOURS_AGO) else BEFORE

    def _uuid(self) -> str:
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))


def _failed(name: str, message: str, latency_ms: int) -> Item:
    error = {"name": name, "message": message}
    return {"status": "error", "error": error, "latency_ms": latency_ms}
