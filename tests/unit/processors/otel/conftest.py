"""The price list, compiled once."""

import pytest

from processors.llm.cost.book import PriceBook
from tests.unit.processors.cost.compiled import compiled_table


@pytest.fixture(scope="session")
def book() -> PriceBook:
    """The prices of the package that is installed."""
    return PriceBook(compiled_table())
