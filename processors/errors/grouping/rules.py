"""Fingerprints that people give: rules of the project and what the sender set. Pure.

A rule counts before the sender's fingerprint, as in Sentry. Both may hold variables:
`{{ default }}` is the group that the event would have without them, others are what the event
says. A variable that is not known stays as it is written.
"""

import re
from collections.abc import Callable, Iterator
from fnmatch import translate
from functools import lru_cache

from processors.errors.grouping.titles import innermost
from schemas.errors.event import ErrorEvent, Frame
from schemas.errors.grouping import (
    MAX_FINGERPRINT_PART_CHARS,
    MAX_FINGERPRINT_PARTS,
    MAX_PATTERN_CHARS,
    TAG_FIELD,
    FingerprintRule,
)

MAX_TEXT_CHARS = 2048
"""Of what a pattern is compared with."""
MAX_FRAMES = 100
"""Of each stack, the newest: how many a rule looks at."""

_VARIABLE = re.compile(r"\{\{\s{0,10}([\w.-]{1,100})\s{0,10}\}\}")
_DEFAULT = re.compile(r"\{\{\s{0,10}default\s{0,10}\}\}")
_TAG_VARIABLES = ("tags.", TAG_FIELD)


def rule_for(event: ErrorEvent, rules: tuple[FingerprintRule, ...]) -> FingerprintRule | None:
    """Returns the first rule that matches."""
    return next((rule for rule in rules if matches(event, rule)), None)


def matches(event: ErrorEvent, rule: FingerprintRule) -> bool:
    """Whether all pairs of a rule match; a rule without pairs matches nothing."""
    return bool(rule.match) and all(_pair_matches(event, *pair) for pair in rule.match)


def is_default(fingerprint: tuple[str, ...]) -> bool:
    """Whether a fingerprint leaves the group to us."""
    return not fingerprint or (
        len(fingerprint) == 1 and bool(_DEFAULT.fullmatch(fingerprint[0].strip()))
    )


def filled(fingerprint: tuple[str, ...], event: ErrorEvent, default: str) -> list[str]:
    """The parts of a fingerprint with their variables filled in."""
    parts = fingerprint[:MAX_FINGERPRINT_PARTS]
    return [fill(part[:MAX_FINGERPRINT_PART_CHARS], event, default) for part in parts]


def fill(text: str, event: ErrorEvent, default: str) -> str:
    """A text with its variables filled in."""
    if "{{" not in text:
        return text
    return _VARIABLE.sub(lambda found: _variable(found, event, default), text)


def _variable(found: re.Match[str], event: ErrorEvent, default: str) -> str:
    name = found[1].removeprefix("error.").removeprefix("stack.")
    if name == "default":
        return default
    for prefix in _TAG_VARIABLES:
        if name.startswith(prefix):
            return event.tags.get(name.removeprefix(prefix), "")[:MAX_TEXT_CHARS]
    read = _VARIABLES.get(name)
    return read(event)[:MAX_TEXT_CHARS] if read else found[0]


def _pair_matches(event: ErrorEvent, field: str, pattern: str) -> bool:
    compiled = _compiled(pattern[:MAX_PATTERN_CHARS])
    return any(compiled.match(text[:MAX_TEXT_CHARS]) for text in _texts(event, field))


@lru_cache(1024)
def _compiled(pattern: str) -> re.Pattern[str]:
    # What `translate` makes takes each `*` once, by atomic groups: no pattern takes exponential
    # time. Square brackets would be sets of characters, which nobody means here.
    return re.compile(translate(pattern.replace("[", "[[]")), re.IGNORECASE)


def _texts(event: ErrorEvent, field: str) -> Iterator[str]:
    """What an event has in a field that rules name."""
    if field.startswith(TAG_FIELD):
        value = event.tags.get(field.removeprefix(TAG_FIELD))
        return iter(() if value is None else (value,))
    if field in ("type", "value"):
        return (getattr(thrown, field) or "" for thrown in event.exceptions)
    if field in ("module", "filename", "function"):
        return (getattr(frame, field) for frame in _frames(event))
    if field == "message":
        return iter((event.message or _value(event),))
    return iter((_VARIABLES[field](event),) if field in _VARIABLES else ())


def _frames(event: ErrorEvent) -> Iterator[Frame]:
    for thrown in event.exceptions:
        yield from thrown.frames[-MAX_FRAMES:]
    for thread in event.threads:
        if thread.crashed or thread.current:
            yield from thread.frames[-MAX_FRAMES:]


def _type(event: ErrorEvent) -> str:
    return event.exceptions[-1].type if event.exceptions else ""


def _value(event: ErrorEvent) -> str:
    return (event.exceptions[-1].value or "") if event.exceptions else ""


def _frame(event: ErrorEvent, field: str) -> str:
    frame = innermost(event)
    return str(getattr(frame, field)) if frame else ""


_VARIABLES: dict[str, Callable[[ErrorEvent], str]] = {
    "type": _type,
    "value": _value,
    "message": lambda event: event.message or _value(event),
    "module": lambda event: _frame(event, "module"),
    "filename": lambda event: _frame(event, "filename"),
    "abs_path": lambda event: _frame(event, "abs_path"),
    "function": lambda event: _frame(event, "function"),
    "package": lambda event: _frame(event, "package"),
    "logger": lambda event: event.logger,
    "level": lambda event: event.level,
    "release": lambda event: event.release,
    "environment": lambda event: event.environment,
    "transaction": lambda event: event.transaction,
}
