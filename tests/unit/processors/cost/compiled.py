"""The price table, compiled once for all tests: it takes half a second of each collection."""

from functools import cache

from processors.llm.cost.compile import compile_table
from processors.llm.cost.table import PriceTable


@cache
def compiled_table() -> PriceTable:
    """Returns the table of the library's prices, which nobody changes."""
    return compile_table()
