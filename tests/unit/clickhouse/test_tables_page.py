"""docs/tables.md, against the registry of exported tables."""

from tests.unit.clickhouse.tables_page import BEGIN, PAGE, made


def test_the_page_has_every_table_and_column_as_the_registry_has_it() -> None:
    text = PAGE.read_text(encoding="utf-8")

    assert BEGIN + text.partition(BEGIN)[2] == made(), "python -m tests.unit.clickhouse.tables_page"
