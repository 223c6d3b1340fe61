"""Replaces what varies in a text: ids, numbers, times, addresses. Pure, and bounded.

One expression holds all families, the most special first; each is bounded, so that a text takes
time in proportion to its length, of which the first part alone is read. What says *which* error it
is stays: numbers behind `status code`, `errno`, `exit code` and the like.
"""

import re

MAX_CHARS = 1024
"""Of a text; the rest says nothing of the kind of error."""
MAX_LINES = 2
"""Of those that are not empty. Further lines are statements, parameters, stacks."""

_HEX = "[0-9a-fA-F]"
_AFTER = r"(?![^\W_])"
"""Not within a word; an underscore ends a word."""
_MONTH = "(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]{0,6}"
_CLOCK = r"\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d{1,9}+)?)?"
_ZONE = r"(?: ?(?:Z|UTC|GMT|[+-]\d{2}:?\d{2}))?"
_TLD = (
    "com|net|org|io|dev|app|co|cloud|ai|edu|gov|info|local|internal|lan|svc|intra|corp|localdomain"
    "|de|uk|fr|in|us|eu|jp|cn|br|nl|au|ca|ch|se|es|it|ru|pl"
)

_BEFORE_CODE = r"[\]'\")]{0,2}[ :=]{1,3}[(\[]?-?"

FAMILIES = {
    "kept": (
        rf"(?i:(?:status(?:[ _-]?code)?|http(?:/\d(?:\.\d)?)?|signal){_BEFORE_CODE}\d{{1,3}}+"
        r"|(?:(?:error|exit|return|response)[ _-]?(?:code|status)|exit|errno|sqlstate|winerror)"
        rf"{_BEFORE_CODE}\d{{1,5}}+|code[=:] ?-?\d{{1,5}}+){_AFTER}"
        rf"|(?<=ORA-)\d{{5}}{_AFTER}|(?<=\()\d{{4,5}}+(?=, [\"'])"
    ),
    "url": r"[a-zA-Z][a-zA-Z0-9+.-]{1,20}://[^\s'\"<>`|)\]}]{1,800}+",
    "email": r"[\w.+%-]{1,64}+@[\w-]{1,63}+(?:\.[\w-]{1,63}+){1,5}",
    "traceparent": rf"00-{_HEX}{{32}}-{_HEX}{{16}}-0[01]{_AFTER}",
    "uuid": rf"(?:urn:uuid:)?{_HEX}{{8}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{12}}{_AFTER}",
    "ip": (
        rf"(?:\d{{1,3}}\.){{3}}\d{{1,3}}(?:/\d{{1,2}})?(?::\d{{1,5}})?{_AFTER}(?!\.\d)"
        rf"|(?<!:)(?:{_HEX}{{1,4}}:){{3,7}}:?(?:{_HEX}{{1,4}}(?::{_HEX}{{1,4}}){{0,5}})?(?![\w:])"
        rf"|(?<![\w:])(?:{_HEX}{{1,4}}(?::{_HEX}{{1,4}}){{0,3}})?::"
        rf"(?:{_HEX}{{1,4}}(?::{_HEX}{{1,4}}){{0,5}})(?![\w:])"
    ),
    "date": (
        rf"(?:\d{{4}}[-/.]\d{{1,2}}[-/.]\d{{1,2}}(?:(?:T|, ?| )(?:at )?{_CLOCK}{_ZONE})?"
        rf"|\d{{1,2}}[/.]\d{{1,2}}[/.]\d{{2,4}}(?:,? {_CLOCK}(?: ?[AP]M)?)?"
        rf"|(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]{{0,6}},? )?(?:\d{{1,2}}[ -]{_MONTH}[ -]\d{{4}}"
        rf"|{_MONTH} {{1,2}}\d{{1,2}}(?:, ?\d{{4}}| \d{{4}})?)(?:,? {_CLOCK}{_ZONE}(?: \d{{4}})?)?"
        rf"|\d{{1,2}}:\d{{2}}(?::\d{{2}}(?:[.,]\d{{1,9}}+)?{_ZONE}| ?[APap][Mm])){_AFTER}"
    ),
    "version": rf"v?\d{{1,6}}+(?:\.\d{{1,9}}+){{2,5}}+(?:[-+][\w.]{{1,40}}+)?{_AFTER}",
    "host": (
        rf"(?<![\w.-])(?:[a-zA-Z0-9-]{{1,63}}+\.){{1,8}}(?:{_TLD})(?::\d{{1,5}})?"
        r"(?![\w.(-]{0,80}[\w(])|localhost(?::\d{1,5})?\b"
    ),
    "tmp": (
        r"(?:/private)?/(?:var/)?(?:tmp|folders)/[^\s'\",:;)]{1,300}+"
        r"|[A-Za-z]:\\Users\\[^\\\s]{1,64}\\AppData\\Local\\Temp\\[^\s'\",;)]{1,300}+"
    ),
    "user": r"(?:(?<=/home/)|(?<=/Users/)|(?<=\\Users\\))[^/\\\s'\"]{1,64}+",
    "duration": (
        r"[-+]?(?:\d{1,12}+(?:\.\d{1,9}+)?(?:ns|us|µs|μs|ms|s|m|h|d|sec|secs|min|mins|hrs)){1,4}"
        f"{_AFTER}"
    ),
    "size": rf"\d{{1,15}}+(?:\.\d{{1,6}}+)? ?(?:[kKMGTP]i?B|bytes|[kKMGT]){_AFTER}",
    "number": (
        rf"(?:0[xX]{_HEX}{{1,64}}+|(?=[a-fA-F]{{0,63}}\d){_HEX}{{7,128}}+){_AFTER}"
        rf"|[-+]?\d{{1,30}}+(?:\.\d{{1,30}}+(?:[eE][-+]?\d{{1,4}}+)?|[eE][-+]?\d{{1,4}}+)"
        rf"%?{_AFTER}(?!\.\d)"
        rf"|(?:(?<![\w)\]])[-+])?(?:\d{{1,3}}(?:[,_]\d{{3}}){{1,8}}+|\d++)"
        rf"(?:st|nd|rd|th)?%?{_AFTER}"
    ),
    "id": (
        r"eyJ[\w-]{10,400}+(?:\.[\w-]{1,800}+){0,2}"
        rf"|(?=[a-zA-Z]{{0,40}}\d)(?=\d{{0,40}}[a-zA-Z])(?:[A-Za-z]{{0,24}}+\d){{2,60}}+"
        rf"[A-Za-z]{{0,24}}+(?<=[A-Za-z0-9]{{12}}){_AFTER}"
        rf"|(?<=[a-z]_)(?=[A-Za-z]{{0,40}}\d)[A-Za-z0-9]{{14,64}}+{_AFTER}"
        r"|(?<=-)(?=[b-df-hj-np-tv-xz]{0,9}[2456789])[b-df-hj-np-tv-xz2456789]{5,10}+(?!\w)"
    ),
    "text": r"""(?<==)(?:'[^'\n]{0,400}+'|"[^"\n]{0,400}+")""",
    "bool": r"(?<==)(?:[tT]rue|[fF]alse|None|null|nil|undefined)\b",
}
"""What each family looks like, in the order in which they are tried.

Whole, broken and hexadecimal numbers are one family: a duration may be whole, a hash may have no
digit beyond nine.
"""

_FAMILY = "|".join(f"(?P<{name}>{pattern})" for name, pattern in FAMILIES.items())
# One look at the character before saves most places their turn through all families.
_ANY = re.compile(rf"(?<![^\W_])(?:{_FAMILY})")
_LIST = re.compile(r"(<[a-z]+>)(?:(?:, ?|; ?| ?\| ?| )\1)+")
_MAY_VARY = re.compile(r"[\d@=/:.-]").search


def parametrise(text: str) -> str:
    """Returns the first lines of a text with what varies in them named by its family.

    `user 42 not found` and `user 7 not found` both become `user <number> not found`.
    """
    text = first_lines(text)
    if _MAY_VARY(text) is None:
        return text
    text = _ANY.sub(_name_of, text)
    return _LIST.sub(r"\1", text) if ">" in text else text


def first_lines(text: str) -> str:
    """The first two lines that are not empty, as one, with single blanks."""
    if len(text) > MAX_CHARS:
        text = text[:MAX_CHARS]
        # A token that was cut in two is no token of its family.
        text = text.rpartition(" ")[0] or text
    lines = [words for line in text.splitlines() if (words := " ".join(line.split()))]
    return " ".join(lines[:MAX_LINES])


def _name_of(found: re.Match[str]) -> str:
    family = found.lastgroup
    return found[0] if family == "kept" else f"<{family}>"
