"""The forms of a price and of an alias: from texts to values, and back. No I/O."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import NamedTuple

from api.pages.forms import Problem
from controlplane.failures import ControlPlaneError
from schemas.llm.prices import RATE_NAMES, Alias, OwnPrice, Rates

MOST_FIELDS = 20
MOST_CHARS = 40
"""Of a number: more digits than a price may have."""


class Amount(NamedTuple):
    """A rate in the form."""

    name: str
    title: str
    is_usual: bool


USUAL = ("input", "output", "cache_read", "cache_write")
TITLES = {
    "cache_read": "Cached input",
    "cache_write": "Cache write",
    "cache_write_1h": "Cache write, 1 h",
    "request": "Each request",
    "web_search": "Each web search",
}
AMOUNTS = [
    Amount(name, TITLES.get(name, name.replace("_", " ").capitalize()), name in USUAL)
    for name in RATE_NAMES
]
PRICE_FIELDS = {
    **{"model": "model", "provider": "provider", "validFrom": "from", "Price": "model"},
    **{"A price needs": "discount", "discountPercent": "discount", "rates needs": "input"},
    **{f"rates.{name} ": name for name in RATE_NAMES},
}
ALIAS_FIELDS = {
    **{"name": "name", "provider": "of_provider", "toProvider": "to", "toModel": "to"},
}
WORDS = {
    "A price needs either rates or discountPercent": "Give rates or a discount, and not both",
    **{f"rates.{one.name} ": f"{one.title} " for one in AMOUNTS},
    **{"discountPercent": "The discount", "validFrom": "The first day", "validUntil": "the last"},
    **{"toProvider": "The provider", "toModel": "The model"},
}
"""Names that programs know, and what a person reads instead."""


class Wrong(Exception):
    """Raised when a field cannot be read."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.text)
        self.problem = problem


def read_price(fields: Mapping[str, str]) -> OwnPrice:
    """Return the price of a form; raises `Wrong`."""
    rates = {name: _amount(name, fields) for name in RATE_NAMES}
    is_rated = any(rate is not None for rate in rates.values())
    return OwnPrice(
        number=0,
        model=fields.get("model", ""),
        provider=fields.get("provider", ""),
        valid_from=_day("from", fields),
        valid_until=_day("until", fields),
        rates=Rates(**rates) if is_rated else None,
        discount_percent=_amount("discount", fields),
    )


def read_alias(fields: Mapping[str, str]) -> Alias:
    """Return the alias of a form; raises `Wrong`."""
    provider, _, model = fields.get("to", "").strip().partition("/")
    if not provider.strip() or not model.strip():
        raise Wrong(Problem("Give provider and model, as openai/gpt-4o.", "to"))
    return Alias(
        number=0,
        name=fields.get("name", ""),
        to_provider=provider,
        to_model=model,
        provider=fields.get("of_provider", ""),
    )


def price_fields(price: OwnPrice) -> dict[str, str]:
    """Return the texts of a form that says this price."""
    rates = price.rates or Rates()
    given = {name: getattr(rates, name) for name in RATE_NAMES}
    given["discount"] = price.discount_percent
    days = {"from": price.valid_from, "until": price.valid_until}
    return {
        "model": price.model,
        "provider": price.provider,
        **{name: str(day) for name, day in days.items() if day is not None},
        **{name: f"{amount:f}" for name, amount in given.items() if amount is not None},
    }


def alias_fields(alias: Alias) -> dict[str, str]:
    """Return the texts of a form that says this alias."""
    to = f"{alias.to_provider}/{alias.to_model}"
    return {"name": alias.name, "of_provider": alias.provider, "to": to}


def cost_of(price: OwnPrice) -> str:
    """Return what a price says, as a text."""
    if price.rates is not None:
        given = ((one.title.lower(), getattr(price.rates, one.name)) for one in AMOUNTS)
        return ", ".join(f"{title} ${rate:f}" for title, rate in given if rate is not None)
    discount = price.discount_percent or Decimal(0)
    if discount < 0:
        return f"{-discount:f} % on top of the list"
    return f"{discount:f} % off the list"


def price_problem(error: ControlPlaneError, fields: Mapping[str, str] = PRICE_FIELDS) -> Problem:
    """Return what is wrong in a person's words, at its field."""
    text = error.message
    field = next((name for start, name in fields.items() if text.startswith(start)), "")
    for word, plain in WORDS.items():
        text = text.replace(word, plain)
    return Problem(f"{text[:1].upper()}{text[1:]}.", field)


def _amount(name: str, fields: Mapping[str, str]) -> Decimal | None:
    text = fields.get(name, "").strip()
    if not text:
        return None
    try:
        if len(text) > MOST_CHARS:
            raise InvalidOperation
        return Decimal(text)
    except InvalidOperation:
        raise Wrong(Problem(f"{text[:20]!r} is no number such as 2.50.", name)) from None


def _day(name: str, fields: Mapping[str, str]) -> date | None:
    text = fields.get(name, "").strip()
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise Wrong(Problem(f"{text[:20]!r} is no day such as 2026-01-31.", name)) from None
