"""What `GET /v1/models` answers."""

from typing import Literal

from msgspec import Struct

from schemas.answers import Number
from schemas.llm.answers import TokenTotals

PRICED_SINCE = "priced_since"
"""The one reason that is no word of `processors.llm.cost.reasons`: a price is known by now."""


class UnpricedCalls(Struct, rename="camel"):
    """Calls whose cost is unknown for one reason, which `text` puts into words."""

    reason: str
    text: str
    calls: int
    model_used: str | None
    """The model that answered, where it is another than the one asked for."""


class ModelUse(Struct, rename="camel", kw_only=True):
    """How a project used one model. `seen_in` says whether as traces or as answers in spans."""

    provider: str | None
    model: str
    seen_in: Literal["traces", "spans"]
    calls: int
    errors: int
    tokens: TokenTotals
    cost_cents: Number
    computed_cost_cents: Number
    reported_cost_cents: Number
    first_seen: str
    """To the hour."""
    last_seen: str
    unpriced: int
    """Calls of which neither the sender nor a price says what they cost."""
    unpriced_reasons: list[UnpricedCalls]


class ModelList(Struct, rename="camel"):
    """Models by cost, then by calls; `total` counts them all."""

    models: list[ModelUse]
    total: int
    date_from: str
    date_to: str
