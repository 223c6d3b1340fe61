"""Words that rows are searched for, as SQL conditions, and what the indexes of words are made of.

A term is a word or a phrase. Each must be there, as whole words and in capitals or not. Of what is
no ASCII any two characters that follow each other are looked for: Chinese has no blanks.
"""

import json
import re
from collections.abc import Sequence
from typing import Any

from clickhouse.queries.conditions import Condition

Term = str
WORD = re.compile(rb"[0-9A-Za-z\x80-\xff]+")
"""What the indexes have: the engine's tokenizer splits by all other ASCII characters."""
UNESCAPED = (
    r"replaceAll(replaceAll(replaceAll(replaceAll({text}, '\\\\', ' '), '\\n', ' '), '\\t', ' '),"
    r" '\\r', ' ')"
)
"""JSON without what would stick to the word behind it."""
TRACE_WORDS = (
    f"lower(concat({UNESCAPED.format(text='request_body')}, ' ', ifNull(output_text, '')))"
)
INPUT_WORDS = f"lower({UNESCAPED.format(text='tool_input')})"
MESSAGE_WORDS = f"lowerUTF8({UNESCAPED.format(text='body')})"
MESSAGE_SCRIPT = r"replaceRegexpAll(lowerUTF8(body), '[\\x00-\\x7F]+', ' ')"
"""What migrations index, sign for sign."""
FIELDS = frozenset(
    {*("role", "parts", "type", "text", "id", "name", "value", "reasoning", "tool", "call")}
    | {*("tool_call", "tool_result", "result", "media", "other", "user", "assistant", "system")}
)
"""Words that messages hold as JSON, whatever they say."""
SAID = """lowerUTF8(arrayStringConcat(arrayMap(
            part -> concat(JSONExtractString(part, 'text'), ' ', JSONExtractString(part, 'name'),
                ' ', JSONExtractRaw(part, 'value')),
            JSONExtractArrayRaw(body, 'parts')), ' '))"""
"""What a message says, without its JSON: read where its fields would answer."""
SCRIPT = re.compile(r"[^\x00-\x7F]{2,}")


def in_messages(terms: Sequence[Term]) -> Condition:
    """Returns the condition for rows of `messages` that hold all terms."""
    parts, values = [], dict[str, Any]()
    for number, term in enumerate(terms):
        name = f"term_{number}"
        pairs = _pairs(term)
        if pairs:
            parts.append(f"hasAllTokens({MESSAGE_SCRIPT}, {{{name}_pairs:Array(String)}})")
            parts.append(f"positionCaseInsensitiveUTF8(body, {{{name}:String}}) > 0")
            values |= {f"{name}_pairs": pairs, name: json.dumps(term, ensure_ascii=False)[1:-1]}
            continue
        if len(term) == 1 and not term.isascii():
            parts.append(f"positionCaseInsensitiveUTF8(body, {{{name}:String}}) > 0")
            values[name] = term
            continue
        found = words_of(term.lower())
        parts.append(f"hasAllTokens({MESSAGE_WORDS}, {{{name}_words:Array(String)}})")
        values[f"{name}_words"] = found
        if len(found) > 1:
            parts.append(f"hasPhrase({MESSAGE_WORDS}, {{{name}:String}})")
            values[name] = " ".join(found)
        if not FIELDS.isdisjoint(found):
            parts.append(f"hasAllTokens({SAID}, {{{name}_words:Array(String)}})")
    return Condition("\n    AND ".join(parts), values)


def in_bodies(terms: Sequence[Term], indexed: str, columns: Sequence[str]) -> Condition:
    """Returns the condition for rows that hold all terms in columns with JSON or with text.

    `indexed` is of the same columns, as a migration has it.
    """
    parts, values = [], dict[str, Any]()
    for number, term in enumerate(terms):
        name = f"told_{number}"
        if not term.isascii():
            parts.append(standing_in(columns, name))
            values[name] = written_forms(term)
            continue
        found = words_of(term.lower())
        for place, word in enumerate(found):
            parts.append(f"hasToken({indexed}, {{{name}_{place}:String}})")
            values[f"{name}_{place}"] = word
        if len(found) > 1:
            parts.append(f"hasPhrase({indexed}, {{{name}:String}})")
            values[name] = " ".join(found)
    return Condition("\n        AND ".join(parts), values)


def words_of(text: str) -> list[str]:
    """Returns the words of a text, as the indexes split it."""
    told = text.encode(errors="replace")
    return [found[0].decode(errors="replace") for found in WORD.finditer(told)]


def standing_in(columns: Sequence[str], name: str) -> str:
    """Returns the condition that one of the texts bound as `name` stands in one of the columns."""
    found = [f"multiSearchAnyCaseInsensitiveUTF8({column}, {{{name}:Array(String)}})"
             for column in columns]  # fmt: skip
    return f"({' OR '.join(found)})"


def written_forms(text: str) -> list[str]:
    """Returns how a text may stand in a body: as it is, and as JSON that escapes it.

    JSON may escape what is no ASCII: small and capital then.
    """
    written = [json.dumps(text, ensure_ascii=False)[1:-1]]
    written += (json.dumps(one)[1:-1] for one in (text, text.lower(), text.upper()))
    return list(dict.fromkeys((text, *written)))


def _pairs(term: str) -> list[str]:
    runs = SCRIPT.findall(term.lower())
    return [run[at : at + 2] for run in runs for at in range(len(run) - 1)]
