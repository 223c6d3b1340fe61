"""The filter bar: `where=model:gpt-4o -status:error user:"Ann B"`, read and written.

Rules:
    1. terms stand between blanks; a value with blanks stands in quotes, in which \\ keeps a quote
    2. `key:value` narrows; `-key:value` leaves out, for keys that may be negated
    3. `latency:>500` and `cost:<0.5` compare, in milliseconds and in dollars
    4. a key comes once, unless it leaves out, or means something where it comes again
    5. where `text` is a key, a word or a "quoted phrase" without a key is a text to find; with a
       minus it is one to leave out; several may come
"""

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import NamedTuple

from api.parameters import invalid

TERM = re.compile(
    r'\s*(?P<minus>-?)(?P<key>[^\s:"]{1,210}):(?P<value>"(?:[^"\\]|\\.)*"|[^\s"]\S*|)'
)
BARE = re.compile(r'\s*(?P<minus>-?)(?P<value>"(?:[^"\\]|\\.)*"|[^\s":]+)(?=\s|$)')
AMOUNT = re.compile(r"(?P<sign>[<>])=?(?P<number>\d{1,15}(?:\.\d{1,12})?)", re.ASCII)
MOST_TERMS = 20
TEXT = "text"
"""The key of what has none."""
WHERE = "where"
ADDED = "add"
"""What the form of the bar adds to it."""


class Key(NamedTuple):
    """What can be filtered by."""

    name: str
    meaning: str
    compares: bool = False
    negates: bool = False
    repeats: bool = False
    """Whether several conditions of it mean something together."""
    states: tuple[str, ...] = ()
    """Of a key that repeats: values of which there is one at a time."""


class Term(NamedTuple):
    """One condition; `sign` is `<` or `>` where it compares."""

    key: str
    value: str
    is_negated: bool = False
    sign: str = ""

    @property
    def amount(self) -> Decimal:
        """The number that it compares with."""
        return Decimal(self.value)

    def __str__(self) -> str:
        value = self.value if self.sign else quoted(self.value)
        return f"{'-' if self.is_negated else ''}{self.key}:{self.sign}{value}"


NO_KEYS: Mapping[str, Key] = {}


class Chip(NamedTuple):
    """A condition of the filter bar, and what the filter is without it and turned round."""

    text: str
    is_negated: bool
    without: str | None
    turned: str | None


def quoted(value: str) -> str:
    """Returns a value as it stands in a condition."""
    if value and not re.search(r'[\s"\\]', value):
        return value
    return always_quoted(value)


def always_quoted(value: str) -> str:
    """Returns a value in quotes, whatever is in it."""
    return '"' + re.sub(r'(["\\])', r"\\\1", value) + '"'


def as_begun(value: str) -> str:
    """Returns what a value says that is being written: its closing quote may be yet to come."""
    if not value.startswith('"'):
        return value
    closed = re.fullmatch(r'"(?:[^"\\]|\\.)*"', value)
    return _plain(value if closed else value.removesuffix("\\") + '"')


def read_terms(text: str, keys: Mapping[str, Key], *, prefixes: tuple[str, ...] = ()) -> list[Term]:
    """Reads a filter; names that begin with a prefix are keys too. Raises `InvalidParameters`."""
    terms: list[Term] = []
    place = 0
    text = text.strip()
    while place < len(text):
        match = (BARE.match(text, place) if TEXT in keys else None) or TERM.match(text, place)
        if match is None:
            rest = text[place:].split()[0][:64]
            raise invalid(WHERE, f"Expected key:value, as model:gpt-4o, and found {rest!r}")
        if match.re is BARE:
            term = Term(TEXT, _plain(match["value"]), bool(match["minus"]))
        else:
            term = _term(match, keys, prefixes)
        if any(one.key == term.key and _clashes(one, term, keys) for one in terms):
            raise invalid(WHERE, f"Expected {term.key} once, and found {str(term)[:64]} too")
        terms.append(term)
        place = match.end()
    if len(terms) > MOST_TERMS:
        raise invalid(WHERE, f"Expected at most {MOST_TERMS} conditions")
    return terms


def written(terms: Iterable[Term]) -> str | None:
    """Returns the text that reads as these terms, `None` where there are none."""
    return " ".join(map(str, terms)) or None


def with_term(terms: Iterable[Term], added: Term, keys: Mapping[str, Key] = NO_KEYS) -> str | None:
    """Returns the filter with one more condition, in place of one that it clashes with.

    Keys may come again that `keys` says so of.
    """
    kept = [one for one in terms if one.key != added.key or not _clashes(one, added, keys)]
    return written([*kept, added])


def without_term(terms: Iterable[Term], removed: Term) -> str | None:
    """Returns the filter without a condition."""
    return written(one for one in terms if one != removed)


def chips_of(terms: list[Term], keys: Mapping[str, Key]) -> list[Chip]:
    """Returns the chips of a filter."""
    return [
        Chip(
            str(term).removeprefix("-"),
            term.is_negated,
            without_term(terms, term),
            _turned(terms, term, keys),
        )
        for term in terms
    ]


def _turned(terms: list[Term], term: Term, keys: Mapping[str, Key]) -> str | None:
    if term.key not in keys or not keys[term.key].negates:
        return None
    others = [one for one in terms if one != term]
    return with_term(others, term._replace(is_negated=not term.is_negated), keys)


def _plain(value: str) -> str:
    return re.sub(r"\\(.)", r"\1", value[1:-1]) if value.startswith('"') else value


def _clashes(one: Term, other: Term, keys: Mapping[str, Key]) -> bool:
    if one.key == TEXT:
        return one == other
    if one.key in keys and keys[one.key].repeats:
        states = keys[one.key].states
        return one == other or (one.value in states and other.value in states)
    if one.is_negated and other.is_negated:
        return one.value == other.value
    return one.is_negated == other.is_negated and one.sign == other.sign


def _term(match: re.Match[str], keys: Mapping[str, Key], prefixes: tuple[str, ...]) -> Term:
    name, value, minus = match["key"], match["value"], bool(match["minus"])
    key = keys.get(name)
    if key is None and (name in prefixes or not name.startswith(prefixes)):
        options = [*keys, *(prefix + "<key>" for prefix in prefixes)]
        hint = "; in quotes it is a text to find" if TEXT in keys else ""
        known = ", ".join(options)
        raise invalid(WHERE, f"Unknown key {name[:64]!r}: expected one of {known}{hint}")
    if minus and not (key and key.negates):
        raise invalid(WHERE, f"{name[:64]} cannot be left out, only asked for")
    if value.startswith('"'):
        return Term(name, _plain(value), minus)
    if key is None or not key.compares:
        return Term(name, value, minus)
    compared = AMOUNT.fullmatch(value)
    if compared is None:
        raise invalid(WHERE, f"{name}: expected > or < and a number, as {name}:>500")
    return Term(name, compared["number"], minus, compared["sign"])
