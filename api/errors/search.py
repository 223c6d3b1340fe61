"""The words that issues are searched with: `is:unresolved level:error tenant:acme "no such key"`.

Rules:
    1. words are separated by blanks; quotes hold blanks together, `\\"` is a quote within them
    2. `key:value` narrows by a field of issues or events; a key that is none is a tag of events
    3. `!` or `-` before a key narrows to those that are not so, where that has a meaning
    4. any other word stands in the title, the type or the culprit, in capitals or not; `!` before
       it: it does not
    5. all words must be true; several levels, platforms, types, or values of one tag are
       alternatives
    6. `firstSeen:` and `lastSeen:` take `-24h` for within the last 24 hours, `+7d` for longer ago
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from msgspec.structs import replace

from api.parameters import InvalidParameters, invalid
from schemas.errors.event import LEVELS
from schemas.errors.issues import ErrorFilter, IssueFilter, Status
from schemas.issues import one_of

PARAMETER = "query"
MOST_WORDS = 30
MOST_TAGS = 10
WORD = re.compile(
    r"""([!-]?)(?:([\w.$/-]{1,200}):)?("(?:[^"\\]|\\.){0,500}"|[^\s"]\S{0,500})""", re.DOTALL
)
AGO = re.compile(r"([+-])(\d{1,6})([mhdw])", re.ASCII)
UNITS_US = {"m": 60_000_000, "h": 3_600_000_000, "d": 86_400_000_000, "w": 604_800_000_000}
STATUSES: Mapping[str, tuple[Status, ...]] = {
    "unresolved": ("open",),
    "open": ("open",),
    "resolved": ("resolved",),
    "ignored": ("ignored",),
    "archived": ("ignored",),
    "all": ("open", "resolved", "ignored"),
}
OTHER_STATES = ("regressed", "assigned", "unassigned", "handled", "unhandled")
SYNONYMS: Mapping[str, str] = {
    "env": "environment",
    "user.id": "user",
    "user.email": "user",
    "user.username": "user",
    "server": "server_name",
    "error.type": "type",
    "error.handled": "handled",
    "assigned": "assignee",
    "firstRelease": "first_release",
    "first-release": "first_release",
    "firstSeen": "first_seen",
    "first-seen": "first_seen",
    "age": "first_seen",
    "lastSeen": "last_seen",
    "last-seen": "last_seen",
}
OF_EVENTS = ("environment", "release", "user", "transaction", "server_name")
LISTS: Mapping[str, str] = {"level": "levels", "platform": "platforms", "type": "types"}
YES = {"yes": True, "true": True, "no": False, "false": False}


class IssueSearch(NamedTuple):
    """Which issues: by what is known of them, and by what events of theirs have."""

    issues: IssueFilter
    events: ErrorFilter


def read_search(text: str, *, me: str | None, now_us: int) -> IssueSearch:
    """Reads a search. `me` is who asks: what `assignee:me` means.

    An assignee may be an email or an id: see `assignee_of`. Raises `InvalidParameters`.
    """
    found = _Found(me, now_us)
    for number, (sign, key, value) in enumerate(_words(text)):
        if number >= MOST_WORDS:
            raise invalid(PARAMETER, f"Expected at most {MOST_WORDS} words")
        found.add(bool(sign), SYNONYMS.get(key, key), value)
    return IssueSearch(found.issues, found.events)


class _Found:
    """What a search comes to, word by word."""

    def __init__(self, me: str | None, now_us: int) -> None:
        self.issues, self.events = IssueFilter(), ErrorFilter()
        self._me = me
        self._now_us = now_us
        self._readers: Mapping[str, Callable[[bool, str, str], None]] = {
            "": self._text,
            "is": self._state,
            "handled": self._handled,
            "assignee": self._assignee,
            "first_release": self._first_release,
            **dict.fromkeys(LISTS, self._list),
            **dict.fromkeys(("first_seen", "last_seen"), self._moment),
            **dict.fromkeys(OF_EVENTS, self._field),
        }

    def add(self, negated: bool, key: str, value: str) -> None:
        self._readers.get(key, self._tag)(negated, key, value)

    def _text(self, negated: bool, _: str, value: str) -> None:
        name = "without_texts" if negated else "texts"
        self._append(name, value)

    def _state(self, negated: bool, key: str, value: str) -> None:
        if value in STATUSES:
            chosen = set(STATUSES[value])
            kept = (one for one in self.issues.statuses if (one in chosen) != negated)
            self._narrow(statuses=tuple(kept))
        elif value in ("assigned", "unassigned"):
            is_assigned = (value == "assigned") != negated
            self._narrow(assignee="any" if is_assigned else "none")
        elif value in ("handled", "unhandled"):
            self._ask(handled=(value == "handled") != negated)
        elif value == "regressed" and not negated:
            self._narrow(regressed=True)
        else:
            raise _rejected(key, f"expected {one_of((*STATUSES, *OTHER_STATES))}")

    def _list(self, negated: bool, key: str, value: str) -> None:
        if key == "level" and value not in LEVELS:
            raise _rejected(key, f"expected {one_of(LEVELS)}")
        if negated and key != "level":
            raise _not_negated(key)
        self._append("without_levels" if negated else LISTS[key], value)

    def _handled(self, negated: bool, key: str, value: str) -> None:
        if value not in YES:
            raise _rejected(key, "expected yes or no")
        self._ask(handled=YES[value] != negated)

    def _assignee(self, negated: bool, key: str, value: str) -> None:
        if negated:
            raise _not_negated(key)
        if value == "me":
            if self._me is None:
                raise _rejected(key, "nobody is signed in who could be 'me'")
            value = self._me
        self._narrow(assignee=value)

    def _first_release(self, negated: bool, key: str, value: str) -> None:
        if negated:
            raise _not_negated(key)
        self._narrow(first_release=value)

    def _moment(self, negated: bool, key: str, value: str) -> None:
        match = AGO.fullmatch(value)
        if match is None:
            raise _rejected(key, "expected such as -24h (within) or +7d (longer ago)")
        moment = self._now_us - int(match[2]) * UNITS_US[match[3]]
        is_within = (match[1] == "-") != negated
        self._narrow(**{f"{key}_{'from' if is_within else 'to'}_us": moment})

    def _field(self, negated: bool, key: str, value: str) -> None:
        if negated:
            self._ask(without=(*self.events.without, (key, value)))
        elif getattr(self.events, key) not in (None, value):
            raise _rejected(key, "comes twice with different values")
        else:
            self._ask(**{key: value})

    def _tag(self, negated: bool, key: str, value: str) -> None:
        if len(self.events.tags) + len(self.events.without) >= MOST_TAGS:
            raise invalid(PARAMETER, f"Expected at most {MOST_TAGS} tags")
        if negated:
            self._ask(without=(*self.events.without, (key, value)))
        else:
            self._ask(tags=(*self.events.tags, (key, value)))

    def _append(self, name: str, value: str) -> None:
        self._narrow(**{name: (*getattr(self.issues, name), value)})

    def _narrow(self, **changes: Any) -> None:
        self.issues = replace(self.issues, **changes)

    def _ask(self, **changes: Any) -> None:
        self.events = replace(self.events, **changes)


def _words(text: str) -> list[tuple[str, str, str]]:
    """Returns sign, key and value of each word. Raises `InvalidParameters`."""
    found, at = [], 0
    for match in WORD.finditer(text):
        if text[at : match.start()].strip():
            break
        sign, key, value = match.groups(default="")
        if value.startswith('"'):
            value = re.sub(r"\\(.)", r"\1", value[1:-1], flags=re.DOTALL)
        elif sign and not key and sign == "-":
            sign, value = "", f"-{value}"  # a word such as -1 is a text
        found.append((sign, key, value))
        at = match.end()
    if text[at:].strip():
        raise invalid(PARAMETER, f"Cannot be read from {text[at:].strip()[:20]!r} on")
    return [word for word in found if word[2].strip()]


def _rejected(key: str, rule: str) -> InvalidParameters:
    return invalid(PARAMETER, f"{key}: {rule}")


def _not_negated(key: str) -> InvalidParameters:
    return _rejected(key, "cannot be negated")
