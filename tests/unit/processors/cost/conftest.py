from __future__ import annotations

import pytest

from processors.llm.cost.book import PriceBook
from processors.llm.cost.table import PriceTable
from tests.unit.processors.cost.compiled import compiled_table


@pytest.fixture(scope="session")
def table() -> PriceTable:
    return compiled_table()


@pytest.fixture(scope="session")
def book(table: PriceTable) -> PriceBook:
    return PriceBook(table)
