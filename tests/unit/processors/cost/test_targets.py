"""Where an alias may lead."""

from decimal import Decimal

from processors.llm.cost.book import PriceBook
from processors.llm.cost.targets import why_no_target
from schemas.llm.prices import Alias, OwnPrice, PriceDocument, Rates

OWN = PriceDocument((OwnPrice(1, "house-*", rates=Rates(input=Decimal(1))),))


def to(provider: str, model: str) -> Alias:
    return Alias(0, "mine", provider, model)


def test_a_target_with_a_price_of_the_list_or_of_the_project_is_right(book: PriceBook) -> None:
    assert why_no_target(book, OWN, to("OpenAI", "GPT-4o")) is None
    assert why_no_target(book, OWN, to("house", "house-2")) is None


def test_another_one_is_told_the_nearest_names(book: PriceBook) -> None:
    wrong = why_no_target(book, PriceDocument(), to("openai", "gpt-4o-mimi"))

    assert wrong is not None
    assert "Nobody prices openai/gpt-4o-mimi: did you mean openai/gpt-4o-mini" in wrong


def test_an_alias_of_the_project_is_no_price(book: PriceBook) -> None:
    own = PriceDocument(aliases=(Alias(1, "house-2", "openai", "gpt-4o"),))

    assert why_no_target(book, own, to("house", "house-2")) is not None
