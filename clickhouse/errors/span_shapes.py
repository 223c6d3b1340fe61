"""What spans of one sort have in common: a description without its values.

`SELECT name FROM users WHERE id = 42` and the same with 43 are one query. Senders write values in
many ways, so the shape is worked out when it is asked for, and may become better:

1. of a URL, what stands behind the question mark is left out
2. texts in single quotes, UUIDs, long hexadecimal numbers, numbers, `%s` and `$1` become `?`
3. lists of these become one: `IN (?, ?, ?)` is `IN (?)`, and so are rows of `VALUES`
4. blanks become one
"""

from typing import Any

MOST_CHARS = 1_000
"""Of a description that are looked at."""
SHAPE = """trimBoth(replaceRegexpAll(
            replaceRegexpAll(
                replaceRegexpAll(
                    if(startsWith(op, 'http') OR startsWith(op, 'resource'),
                        replaceRegexpOne({said}, {shape_query:String}, ''), {said}),
                    {shape_value:String}, '?'),
                {shape_list:String}, '(?)'),
            {shape_blank:String}, ' '))""".replace(
    "{said}", f"substringUTF8(description, 1, {MOST_CHARS})"
)
"""Over the columns `op` and `description`; binds what `shape_values` returns."""
VALUE = "|".join(
    (
        r"'(?:[^'\\]|\\.|'')*'",
        r"\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b",
        r"\b(?:0x)?[0-9a-fA-F]{16,}\b",
        r"%s|%\([A-Za-z_]\w*\)s|\$\d+",
        r"\b\d+(?:\.\d+)*\b",
    )
)
LIST = r"\(\s*\?(?:\s*,\s*\?)*\s*\)(?:\s*,\s*\(\s*\?(?:\s*,\s*\?)*\s*\))*"


def shape_values() -> dict[str, Any]:
    """Returns the patterns that `SHAPE` binds."""
    return {
        "shape_query": r"\?\S*",
        "shape_value": VALUE,
        "shape_list": LIST,
        "shape_blank": r"\s+",
    }
