"""How the cost of one call comes about: `GET traces/{id}/cost` and `spans/{id}/cost`."""

from typing import Literal

from msgspec import Struct

from schemas.answers import CostSource, Number

Reporter = Literal["sender", "answer"]
"""Who says what the call cost: the sender, or the provider's or gateway's answer within."""


class Matched(Struct, rename="camel"):
    """The entry of a price list that the call is priced by."""

    provider: str
    """In whose list the price stands."""
    model: str
    seller: str
    """Who sold the call. Another list counts where theirs does not name the model."""
    name: str
    """The model's name as it was sent."""
    rule: str
    how: str


class Epoch(Struct, rename="camel"):
    """When, and above how many input tokens, the price holds. `null` is without a bound."""

    since: str | None
    hours: str | None
    working_days_since: str | None
    above_input_tokens: int | None


class CostPart(Struct, rename="camel"):
    """A part of the cost: `units` at `rate_usd` for each `per`. `null` where no rate is known."""

    name: str
    units: int
    rate_usd: Number | None
    per: int
    amount_cents: Number | None


class CostModifier(Struct, rename="camel"):
    """A term that the call was served on. Without a factor the list has other rates for it."""

    term: str
    value: str
    factor: Number | None


class Reason(Struct, rename="camel"):
    """Why the cost is unknown."""

    reason: str
    text: str


class CostNow(Struct, rename="camel"):
    """The cost by today's prices. Prices that came later do not change what is stored."""

    cost_cents: Number | None
    price_snapshot: str | None
    differs: bool


class CostAnswer(Struct, rename="camel", kw_only=True):
    """The stored cost, and how today's comes about: the parts add up to `now`, before rounding."""

    id: str
    timestamp: str
    cost_cents: Number | None
    cost_source: CostSource | None
    reported_cost_cents: Number | None
    reported_by: Reporter | None
    computed_cost_cents: Number | None
    price_snapshot: str | None
    now: CostNow
    matched: Matched | None
    epoch: Epoch | None
    parts: list[CostPart]
    modifiers: list[CostModifier]
    reasons: list[Reason]
