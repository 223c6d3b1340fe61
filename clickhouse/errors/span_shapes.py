"""What spans of one sort have in common: a description without its values.

`SELECT name FROM users WHERE id = 42` and the same with 43 are one query. Senders write values in
many ways, so the shape is worked out when it is asked for, and may become better:

1. of a URL, what stands behind the question mark is left out
2. texts in single quotes, UUIDs, long hexadecimal numbers, numbers, `%s` and `$1` become `?`
3. lists of these become one: `IN (?, ?, ?)` is `IN (?)`, and so are rows of `VALUES`
4. blanks become one
5. of LLM calls and agents, numbers stay: `gemini-2.0-flash` is the name of a model
"""

from typing import Any

MOST_CHARS = 1_000
"""Of a description that are looked at."""
SHAPE = """trimBoth(replaceRegexpAll(
            replaceRegexpAll(
                multiIf(
                    startsWith(op, 'ai.') OR startsWith(op, 'gen_ai'),
                    replaceRegexpAll({said}, {shape_id:String}, '?'),
                    startsWith(op, 'http') OR startsWith(op, 'resource'),
                    replaceRegexpAll(
                        replaceRegexpOne({said}, {shape_query:String}, ''),
                        {shape_value:String}, '?'),
                    replaceRegexpAll({said}, {shape_value:String}, '?')),
                {shape_list:String}, '(?)'),
            {shape_blank:String}, ' '))""".replace(
    "{said}", f"substringUTF8(description, 1, {MOST_CHARS})"
)
"""Over the columns `op` and `description`; binds what `shape_values` returns."""
ID = r"\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b|\b(?:0x)?[0-9a-fA-F]{16,}\b"
VALUE = "|".join(
    (
        r"'(?:[^'\\]|\\.|'')*'",
        ID,
        r"%s|%\([A-Za-z_]\w*\)s|\$\d+",
        r"\b\d+(?:\.\d+)*\b",
    )
)
LIST = r"\(\s*\?(?:\s*,\s*\?)*\s*\)(?:\s*,\s*\(\s*\?(?:\s*,\s*\?)*\s*\))*"


def shape_values() -> dict[str, Any]:
    """Returns the patterns that `SHAPE` binds."""
    return {
        "shape_query": r"\?\S*",
        "shape_id": ID,
        "shape_value": VALUE,
        "shape_list": LIST,
        "shape_blank": r"\s+",
    }
