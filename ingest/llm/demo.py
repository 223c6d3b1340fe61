"""Made-up but plausible traffic: chats with their costs and errors, and agents at work.

Seeded: the same seed gives the same ids at any time of day. No text in it is anybody's.
"""

import random
import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, NamedTuple

Item = dict[str, Any]


class Model(NamedTuple):
    """A model with how often it is used and how fast it answers."""

    provider: str
    name: str
    weight: int
    tokens_per_s: int
    reasons: bool = False


MODELS = (
    Model("openai", "gpt-4o", 26, 90),
    Model("openai", "gpt-4o-mini", 24, 140),
    Model("openai", "o4-mini", 6, 110, reasons=True),
    Model("anthropic", "claude-sonnet-4-20250514", 20, 70),
    Model("anthropic", "claude-3-5-haiku-20241022", 12, 120),
    Model("openrouter", "meta-llama/llama-3.3-70b-instruct", 6, 60),
    Model("google", "gemini-2.5-flash", 5, 160),
    # No price list knows it: shows what "unpriced" looks like.
    Model("openrouter", "example-lab/in-house-7b", 1, 50),
)
FEATURES = ("support-chat", "search", "summaries", "code-review")
ENVIRONMENTS = ("production", "production", "production", "staging", "development")
ERRORS = (
    ("RateLimitError", "429: rate limit reached"),
    ("APITimeoutError", "request timed out after 60 s"),
    ("BadRequestError", "400: context length exceeded"),
)
QUESTIONS = (
    "Where is my order?",
    "Summarise the meeting notes below.",
    "Why does this query not use the index?",
    "Translate the release notes into German.",
    "Which plan fits a team of twelve?",
)
ANSWERS = (
    "It left the warehouse this morning and should arrive on Thursday.",
    "Three decisions were taken; the open point is who owns the migration.",
    "The filter wraps the column in a function, so its index cannot be used.",
    "Hier sind die Hinweise zur neuen Version.",
    "The team plan covers up to twenty people.",
)
SOURCES = ("claude_code", "claude_code", "codex", "opencode", "openclaw")
TOOLS = (
    ("Bash", {"command": "make test"}, 9.0),
    ("Read", {"file_path": "src/app.py"}, 0.1),
    ("Edit", {"file_path": "src/app.py", "old_string": "a", "new_string": "b"}, 0.2),
    ("Grep", {"pattern": "TODO"}, 0.4),
    ("WebFetch", {"url": "https://example.com/"}, 2.5),
)


class Traffic:
    """Makes items for the days up to `until`."""

    def __init__(self, seed: int, until: datetime, days: int) -> None:
        self._random = random.Random(seed)
        # Of its own: how often it is drawn from depends on the clock, and ids must not.
        self._moments = random.Random(f"moments {seed}")
        self._until = until
        self._days = days

    def traces(self, count: int) -> Iterator[Item]:
        """Yields LLM calls, conversation after conversation."""
        made = 0
        # Each model once before chance decides, so that even a short demo has an unpriced one.
        models = iter(MODELS)
        while made < count:
            for item in self._conversation(next(models, None)):
                if made == count:
                    return
                made += 1
                yield item

    def spans(self, count: int) -> Iterator[Item]:
        """Yields agent events, session after session; the last session is whole."""
        made = 0
        while made < count:
            for item in self._agent_session(shows_all=made == 0):
                made += 1
                yield item

    def _conversation(self, model: Model | None) -> Iterator[Item]:
        rnd = self._random
        # Early enough for the longest to be over by now.
        at = min(self._working_hour(), self._until - timedelta(minutes=16))
        model = model or rnd.choices(MODELS, [model.weight for model in MODELS])[0]
        metadata = {
            "userId": f"user-{int(rnd.paretovariate(1.1)) % 200:03d}",
            "environment": rnd.choice(ENVIRONMENTS),
            "feature": rnd.choice(FEATURES),
        }
        session_id = f"conv-{self._uuid()}"
        context = rnd.randint(200, 1500)
        for turn in range(min(8, int(rnd.expovariate(0.4)) + 1)):
            yield self._call(model, at, session_id, {**metadata, "turn": turn}, context)
            context += rnd.randint(150, 900)
            at += timedelta(seconds=rnd.uniform(10, 120))

    def _call(
        self, model: Model, at: datetime, session_id: str, metadata: Item, context: int
    ) -> Item:
        rnd = self._random
        question = rnd.choice(QUESTIONS)
        item: Item = {
            "trace_id": self._uuid(),
            "timestamp": at.isoformat(timespec="milliseconds"),
            "provider": model.provider,
            "model_requested": model.name,
            "request_body": {
                "model": model.name,
                "messages": [{"role": "user", "content": question}],
            },
            "session_id": session_id,
            "metadata": metadata,
        }
        if rnd.random() < 0.03:
            name, message = rnd.choice(ERRORS)
            error = {"name": name, "message": message}
            return item | {"status": "error", "error": error, "latency_ms": rnd.randint(80, 60_000)}
        return item | self._answer(model, ANSWERS[QUESTIONS.index(question)], context)

    def _answer(self, model: Model, text: str, context: int) -> Item:
        rnd = self._random
        output = int(rnd.lognormvariate(5, 0.7)) + 1
        reasoning = output // 2 if model.reasons else None
        latency_ms = round(rnd.lognormvariate(5.8, 0.4) + output * 1000 / model.tokens_per_s, 1)
        cached = int(context * rnd.uniform(0.4, 0.9)) if rnd.random() < 0.35 else 0
        answer: Item = {
            "status": "success",
            "model_used": model.name,
            "input_tokens": context,
            "output_tokens": output,
            "output_text": text,
            "finish_reason": "length" if rnd.random() < 0.02 else "stop",
            "latency_ms": latency_ms,
            "response_body": {"content": text, "finishReason": "stop", "model": model.name},
        }
        if cached:
            answer["cache_read_tokens"] = cached
        if reasoning:
            answer["reasoning_tokens"] = reasoning
        if rnd.random() < 0.3:
            # Some SDKs work out a price themselves.
            answer["cost_cents"] = round(context * 0.00025 + output * 0.001, 6)
        return answer

    def _agent_session(self, *, shows_all: bool) -> Iterator[Item]:
        rnd = self._random
        at = self._working_hour() - timedelta(hours=1)
        same = {
            "session_id": f"agent-{self._uuid()}",
            "source": rnd.choice(SOURCES),
            "cwd": f"/home/dev/{rnd.choice(('shop', 'billing', 'website'))}",
        }
        started = at
        yield self._span(same, at, "session", "session_start")
        for _ in range(rnd.randint(1, 4)):
            for seconds, kind, event_type, fields in self._turn(shows_all=shows_all):
                at += timedelta(seconds=seconds)
                yield self._span(same, at, kind, event_type, **fields)
        at += timedelta(seconds=rnd.uniform(1, 20))
        metadata = {"reason": "exit", "started_at": started.isoformat()}
        yield self._span(same, at, "session", "session_end", metadata=metadata)

    def _turn(self, *, shows_all: bool) -> Iterator[tuple[float, str, str, Item]]:
        rnd = self._random
        prompt = {"metadata": {"prompt": rnd.choice(QUESTIONS)}}
        yield rnd.uniform(5, 60), "user_prompt", "user_prompt_submit", prompt
        agent = {"agent_name": "explorer", "metadata": {"agent_id": self._uuid()}}
        delegates = rnd.random() < 0.25 or shows_all
        if delegates:
            yield 0.5, "agent_run", "subagent_start", agent
        for _ in range(rnd.randint(1, 5)):
            yield from self._tool_call()
        if delegates:
            yield rnd.uniform(1, 8), "agent_run", "subagent_stop", agent
        if rnd.random() < 0.1 or shows_all:
            asks = {"metadata": {"title": "Permission", "message": "May I run this?"}}
            yield 1, "notification", "notification", asks
        usage = {
            "input_tokens": rnd.randint(50, 4_000),
            "output_tokens": rnd.randint(50, 1_500),
            "cache_read_tokens": rnd.randint(0, 30_000),
            "cache_write_tokens": rnd.randint(0, 3_000),
        }
        said = {"model": "claude-sonnet-4-20250514", "metadata": {"usage": usage}}
        yield rnd.uniform(2, 15), "llm_response", "assistant_message", said

    def _tool_call(self) -> Iterator[tuple[float, str, str, Item]]:
        rnd = self._random
        name, tool_input, seconds = rnd.choice(TOOLS)
        call: Item = {"tool_use_id": f"toolu_{self._uuid()}", "tool_name": name}
        yield 1, "tool_use", "pre_tool_use", call | {"tool_input": tool_input}
        took = rnd.lognormvariate(0, 0.6) * seconds
        if rnd.random() < 0.06:
            failed = {"status": "error", "error": {"message": "exit code 1"}, "is_interrupt": False}
            yield took, "tool_use", "post_tool_use_failure", call | failed
        else:
            yield took, "tool_use", "post_tool_use", call | {"tool_response": {"ok": True}}

    def _span(self, same: Item, at: datetime, kind: str, event_type: str, **fields: object) -> Item:
        return {
            "span_id": self._uuid(),
            "timestamp": min(at, self._until).isoformat(timespec="milliseconds"),
            "kind": kind,
            "event_type": event_type,
            "status": "success",
            **same,
            **fields,
        }

    def _working_hour(self) -> datetime:
        """Returns a moment of the range, more often by day and on weekdays."""
        rnd = self._moments
        while True:
            at = self._until - timedelta(seconds=rnd.uniform(0, self._days * 86_400))
            busy = 1.0 if 8 <= at.hour < 18 else 0.25
            if rnd.random() < busy * (0.4 if at.weekday() >= 5 else 1.0):
                return at

    def _uuid(self) -> str:
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))
