from datetime import date
from decimal import Decimal

import pytest

from api.pages.llm.price_forms import (
    Wrong,
    alias_fields,
    cost_of,
    price_fields,
    price_problem,
    read_alias,
    read_price,
)
from api.pages.llm.prices import reprice_command
from controlplane.failures import BadRequest
from schemas.llm.prices import Alias, OwnPrice, Rates
from schemas.projects import ProjectId

PROJECT = ProjectId("5a1c0f0e-0000-4000-8000-000000000001")
TODAY = date(2026, 11, 28)


@pytest.mark.parametrize(
    ("fields", "field", "said"),
    [
        ({"input": "a lot"}, "input", "'a lot' is no number such as 2.50."),
        ({"discount": "1e" + "9" * 60}, "discount", "is no number"),
        ({"from": "31.01.2026"}, "from", "'31.01.2026' is no day such as 2026-01-31."),
    ],
)
def test_what_cannot_be_read_is_said_at_its_field(
    fields: dict[str, str], field: str, said: str
) -> None:
    with pytest.raises(Wrong) as wrong:
        read_price(fields)

    assert wrong.value.problem.field == field
    assert said in wrong.value.problem.text


@pytest.mark.parametrize("to", ["gpt-4o", "openai/", "/gpt-4o", ""])
def test_an_alias_leads_to_a_provider_and_a_model(to: str) -> None:
    with pytest.raises(Wrong, match="as openai/gpt-4o"):
        read_alias({"name": "mine", "to": to})


@pytest.mark.parametrize(
    ("message", "field", "said"),
    [
        ("rates.cache_write_1h must be a number from 0 to 1", "cache_write_1h", "Cache write, 1 h"),
        ("rates.cache_write must be a number from 0 to 1", "cache_write", "Cache write must"),
        ("validFrom 2026-02-01 is after validUntil 2026-01-01", "from", "The first day 2026-02-01"),
        ("A price needs either rates or discountPercent", "discount", "rates or a discount"),
        ("model cannot be empty", "model", "Model cannot be empty."),
    ],
)
def test_what_breaks_a_rule_is_said_in_words_at_its_field(
    message: str, field: str, said: str
) -> None:
    problem = price_problem(BadRequest(message))

    assert problem.field == field
    assert said in problem.text


def test_a_price_and_an_alias_survive_their_forms() -> None:
    rates = Rates(input=Decimal("0.15"), output=Decimal("0.60"), web_search=Decimal("0.01"))
    price = OwnPrice(0, "gpt-*", "azure", date(2026, 1, 1), date(2026, 12, 31), rates)
    discount = OwnPrice(0, "gpt-4o", discount_percent=Decimal("12.5"))
    alias = Alias(0, "prod", "openai", "gpt-4o", "azure")

    assert read_price(price_fields(price)) == price
    assert read_price(price_fields(discount)) == discount
    assert read_alias(alias_fields(alias)) == alias


def test_costs_are_written_in_full_and_a_surcharge_as_one() -> None:
    rates = Rates(input=Decimal("1E+1"), cache_read=Decimal("0.000000000001"))

    assert cost_of(OwnPrice(1, "m", rates=rates)) == "input $10, cached input $0.000000000001"
    assert cost_of(OwnPrice(1, "m", discount_percent=Decimal("15"))) == "15 % off the list"
    assert cost_of(OwnPrice(1, "m", discount_percent=Decimal(-5))) == "5 % on top of the list"


@pytest.mark.parametrize(
    ("first", "last", "days"),
    [
        (None, None, "--from 2026-10-29 --to 2026-11-28"),
        (date(2026, 11, 1), None, "--from 2026-11-01 --to 2026-11-28"),
        (date(2026, 1, 1), date(2026, 6, 30), "--from 2026-01-01 --to 2026-06-30"),
        (date(2026, 11, 1), date(2027, 6, 30), "--from 2026-11-01 --to 2026-11-28"),
        (None, date(2026, 6, 30), "--from 2026-06-30 --to 2026-06-30"),
    ],
)
def test_the_command_prices_the_days_of_the_price_that_have_been(
    first: date | None, last: date | None, days: str
) -> None:
    price = OwnPrice(1, "m", valid_from=first, valid_until=last)

    assert reprice_command(PROJECT, price, TODAY) == f"sluice reprice {days} --project {PROJECT}"


def test_a_price_that_begins_later_has_nothing_to_price_anew() -> None:
    assert reprice_command(PROJECT, OwnPrice(1, "m", valid_from=date(2027, 1, 1)), TODAY) is None
