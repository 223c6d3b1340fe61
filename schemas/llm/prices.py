"""A project's own prices and aliases: what people set, as it is kept and answered. No I/O."""

from datetime import date
from decimal import Decimal

from msgspec import Struct, field


class Rates(Struct, frozen=True, omit_defaults=True, rename="camel", forbid_unknown_fields=True):
    """US dollars for a million tokens; `request` and `web_search` for each. `None` is unknown.

    Tokens for which no rate is given make the cost unknown, but for reasoning: it is output.
    """

    input: Decimal | None = None
    output: Decimal | None = None
    cache_read: Decimal | None = None
    cache_write: Decimal | None = None
    cache_write_1h: Decimal | None = field(default=None, name="cacheWrite1h")
    reasoning: Decimal | None = None
    input_audio: Decimal | None = None
    output_audio: Decimal | None = None
    input_image: Decimal | None = None
    output_image: Decimal | None = None
    request: Decimal | None = None
    web_search: Decimal | None = None


RATE_NAMES = Rates.__struct_fields__


class OwnPrice(Struct, frozen=True, rename="camel"):
    """What a project pays for a model: rates of its own, or a discount on the price list.

    Names are lower case. A model that ends in `*` means every name that begins so. Both days are
    days in UTC that count; `None` is without end. `number` is never used again in the project.
    """

    number: int
    model: str
    provider: str = ""
    """Empty: whatever provider."""
    valid_from: date | None = None
    valid_until: date | None = None
    rates: Rates | None = None
    discount_percent: Decimal | None = None
    """Off the list's price; a negative one is a surcharge."""


class Alias(Struct, frozen=True, rename="camel"):
    """A name of the project's own for a model of the price list: a deployment, a fine-tune."""

    number: int
    name: str
    to_provider: str
    to_model: str
    provider: str = ""
    """As which the calls come; empty: whatever provider."""


class PriceDocument(Struct, frozen=True):
    """All that a project has set."""

    prices: tuple[OwnPrice, ...] = ()
    aliases: tuple[Alias, ...] = ()
    last_number: int = 0


def covers(pattern: str, name: str) -> bool:
    """Tells whether a lower-case name is the pattern's, which may end in `*`."""
    return name.startswith(pattern[:-1]) if pattern.endswith("*") else name == pattern


def plain(name: str | None) -> str:
    """Returns a name as it is compared."""
    return (name or "").strip().lower()
