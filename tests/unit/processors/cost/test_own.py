"""What a project's own prices make of a call: rates, discounts, aliases, and which counts."""

from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest

from processors.llm.cost.book import PriceBook
from processors.llm.cost.cache import load_book
from processors.llm.cost.own import OwnBook
from processors.llm.cost.usage import Extras, Usage
from schemas.llm.prices import Alias, OwnPrice, PriceDocument, Rates

MILLION = Usage(1_000_000, 1_000_000)
DOLLAR = 10**12


@pytest.fixture(scope="module")
def listed(tmp_path_factory: pytest.TempPathFactory) -> PriceBook:
    cache: Path = tmp_path_factory.mktemp("prices")
    return load_book(cache)


def at(year: int, month: int, day: int, *time: int) -> int:
    return int(datetime(year, month, day, *time, tzinfo=UTC).timestamp()) * 1_000_000


NOW = at(2026, 11, 1)


def rates(**given: str) -> Rates:
    return Rates(**{name: Decimal(rate) for name, rate in given.items()})


def flat(number: int, model: str, usd: str, provider: str = "", **days: date) -> OwnPrice:
    """A price that charges so many dollars for a million tokens of input, and nothing else."""
    return OwnPrice(
        number, model, provider, rates=rates(input=usd, output="0"), **{**_ALWAYS, **days}
    )


_ALWAYS: dict[str, date | None] = {"valid_from": None, "valid_until": None}


def cost(
    listed: PriceBook,
    *own: OwnPrice | Alias,
    provider: str | None = "openai",
    model: str = "gpt-4o",
    at_us: int = NOW,
    usage: Usage = MILLION,
) -> int | None:
    prices = tuple(one for one in own if isinstance(one, OwnPrice))
    aliases = tuple(one for one in own if isinstance(one, Alias))
    book = OwnBook(listed, PriceDocument(prices, aliases))
    quote = book.price(provider, model, at_us, usage)
    return None if quote is None else quote.cost_pico_usd


def test_rates_charge_each_part_of_the_usage_once(listed: PriceBook) -> None:
    usage = Usage(1000, 100, 300, 200, 50, 40)
    price = OwnPrice(
        7,
        "house-model",
        rates=rates(
            input="1",
            output="10",
            cache_read="0.1",
            cache_write="1.25",
            cache_write_1h="2",
            reasoning="20",
            request="0.001",
        ),
    )

    found = cost(listed, price, model="House-Model ", usage=usage)

    # 500 plain, 300 read, 150 written for minutes, 50 for an hour; 60 answered, 40 thought.
    micro = 500 * 1 + 300 * Decimal("0.1") + 150 * Decimal("1.25") + 50 * 2 + 60 * 10 + 40 * 20
    assert found == int(micro * 10**6) + 10**9


def test_rates_finer_than_a_pico_dollar_are_exact_and_round_once(listed: PriceBook) -> None:
    price = OwnPrice(1, "m", rates=rates(input="0.000000000001"))  # 10^-6 pico-dollars a token

    costs = [cost(listed, price, model="m", usage=Usage(n * 500_000, 0)) for n in (1, 3, 4)]

    assert costs == [0, 2, 2]  # halves go to the even one


@pytest.mark.parametrize(
    ("usage", "given"),
    [
        (Usage(10, 10, cache_read_tokens=5), {"input": "1", "output": "1"}),
        (Usage(10, 10, cache_write_tokens=5), {"input": "1", "output": "1", "cache_read": "1"}),
        (Usage(10, 10, 0, 5, 5), {"input": "1", "output": "1", "cache_write": "1"}),
        (Usage(10, 10), {"input": "1"}),
        (Usage(10, 10, extras=Extras(input_audio_tokens=3)), {"input": "1", "output": "1"}),
        (Usage(10, 10, extras=Extras(web_searches=1)), {"input": "1", "output": "1"}),
        (Usage(10, 10, extras=Extras(unlisted=("image",))), {"input": "1", "output": "1"}),
        (Usage(), {"input": "1", "output": "1"}),
    ],
)
def test_tokens_without_a_rate_make_the_cost_unknown(
    listed: PriceBook, usage: Usage, given: dict[str, str]
) -> None:
    price = OwnPrice(1, "gpt-4o", rates=rates(**given))

    assert cost(listed, price, usage=usage) is None


def test_reasoning_without_a_rate_of_its_own_is_output(listed: PriceBook) -> None:
    price = OwnPrice(1, "gpt-4o", rates=rates(input="1", output="2"))

    assert cost(listed, price, usage=Usage(0, 1_000_000, reasoning_tokens=900_000)) == 2 * DOLLAR


def test_a_price_by_the_request_needs_no_token_counts(listed: PriceBook) -> None:
    price = OwnPrice(1, "gpt-4o", rates=rates(request="0.02"))

    assert cost(listed, price, usage=Usage()) == DOLLAR // 50
    assert cost(listed, price, usage=MILLION) == DOLLAR // 50


def test_a_discount_is_taken_off_the_list_and_a_surcharge_put_on_it(listed: PriceBook) -> None:
    full = cost(listed)
    assert full is not None

    half = cost(listed, OwnPrice(1, "*", "openai", discount_percent=Decimal("50")))
    more = cost(listed, OwnPrice(1, "*", "openai", discount_percent=Decimal("-12.5")))

    assert (half, more) == (full // 2, full * 9 // 8)


def test_a_discount_on_what_no_list_names_is_unknown(listed: PriceBook) -> None:
    price = OwnPrice(1, "*", discount_percent=Decimal("50"))

    assert cost(listed, price, model="nobody-knows-it") is None


@pytest.mark.parametrize(
    ("provider", "model", "dollars"),
    [
        ("openai", "gpt-4o", 1),  # its whole name, and its provider
        ("mistral", "gpt-4o", 2),  # its whole name
        ("openai", "gpt-4o-mini", 3),  # the longer beginning
        ("openai", "gpt-5", 4),  # the named provider of two beginnings
        ("mistral", "gpt-5", 5),
    ],
)
def test_the_most_exact_price_counts(
    listed: PriceBook, provider: str, model: str, dollars: int
) -> None:
    own = [
        flat(5, "gpt-*", "5"),
        flat(4, "gpt-*", "4", "openai"),
        flat(3, "gpt-4o-*", "3"),
        flat(2, "gpt-4o", "2"),
        flat(1, "gpt-4o", "1", "openai"),
    ]

    assert cost(listed, *own, provider=provider, model=model) == dollars * DOLLAR


def test_a_price_counts_from_its_first_moment_to_its_last(listed: PriceBook) -> None:
    june = flat(1, "m", "6", valid_from=date(2026, 6, 1), valid_until=date(2026, 6, 30))
    july = flat(2, "m", "7", valid_from=date(2026, 7, 1))
    moments = [
        at(2026, 5, 31, 23, 59, 59),
        at(2026, 6, 1),
        at(2026, 6, 30, 23, 59, 59),
        at(2026, 7, 1),
    ]

    costs = [cost(listed, june, july, model="m", at_us=moment) for moment in moments]

    assert costs == [None, 6 * DOLLAR, 6 * DOLLAR, 7 * DOLLAR]


def test_a_provider_may_be_named_as_it_is_sent_or_as_the_list_has_it(listed: PriceBook) -> None:
    price = flat(1, "claude-sonnet-4-5", "9", "anthropic")

    # A span names no provider: the list knows whose model it is.
    assert cost(listed, price, provider=None, model="claude-sonnet-4-5") == 9 * DOLLAR
    assert cost(listed, flat(1, "x", "9", "my-vllm"), provider="My-vLLM", model="X") == 9 * DOLLAR


def test_an_alias_is_priced_as_what_it_stands_for(listed: PriceBook) -> None:
    alias = Alias(1, "prod-chat*", "openai", "gpt-4o")

    assert cost(listed, alias, provider="azure", model="Prod-Chat-7") == cost(listed)
    assert cost(listed, alias, flat(2, "gpt-4o", "3"), model="prod-chat") == 3 * DOLLAR


def test_an_own_price_of_the_name_itself_counts_before_its_alias(listed: PriceBook) -> None:
    alias = Alias(1, "prod-chat", "openai", "gpt-4o")

    assert cost(listed, alias, flat(2, "prod-chat", "8"), model="prod-chat") == 8 * DOLLAR


def test_an_own_price_of_the_model_asked_for_counts_before_the_list(listed: PriceBook) -> None:
    # A deployment of your own answers with the name of the model behind it.
    book = OwnBook(listed, PriceDocument((flat(1, "my-deployment", "8"),)))

    quote = book.price_used_or_requested("azure", "gpt-4o", "my-deployment", NOW, MILLION)

    assert quote is not None
    assert quote.cost_pico_usd == 8 * DOLLAR


def test_the_price_id_names_provider_model_and_number(listed: PriceBook) -> None:
    own = (flat(12, "gpt-*", "1"), OwnPrice(13, "o3", discount_percent=Decimal(5)))
    book = OwnBook(listed, PriceDocument(own))

    ids = [book.price("openai", model, NOW, MILLION) for model in ("gpt-4o", "o3")]

    assert [quote and quote.price_id for quote in ids] == [
        "own/openai/gpt-*#12",
        "own/openai/o3#13",
    ]


def test_without_an_own_price_the_list_counts(listed: PriceBook) -> None:
    own = flat(1, "something-else", "1")

    assert cost(listed, own) == cost(listed)
    quote = OwnBook(listed, PriceDocument((own,))).price("openai", "gpt-4o", NOW, MILLION)
    assert quote == listed.price("openai", "gpt-4o", NOW, MILLION)


@pytest.mark.parametrize(
    ("own", "rule"),
    [
        (flat(1, "gpt-4o", "3"), None),
        (OwnPrice(1, "gpt-*", "openai", discount_percent=Decimal("33.3")), "own_discount"),
        (Alias(1, "gpt-4o", "openai", "o3"), None),
    ],
)
def test_the_parts_that_are_told_add_up_to_the_cost(
    listed: PriceBook, own: OwnPrice | Alias, rule: str | None
) -> None:
    held = PriceDocument((own,)) if isinstance(own, OwnPrice) else PriceDocument((), (own,))
    book = OwnBook(listed, held)
    usage = Usage(1001, 77)

    name, told = book.explain_used_or_requested("openai", None, "gpt-4o", NOW, usage)

    assert name == "gpt-4o"
    assert (told.cost_pico_usd, told.price_id) == book.price("openai", "gpt-4o", NOW, usage)
    total = sum((part.amount_pico or Fraction(0) for part in told.parts), Fraction(0))
    assert abs(total - (told.cost_pico_usd or 0)) <= Fraction(1, 2)
    assert [one.key for one in told.modifiers] == ([rule] if rule else [])


def test_what_is_lacking_is_told(listed: PriceBook) -> None:
    book = OwnBook(listed, PriceDocument((OwnPrice(1, "m", rates=rates(output="1")),)))

    lacking = book.explain("openai", "m", NOW, MILLION)
    uncounted = book.explain("openai", "m", NOW, Usage())

    assert (lacking.cost_pico_usd, lacking.reasons) == (None, ("rate:input_tokens",))
    assert uncounted.reasons == ("counts",)
    assert book.why_unpriced("openai", "m") is None
    assert book.why_unpriced("openai", "nobody-knows-it") == "model"


def test_names_that_never_end_do_not_fill_the_memory(listed: PriceBook) -> None:
    book = OwnBook(listed, PriceDocument((flat(1, "m*", "1"),)))

    for number in range(2_500):
        book.price("openai", f"m{number}", NOW, MILLION)

    assert len(book._young) + len(book._old) <= 2 * 1024
