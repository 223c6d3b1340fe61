"""What Open Sentry's SDK sends: errors, transactions, and calls of LLMs.

Source: Open Sentry's "Ingest API reference" and its schemas in `packages/db/src/ingest-types.ts`.
Deliberately wider than the original: `null` is accepted for every optional field, milliseconds may
have fractions. Unknown keys are dropped.
"""

from decimal import Context, Decimal, DecimalException
from typing import Annotated, Literal

from msgspec import Meta, Raw, Struct

from schemas.numbers import SAFE_INTEGER

MAX_BODY_BYTES = 262_144
MAX_ITEMS = 20
MAX_FRAMES = 100
MAX_BREADCRUMBS = 100
MAX_MILLISECONDS = 1e10
"""As a trace has it: 115 days."""
MAX_USD = 10**10
MAX_NUMBER_CHARS = 100
"""Of an amount: a double has 25 at most."""
ABSENT = Raw(b"")
_EXACT = Context(prec=2 * MAX_NUMBER_CHARS)

Text = str | None
Number = float | None
Strings = dict[str, str] | None
Count = (
    Annotated[int, Meta(ge=0, le=SAFE_INTEGER)]
    | Annotated[float, Meta(ge=0, le=SAFE_INTEGER, multiple_of=1)]
)
"""A whole number may come as 50.0: JavaScript, and so the original, knows no difference."""
Milliseconds = (
    Annotated[int, Meta(ge=0, le=int(MAX_MILLISECONDS))]
    | Annotated[float, Meta(ge=0, le=MAX_MILLISECONDS)]
)
Given = Annotated[str, Meta(min_length=1)]
Sender = Annotated[str, Meta(min_length=1, max_length=128)]
Model = Annotated[str, Meta(min_length=1, max_length=256)]
Environment = Annotated[str, Meta(max_length=256)] | None


class SentFrame(Struct, frozen=True, gc=False, rename="camel"):
    """One call of a stack."""

    filename: Text = None
    function: Text = None
    lineno: Number = None
    colno: Number = None
    in_app: bool | None = None
    module: Text = None
    abs_path: Text = None
    context_line: Text = None
    pre_context: list[str] | None = None
    post_context: list[str] | None = None


class SentStack(Struct, frozen=True, gc=False):
    """The calls, as the SDK parsed them."""

    frames: Annotated[list[SentFrame], Meta(max_length=MAX_FRAMES)] | None = None


class SentException(Struct, frozen=True, gc=False):
    """What was raised; it may be empty."""

    type: Text = None
    value: Text = None
    stacktrace: SentStack | None = None


class SentBreadcrumb(Struct, frozen=True, gc=False):
    """What happened before."""

    category: Text = None
    message: Text = None
    level: Text = None
    timestamp: Text = None
    type: Text = None
    data: dict[str, Raw] | None = None


class SentError(Struct, frozen=True, gc=False, rename="camel", tag="error", tag_field="type"):
    """One error or message."""

    exception: SentException
    message: Text = None
    level: Literal["fatal", "error", "warning", "info", "debug"] | None = None
    breadcrumbs: Annotated[list[SentBreadcrumb], Meta(max_length=MAX_BREADCRUMBS)] | None = None
    tags: Strings = None
    user: Strings = None
    environment: Text = None
    release: Text = None
    timestamp: Text = None
    """Not checked here: one that cannot be read is this item's problem, not its neighbours'."""


class SentPart(Struct, frozen=True, gc=False, rename="camel"):
    """One span of a transaction."""

    span_id: str
    op: str
    duration_ms: float
    description: Text = None
    parent_span_id: Text = None


class SentTransaction(
    Struct, frozen=True, gc=False, rename="camel", tag="transaction", tag_field="type"
):
    """One request, job or page load."""

    name: str
    trace_id: str
    duration_ms: float
    status: Literal["ok", "error", "cancelled"] | None = None
    spans: list[SentPart] | None = None
    environment: Text = None
    release: Text = None
    timestamp: Text = None


class SentGeneration(
    Struct, frozen=True, gc=False, rename="camel", tag="ai_generation", tag_field="type"
):
    """One call of an LLM. It becomes a trace, so it keeps a trace's bounds."""

    provider: Sender
    model: Model
    input_tokens: Count
    output_tokens: Count | None = None
    total_tokens: Count | None = None
    cached_input_tokens: Count | None = None
    cache_write_tokens: Count | None = None
    input_cost_usd: Raw = ABSENT
    """A number, to be read by `usd_of`: a decoder of decimals would take a string as well."""
    output_cost_usd: Raw = ABSENT
    total_cost_usd: Raw = ABSENT
    latency_ms: Milliseconds | None = None
    time_to_first_token_ms: Milliseconds | None = None
    status: Literal["ok", "error"] | None = None
    trace_id: Text = None
    span_id: Text = None
    tags: Strings = None
    user: Strings = None
    metadata: dict[str, Raw] | None = None
    environment: Environment = None
    release: Text = None
    timestamp: Text = None


class ItemType(Struct, frozen=True, gc=False):
    """What says which of them an item is."""

    type: Literal["error", "transaction", "ai_generation"]


def is_given(value: Raw) -> bool:
    """Tells whether an optional field is there and not null."""
    return value is not ABSENT and bytes(memoryview(value)[:4]) != b"null"


def usd_of(value: Raw) -> Decimal | None:
    """Returns an optional amount exactly as it was written, `None` when absent or null.

    Raises `ValueError` for any other JSON value, and for an amount that is none.
    """
    if not is_given(value):
        return None
    text = bytes(memoryview(value)[: MAX_NUMBER_CHARS + 1]).decode()
    if text[0] not in "-0123456789" or len(text) > MAX_NUMBER_CHARS:
        raise ValueError("not a number of at most 100 characters")
    try:
        amount = Decimal(text)
    except DecimalException as error:
        raise ValueError("a number out of range") from error
    if not 0 <= amount <= MAX_USD:
        raise ValueError("out of range")
    return amount.copy_abs()


def add_usd(*amounts: Decimal | None) -> Decimal | None:
    """Returns the sum of those that are known, `None` where none is."""
    known = [amount for amount in amounts if amount is not None]
    if not known:
        return None
    total = Decimal(0)
    for amount in known:
        total = _EXACT.add(total, amount)
    return total


def cents_of(usd: Decimal) -> str:
    """Returns an amount in cents, exactly, as JSON writes a number."""
    cents = usd.scaleb(2, _EXACT).normalize(_EXACT)
    return f"{cents:f}" if -30 < cents.adjusted() < 30 else str(cents)
