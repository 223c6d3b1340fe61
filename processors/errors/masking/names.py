"""Which names of fields are sensitive, by the words that they are made of."""

import re
from collections.abc import Iterable
from enum import Enum, auto

from processors.errors.masking.words import (
    COUNTING,
    EMAIL_NAMES,
    IP_NAMES,
    LAST,
    NEVER,
    STRONG,
    TOKENS,
    WORDS,
)
from schemas.errors.masking import MaskRules

MAX_NAME_CHARS = 256
MAX_REMEMBERED = 4096
SEPARATOR = "[ _.:/-]?"
"""What may stand between two words of a name; nothing, as in `apiKey`."""
OWN_SEPARATOR = '[^0-9A-Za-z"\\\\]{0,3}'
WORD = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+[0-9]?(?![0-9])|[A-Z]+|[a-z]+|[0-9]+")


class Verdict(Enum):
    """What a name says of its value."""

    PLAIN = auto()
    SENSITIVE = auto()
    LIKELY = auto()
    """Sensitive as a field; in prose the word alone says little (`Unexpected token: punc`)."""
    UNLESS_NUMBER = auto()
    """Sensitive, but a number is a count: `tokens`."""
    EMAIL = auto()
    IP = auto()


class Names:
    """The names that are sensitive in one project. What is asked again is remembered."""

    def __init__(self, rules: MaskRules) -> None:
        self._kept = {"".join(words_of(name)) for name in rules.kept_fields} - {""}
        self._strong = re.compile(any_of(STRONG), re.IGNORECASE) if rules.names else None
        self._own = own_phrases(rules)
        self._words = frozenset(WORDS) if rules.names else frozenset()
        self._last = frozenset(LAST) if rules.names else frozenset()
        self._tokens = frozenset(TOKENS) if rules.names else frozenset()
        self._whole = {"".join(n.split()): Verdict.EMAIL for n in EMAIL_NAMES if rules.emails}
        self._whole |= {"".join(n.split()): Verdict.IP for n in IP_NAMES if rules.ips}
        self._known: dict[str, Verdict] = {}

    def verdict(self, name: str) -> Verdict:
        """Returns what a name says of its value; of a very long one its end counts."""
        found = self._known.get(name)
        if found is None:
            if len(self._known) >= MAX_REMEMBERED:
                self._known.clear()
            found = self._judge(name[-MAX_NAME_CHARS:])
            self._known[name[-MAX_NAME_CHARS:]] = found
        return found

    def _judge(self, name: str) -> Verdict:
        words = words_of(name)
        if not words or name in NEVER or "".join(words) in self._kept:
            return Verdict.PLAIN
        spaced = f" {' '.join(words)} "
        if any(f" {own} " in spaced for own in self._own):
            return Verdict.SENSITIVE
        if self._strong is not None and self._strong.search(name):
            return Verdict.SENSITIVE
        if words[-1] in self._last or not self._words.isdisjoint(words):
            return Verdict.LIKELY
        if not self._tokens.isdisjoint(words) and COUNTING.isdisjoint(words):
            return Verdict.LIKELY if "token" in words else Verdict.UNLESS_NUMBER
        return self._whole.get("".join(words), Verdict.PLAIN)


def words_of(name: str) -> list[str]:
    """Splits a name at separators and where its case changes: `x-apiKey` is `x`, `api`, `key`."""
    return [word.lower() for word in WORD.findall(name)]


def own_phrases(rules: MaskRules) -> tuple[str, ...]:
    """Returns the words of each field that a project calls sensitive."""
    return tuple(filter(None, (" ".join(words_of(name)) for name in rules.own_fields)))


def any_of(phrases: Iterable[str], separator: str = SEPARATOR) -> str:
    """Returns a pattern of any of some phrases, with or without a separator at each blank."""
    return "|".join(
        separator.join(re.escape(word) for word in phrase.split()) for phrase in phrases
    )


def names_in_text(rules: MaskRules) -> bytes:
    """Returns a pattern of what sensitive names within a text are made of; empty for none."""
    phrases = (*STRONG, *WORDS, *LAST, *TOKENS) if rules.names else ()
    return _joined(any_of(phrases), any_of(own_phrases(rules), OWN_SEPARATOR))


def names_in_json(rules: MaskRules) -> bytes:
    """As `names_in_text`, with what counts as the name of a field alone."""
    whole = (*(EMAIL_NAMES if rules.emails else ()), *(IP_NAMES if rules.ips else ()))
    return _joined(names_in_text(rules).decode(), any_of(whole))


def _joined(*patterns: str) -> bytes:
    return "|".join(filter(None, patterns)).encode()
