"""What docs/tables.md says of each table, made of the registry: `python -m` this writes it anew."""

from collections.abc import Iterator
from pathlib import Path

from clickhouse.exports.columns import TYPES, Column
from clickhouse.exports.registry import EXPORTED, NOT_EXPORTED
from clickhouse.exports.tables import Exported

PAGE = Path(__file__).parents[3] / "docs" / "tables.md"
BEGIN = "<!-- from here on by tests/unit/clickhouse/tables_page.py -->\n"


def made() -> str:
    """Returns the part of the page that is made."""
    tables = "\n".join("\n".join(_table(table)) + "\n" for table in EXPORTED.values())
    others = "\n".join(f"| `{name}` | {why} |" for name, why in NOT_EXPORTED.items())
    return (
        f"{BEGIN}\n{tables}\n## Tables that are no interface\n\n"
        f"They may change with any version.\n\n| table | holds |\n|---|---|\n{others}\n"
    )


def _table(table: Exported) -> Iterator[str]:
    yield f"## {table.name}\n"
    key = ", ".join(f"`{key.name}`" for key in table.key)
    final = " Read it with `FINAL`: rows of one key stand for the last." if table.final else ""
    yield f"{table.meaning} The time of a row is `{table.moment}`. Sorted by {key}.{final}\n"
    yield "| column | type | unit | meaning |\n|---|---|---|---|"
    yield from map(_column, table.columns)


def _column(column: Column) -> str:
    nullable = " or NULL" if column.is_optional else ""
    return (
        f"| `{column.name}` | {TYPES[column.form]}{nullable} | {column.unit} | {column.meaning} |"
    )


if __name__ == "__main__":
    text = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(text.partition(BEGIN)[0] + made(), encoding="utf-8")
