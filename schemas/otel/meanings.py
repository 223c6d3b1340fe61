"""What a span or a log record means, whichever instrumentation made it."""

from decimal import Decimal
from typing import Literal

from msgspec import Struct

from schemas.otel.values import Attributes, Value

Kind = Literal[
    "llm",
    "embedding",
    "tool",
    "agent",
    "chain",
    "retriever",
    "reranker",
    "guardrail",
    "evaluator",
    "prompt",
    "memory",
    "event",
    "span",
]
"""`event` is a record of a log; `span` is none of the others, such as a request over HTTP."""
Role = Literal["inference", "copy", "wrapper", "none"]
"""Of a call, for the bill: made here, written down once more, or the sum of what is within."""
Semantics = Literal["declared", "inferred", "assumed"]
"""How it is known what the totals include: the sender says so, the numbers do, or nobody does."""
TOOLS = "tools"
"""The role of what is stored as a message and is none: the tools that a model could choose from."""
PartType = Literal["text", "reasoning", "tool_call", "tool_result", "media", "other"]


class Usage(Struct, frozen=True, omit_defaults=True):
    """What one call consumed. `None` is unknown; totals include their parts."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_tokens: int | None = None
    """Of the input."""
    cache_write_tokens: int | None = None
    """Of the input, for any time."""
    cache_write_1h_tokens: int | None = None
    """Of those written to a cache: for an hour, at another price."""
    reasoning_tokens: int | None = None
    """Of the output."""
    input_audio_tokens: int | None = None
    output_audio_tokens: int | None = None
    input_image_tokens: int | None = None


class Part(Struct, frozen=True, omit_defaults=True):
    """A part of a message."""

    type: PartType
    text: str | None = None
    id: str | None = None
    """Of the tool's call."""
    name: str | None = None
    value: Value = None
    """The arguments of a tool's call, its result, or what is none of these as it came."""


class Message(Struct, frozen=True):
    """A message to the model or from it."""

    role: str
    parts: list[Part] = []


class Call(Struct, frozen=True, kw_only=True):
    """One call of a model. `None` is what was not sent."""

    provider: str | None = None
    """By the name that prices know; as it was sent where they know none."""
    model_requested: str | None = None
    model_used: str | None = None
    response_id: str | None = None
    """The provider's own: what two instrumentations of one call share."""
    usage: Usage = Usage()
    semantics: Semantics = "declared"
    writes_assumed: bool = False
    """Whether nobody says that what was written to a cache was for an hour."""
    terms: tuple[tuple[str, str], ...] = ()
    """As ("service_tier", "flex"): other terms than the standard ones."""
    reported_usd: Decimal | None = None
    finish_reason: str | None = None
    is_streaming: bool | None = None
    first_token_ms: float | None = None
    parameters: Attributes = {}
    input: list[Message] = []
    output: list[Message] = []
    tools: Value = None
    """Those that the model could choose from, as they were sent."""


class Tool(Struct, frozen=True):
    """One call of a tool."""

    name: str | None = None
    call_id: str | None = None
    input: Value = None
    output: Value = None


class Agent(Struct, frozen=True):
    """Whose work a span is."""

    name: str | None = None
    id: str | None = None
    parent_id: str | None = None


class Failure(Struct, frozen=True):
    """What went wrong."""

    type: str | None = None
    message: str | None = None
    stacktrace: str | None = None


class Meaning(Struct, frozen=True, kw_only=True):
    """All that is understood of a span or a record; `rest` is what is not."""

    flavour: str
    """Whose conventions it follows, by the name in `names.toml`; empty for none of them."""
    kind: Kind
    role: Role = "none"
    call: Call | None = None
    """Of a model's call, and of what wraps some and repeats their usage."""
    tool: Tool | None = None
    agent: Agent | None = None
    failure: Failure | None = None
    service: str | None = None
    environment: str | None = None
    release: str | None = None
    session_id: str | None = None
    user_id: str | None = None
    workflow: str | None = None
    prompt_name: str | None = None
    prompt_version: str | None = None
    event: str | None = None
    """What happened: of every log record, and of Pulse's spans."""
    tags: list[str] = []
    metadata: Attributes = {}
    rest: Attributes = {}
    content: frozenset[str] = frozenset()
    """The attributes that hold messages, or what a tool was given and gave: in `call`, `tool`."""
