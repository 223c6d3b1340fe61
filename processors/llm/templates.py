"""What a system message says without the values of one call: its template. Pure, and of no memory.

The same text has the same template in every process, and after each restart: values are known by
how they look, not by what was seen before. Rules:
    1. Only the first `MOST_CHARS` characters are read
    2. A word with a digit or an `@` is a value: numbers, dates, UUIDs, e-mail addresses
    3. So is a URL, what stands in double quotes, and the name of a month or of a day of the week
    4. So is what stands in a tag that holds data (`TAGS`), and behind the colon of a line whose key
       says so (`KEYS`), as `Customer: ...`
    5. Values beside each other are one
    6. How much blank space stands between words makes no difference
"""

import re
from functools import lru_cache
from hashlib import blake2b
from typing import NamedTuple

from schemas.llm.prompts import FOUND

MOST_CHARS = 16_384
VALUE = "<*>"
VERSION_BYTES, PROMPT_BYTES = 8, 6
MOST_KEPT = 256
"""Messages whose templates are kept in memory: of up to `MOST_CHARS` characters each."""
OPENING_WORDS = 12
GENERAL = frozenset(
    f"you are {one} assistant."
    for one in ("a", "an", "a helpful", "an ai", "a helpful ai", "an expert", "an intelligent")
)
"""Openings of prompts that have nothing else in common: their second sentence counts too."""
TAGS = (
    *("context", "document", "documents", "user", "user_info", "customer", "data", "input", "env"),
    *("environment", "memory", "memories", "history", "search_results", "file", "files", "profile"),
)
KEYS = frozenset(
    (
        *("name", "user", "username", "customer", "client", "email", "phone", "date", "time"),
        *("today", "now", "timestamp", "id", "location", "city", "country", "region", "address"),
        *("company", "organization", "organisation", "account", "order", "ticket", "session"),
        *("locale", "timezone", "zone", "currency", "plan", "url", "cwd", "directory", "page"),
    )
)
_OPENS = re.compile(f"<({'|'.join(TAGS)})>")
_LINE = re.compile(r"([ \t>*-]{0,8})([A-Za-z][A-Za-z _]{0,40}):[ \t]+\S")
_DATES = (
    *("January", "February", "March", "April", "June", "July", "August", "September"),
    *("October", "November", "December"),
    *("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
)
_DATE = re.compile(rf"\b(?:{'|'.join(_DATES)})\b|\bMay(?= [0-9])")
# Each begins with a character, or one of some: so `re` finds where to look five times as fast, and
# a message cannot make it take long. A quotation begins at no word's end: that of 5" is an inch.
_QUOTED = re.compile(r'"(?<!\w")[^"\n]{1,400}"|“[^“”\n]{1,400}”')
_REST_OF_WORD = re.compile(r"[0-9@:](?:(?<!:)|//)\S*")
_SEVERAL = re.compile(rf"{re.escape(VALUE)}(?:[\s,;]*{re.escape(VALUE)})+")


class Template(NamedTuple):
    """A system message without its values."""

    prompt: str
    """Which prompt it is a version of: those that begin alike have one name."""
    version: str
    text: str


@lru_cache(MOST_KEPT)
def template_of(message: str) -> Template | None:
    """Returns the template of a system message; `None` where it says nothing."""
    text = _without_values(message[:MOST_CHARS].replace("\x00", ""))
    words = text.split()
    if not words:
        return None
    version = _named(" ".join(words), VERSION_BYTES)
    return Template(FOUND + _named(_opening(words), PROMPT_BYTES), version, text)


def _named(text: str, size: int) -> str:
    return blake2b(text.encode(errors="replace"), digest_size=size).hexdigest()


def _opening(words: list[str]) -> str:
    """Returns the first sentence, or as much of it as counts."""
    end = _sentence_end(words, 0)
    if " ".join(words[:end]).lower() in GENERAL:
        end = _sentence_end(words, end)
    return " ".join(words[:end]).lower()


def _sentence_end(words: list[str], first: int) -> int:
    last = min(len(words), first + OPENING_WORDS)
    return next((n + 1 for n in range(first, last) if words[n][-1] in ".!?:"), last)


def _without_values(text: str) -> str:
    if "<" in text:
        text = _without_tagged(text)
    if ":" in text:
        text = "\n".join([_without_told(line) for line in text.split("\n")])
    if '"' in text or "“" in text:
        text = _QUOTED.sub(VALUE, text)
    if "May " in text or any(name in text for name in _DATES):
        text = _DATE.sub(VALUE, text)
    return _SEVERAL.sub(VALUE, _without_numbers(text)).strip()


def _without_told(line: str) -> str:
    """Empties a line whose key says that a value follows."""
    found = _LINE.match(line) if ":" in line else None
    if found is None or KEYS.isdisjoint(found[2].lower().replace("_", " ").split()):
        return line
    return f"{found[1]}{found[2]}: {VALUE}"


def _without_numbers(text: str) -> str:
    """Takes out words that hold a digit, an `@` or `://`."""
    *before, last = _REST_OF_WORD.split(text)
    kept = []
    for piece in before:
        begun = piece.rsplit(None, 1)[-1] if piece[-1:].strip() else ""
        kept.append(piece[: len(piece) - len(begun)])
    return VALUE.join((*kept, last))


def _without_tagged(text: str) -> str:
    """Empties tags that hold data. A tag that is never closed is looked for once."""
    pieces, at, unclosed = [], 0, set[str]()
    while (opened := _OPENS.search(text, at)) is not None:
        name = opened[1]
        end = -1 if name in unclosed else text.find(f"</{name}>", opened.end())
        pieces.append(text[at : opened.end()])
        at = opened.end()
        if end < 0:
            unclosed.add(name)
        else:
            pieces.append(VALUE)
            at = end
    return "".join((*pieces, text[at:]))
