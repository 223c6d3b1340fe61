"""The tables that are an interface, against the store: neither can change without the other."""

from clickhouse.client import Warehouse
from clickhouse.exports.columns import Column
from clickhouse.exports.registry import EXPORTED, INTERNAL, LEFT_OUT, NOT_EXPORTED
from clickhouse.grants import TABLES

COLUMNS = """
SELECT table, name, type
FROM system.columns
WHERE database = currentDatabase()
"""
STORED = {
    "text": ("String",),
    "json": ("String",),
    "paths": ("JSON",),
    "integer": ("UInt", "Int"),
    "number": ("Float",),
    "money": ("Decimal(38, 12)",),
    "bool": ("Bool",),
    "time": ("DateTime",),
    "date": ("Date",),
    "texts": ("Array(String)",),
    "hash": ("FixedString(16)",),
    "hashes": ("Array(FixedString(16))",),
    "list": ("Array(",),
}


def stored(warehouse: Warehouse) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for table, name, type in warehouse.query_now(COLUMNS, None, {}).rows:
        found.setdefault(table, {})[name] = type
    return found


def test_every_table_with_rows_of_projects_is_exported_or_it_is_said_why_not() -> None:
    assert {*EXPORTED} | {*NOT_EXPORTED} == {*TABLES}
    assert not {*EXPORTED} & {*NOT_EXPORTED}


def test_every_column_is_exported_or_internal(warehouse: Warehouse) -> None:
    columns = stored(warehouse)

    for name, table in EXPORTED.items():
        exported = {column.name for column in table.columns}
        left_out = INTERNAL | LEFT_OUT.get(name, frozenset())
        assert {*columns[name]} == exported | ({*columns[name]} & left_out), name
        assert not exported & LEFT_OUT.get(name, frozenset()), name
        assert {key.name for key in table.key} <= {*columns[name]}, name
        assert {table.moment, table.received, *table.equal} <= {*columns[name]}, name


def test_every_column_has_the_form_that_the_store_has(warehouse: Warehouse) -> None:
    columns = stored(warehouse)
    wrong = {
        f"{name}.{column.name}: {columns[name][column.name]}"
        for name, table in EXPORTED.items()
        for column in table.columns
        if not fits(column, columns[name][column.name])
    }

    assert wrong == set()


def fits(column: Column, type: str) -> bool:
    bare = type.replace("LowCardinality(", "").replace("Nullable(", "")
    is_optional = "Nullable(" in type
    return bare.startswith(STORED[column.form]) and is_optional == column.is_optional
