from __future__ import annotations

import pytest

from processors.llm.cost.book import PriceBook
from processors.llm.cost.compile import compile_table
from processors.llm.cost.table import PriceTable


@pytest.fixture(scope="session")
def table() -> PriceTable:
    return compile_table()


@pytest.fixture(scope="session")
def book(table: PriceTable) -> PriceBook:
    return PriceBook(table)
