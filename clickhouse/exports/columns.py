"""What a column of an exported table is, and the expression that gives it in each format.

An expression names columns of the registry alone: nothing of a request stands in it.
"""

from collections.abc import Mapping
from typing import Literal, NamedTuple

Form = Literal[
    "text",
    "json",
    "paths",
    "integer",
    "number",
    "money",
    "bool",
    "time",
    "date",
    "texts",
    "hash",
    "hashes",
    "list",
]
"""`json` is a text of JSON, empty where there is none. `paths` is a JSON column as
`clickhouse.log_attributes` spells it. A `hash` is 16 bytes. `list` is of numbers or times."""
Format = Literal["parquet", "jsonl", "csv"]
FORMATS: tuple[Format, ...] = ("parquet", "jsonl", "csv")
TYPES: Mapping[Form, str] = {
    "text": "text",
    "json": "JSON",
    "paths": "JSON object",
    "integer": "integer",
    "number": "float",
    "money": "decimal(38, 12)",
    "bool": "boolean",
    "time": "time, UTC",
    "date": "date",
    "texts": "list of texts",
    "hash": "text",
    "hashes": "list of texts",
    "list": "list",
}
"""As people read them."""
# A path has `=XX` for what may not stand in one: `clickhouse.tags`. A value begins with its sort.
VALUE = "JSONExtractString(concat('[', p.2, ']'), 1)"
OBJECT = f"""concat('{{', arrayStringConcat(arrayMap(
    p -> concat(
        toJSONString(if(p.1 = '=', '', decodeURLComponent(replaceAll(p.1, '=', '%')))),
        ':',
        if(startsWith({VALUE}, '=') OR NOT isValidJSON(substring({VALUE}, 2)),
            toJSONString(substring({VALUE}, 2)), substring({VALUE}, 2))),
    JSONExtractKeysAndValuesRaw(COLUMN::String)), ','), '}}')"""
HEX = "arrayMap(x -> lower(hex(x)), COLUMN)"
ISO = "formatDateTime(toDateTime64(COLUMN, 6, 'UTC'), '%Y-%m-%dT%H:%i:%S.%fZ')"
FORMULA = r"^[=+\-@\t\r\n|%]"
"""What a cell begins with that a spreadsheet may run, as OWASP lists it, and two that some do."""


class Column(NamedTuple):
    """One column that may be relied on."""

    name: str
    form: Form
    meaning: str
    unit: str = ""
    is_optional: bool = False
    """Whether it may be NULL in the store."""


def optional(name: str, form: Form, meaning: str, unit: str = "") -> Column:
    """Returns a column that may be NULL."""
    return Column(name, form, meaning, unit, is_optional=True)


def expression(column: Column, format: Format, *, raw: bool) -> str:
    """Returns the value of a column in a format; for JSONL, the text of a JSON value."""
    if format == "jsonl":
        return _json(column)
    if format == "parquet":
        return f"{_typed(column)} AS `{column.name}`"
    return f"{_cell(column, raw)} AS `{column.name}`"


def _named(column: Column, template: str) -> str:
    return template.replace("COLUMN", f"t.`{column.name}`")


def _typed(column: Column) -> str:
    name = f"t.`{column.name}`"
    match column.form:
        case "text":
            # As plain texts: a dictionary of the engine has names of other projects too.
            return f"CAST({name} AS {'Nullable(String)' if column.is_optional else 'String'})"
        case "json":
            return f"nullIf({name}, '')"
        case "paths":
            return _named(column, OBJECT)
        case "hash":
            return f"lower(hex({name}))"
        case "hashes":
            return _named(column, HEX)
        case "time":
            return f"toDateTime64({name}, 6, 'UTC')"
        case "date":
            return f"toDate32({name})"
        case _:
            return name


def _cell(column: Column, raw: bool) -> str:
    value = _typed(column)
    if column.form in ("texts", "hashes", "list"):
        value = f"toJSONString({value})"
    elif column.form not in ("text", "json", "paths"):
        return value
    if raw:
        return value
    return f"if(match(ifNull({value}, ''), '{_quoted(FORMULA)}'), concat('''', {value}), {value})"


def _quoted(pattern: str) -> str:
    return pattern.replace("\\", "\\\\")


def _json(column: Column) -> str:
    name = f"t.`{column.name}`"
    match column.form:
        case "text" | "hash":
            return f"ifNull(toJSONString({_typed(column)}), 'null')"
        case "json":
            # A line break outside of a text of JSON is a blank; within one it is escaped.
            return rf"if({name} = '', 'null', translate({name}, '\n\r', '  '))"
        case "paths":
            return _named(column, OBJECT)
        case "date":
            return f"concat('\"', toString({name}), '\"')"
        case "time":
            return "ifNull(concat('\"', " + _named(column, ISO) + ", '\"'), 'null')"
        case "texts" | "hashes" | "list":
            return f"toJSONString({_typed(column)})"
        case "number":
            return f"if(isFinite(ifNull({name}, nan)), toString({name}), 'null')"
        case _:
            return f"ifNull(toString({name}), 'null')"
