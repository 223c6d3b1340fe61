"""The group of an event by the version that its project has, by the others, and why. Pure.

A version says what an event's default group is. A rule of the project or a fingerprint of the
sender stands above all versions, and may build on the default.
"""

from collections.abc import Callable
from hashlib import sha256
from typing import NamedTuple

import msgspec

from processors.errors.grouping import v1, v2
from processors.errors.grouping.found import Found
from processors.errors.grouping.rules import fill, filled, is_default, rule_for
from processors.errors.grouping.titles import culprit_of, cut, title_of, type_of
from schemas.errors.event import ErrorEvent
from schemas.errors.grouping import (
    VERSIONS,
    Basis,
    Component,
    Explanation,
    FingerprintRule,
    Group,
    GroupingConfig,
    Version,
)

OVERRIDDEN = "a fingerprint stands above it"
_FINDERS: dict[Version, Callable[[ErrorEvent, bool], Found]] = {
    "v2": v2.find,
    "open-sentry/v1": v1.find,
}


class _Decided(NamedTuple):
    """What an event is grouped by, by one version."""

    basis: Basis
    hash_input: str
    given: tuple[str, ...]
    """The parts of a fingerprint that stands above the version's own; empty where none does."""
    found: Found

    @property
    def fingerprint(self) -> str:
        return _hash(self.hash_input)


def group_of(event: ErrorEvent, config: GroupingConfig) -> Group:
    """Returns where an event belongs. The same event and config always give the same."""
    rule = rule_for(event, config.rules) if config.rules else None
    hashes = {
        version: _decide(event, rule, version, explained=False).fingerprint for version in VERSIONS
    }
    fingerprint = hashes.pop(config.version)
    return Group(
        version=config.version,
        fingerprint=fingerprint,
        others=tuple(other for other in hashes.values() if other != fingerprint),
        type=type_of(event, config.version),
        title=_title(event, rule, config.version, fingerprint),
        culprit=culprit_of(event),
    )


def explain(event: ErrorEvent, config: GroupingConfig) -> Explanation:
    """Returns why an event has its group, part by part, by the project's version and the others."""
    rule = rule_for(event, config.rules) if config.rules else None
    others = tuple(_explain(event, rule, one) for one in VERSIONS if one != config.version)
    return msgspec.structs.replace(_explain(event, rule, config.version), others=others)


def _explain(event: ErrorEvent, rule: FingerprintRule | None, version: Version) -> Explanation:
    decided = _decide(event, rule, version, explained=True)
    components = decided.found.components
    if decided.given:
        given = tuple(Component("part", part) for part in decided.given)
        # What a variable brought in counts through the fingerprint.
        own = tuple(_overridden(component) for component in components)
        components = (Component("fingerprint", parts=given), *own)
    return Explanation(
        version=version,
        basis=decided.basis,
        fingerprint=decided.fingerprint,
        hash_input=decided.hash_input,
        components=components,
        rule=rule,
    )


def _decide(
    event: ErrorEvent, rule: FingerprintRule | None, version: Version, *, explained: bool
) -> _Decided:
    found = _FINDERS[version](event, explained)
    by_rule = rule is not None and bool(rule.fingerprint)
    given = rule.fingerprint if rule and by_rule else event.fingerprint
    if is_default(given):
        return _Decided(found.basis, found.hash_input, (), found)
    parts = filled(given, event, _hash(found.hash_input))
    text = "fingerprint " + msgspec.json.encode([_well_formed(part) for part in parts]).decode()
    return _Decided("rule" if by_rule else "fingerprint", text, tuple(parts), found)


def _title(event: ErrorEvent, rule: FingerprintRule | None, version: Version, own: str) -> str:
    if rule and rule.title and (title := fill(rule.title, event, own).strip()):
        return cut(title)
    return title_of(event, version)


def _overridden(component: Component) -> Component:
    reason = component.reason or OVERRIDDEN
    parts = tuple(_overridden(part) for part in component.parts)
    return msgspec.structs.replace(component, contributes=False, reason=reason, parts=parts)


def _hash(text: str) -> str:
    """SHA-256 of the text as UTF-8."""
    try:
        return sha256(text.encode()).hexdigest()
    except UnicodeEncodeError:
        return sha256(_well_formed(text).encode()).hexdigest()


def _well_formed(text: str) -> str:
    """The text with each half of a character replaced, as JavaScript does it."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
