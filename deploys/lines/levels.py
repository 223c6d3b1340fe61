"""How bad a line is, by what it says of itself. Pure.

1. A line of JSON whose field `level`, `severity`, `levelname` or `lvl` is a known word, or a number
   as pino and bunyan write it.
2. `level=WORD` anywhere, as logfmt has it.
3. A known word at the beginning, behind times, numbers and names in brackets: in capitals, or with
   a colon or a bracket behind it. So `ERROR in app`, `[warn] old`, `error: no file` and `npm ERR!`
   say it, and `Error handling was added` does not.
4. The name of an exception with a colon behind it, or `Traceback (most recent call last)`: error.
5. All else is info, on stderr too: many programs print all that they do there.
"""

import re
from collections.abc import Mapping, Sequence

import msgspec
from msgspec import Struct

from schemas.deploys.lines import Level

WORDS: Mapping[str, Level] = {
    **dict.fromkeys(("trace", "debug", "verbose", "dbg"), "debug"),
    **dict.fromkeys(("info", "information", "notice", "log"), "info"),
    **dict.fromkeys(("success", "ok"), "success"),
    **dict.fromkeys(("warn", "warning", "wrn"), "warn"),
    **dict.fromkeys(
        (*("err", "error", "fatal", "critical", "crit", "alert", "emerg"), "emergency", "panic"),
        "error",
    ),
}
LOOKED_AT = 200
"""Characters at the beginning."""
MOST_WORDS = 6
WORD = re.compile(r"[\[(<|*>-]*(?P<word>[A-Za-z]{2,11})(?P<mark>[\]:)>!|]|$)?")
PASSED = re.compile(r"\S*\d\S*|[\[(]\S*[\])]:?|[-|*:>]+|npm")
"""What may stand before the word: times, numbers, names in brackets."""
LOGFMT = re.compile(r"(?:^|\s)(?:level|severity|lvl)=\"?(?P<word>[A-Za-z]{2,11})\b")
RAISED = re.compile(r"(?:[\w$]+\.)*[A-Z]\w*(?:Error|Exception)(?::|$)|Traceback \(most recent")


class _Levelled(Struct):
    level: str | int | None = None
    severity: str | int | None = None
    levelname: str | None = None
    lvl: str | int | None = None


_decode = msgspec.json.Decoder(_Levelled).decode


def level_of(text: str) -> Level:
    """Returns the level of a line."""
    if text.startswith("{") and (level := _of_json(text)):
        return level
    begun = text[:LOOKED_AT]
    if "=" in begun and (found := LOGFMT.search(begun)) and (level := _of_word(found["word"])):
        return level
    if level := _of_words(begun.split()[:MOST_WORDS]):
        return level
    return "error" if RAISED.match(begun.lstrip()) else "info"


def _of_words(words: Sequence[str]) -> Level | None:
    before = ""
    for number, text in enumerate(words):
        found = WORD.match(text)
        level = _of_word(found["word"]) if found else None
        if found and level and (found["word"].isupper() or found["mark"] or before == "npm"):
            whole = found.end() == len(text) or found["mark"]
            return level if whole else None
        is_name = number == 0 and words[1:2] == ["-"]
        if not is_name and not PASSED.fullmatch(text):
            return None
        before = text
    return None


def _of_word(word: str) -> Level | None:
    return WORDS.get(word.lower())


def _of_json(text: str) -> Level | None:
    try:
        told = _decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError):
        return None
    for value in (told.level, told.severity, told.levelname, told.lvl):
        level = _of_number(value) if isinstance(value, int) else _of_word(value or "")
        if level:
            return level
    return None


def _of_number(number: int) -> Level | None:
    """Reads 10, 20 … 60: trace, debug, info, warn, error, fatal."""
    if not 10 <= number <= 60:
        return None
    if number >= 50:
        return "error"
    return "warn" if number >= 40 else "info" if number >= 30 else "debug"
