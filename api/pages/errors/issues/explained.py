"""Why an event belongs to its issue, line by line: what counted, what did not, and why not."""

from collections.abc import Iterator
from typing import NamedTuple

from api.pages.errors.issues.cutting import SHORT, USUAL, Budget, Cut
from schemas.errors.grouping import Basis, Component, Explanation

MOST_PARTS = 150
MOST_DEPTH = 8
BASES: dict[Basis, str] = {
    "rule": "by a rule of the project",
    "fingerprint": "by the fingerprint that its sender gave",
    "stack": "by its stack",
    "exception": "by its exceptions, for there is no stack to go by",
    "message": "by its message",
    "nothing": "with all events that say nothing to go by",
}


class Part(NamedTuple):
    """One part of an event, and whether it counted."""

    depth: int
    name: str
    value: Cut
    counted: bool
    reason: str


class Explained(NamedTuple):
    """What the page says of the grouping."""

    version: str
    basis: str
    fingerprint: str
    parts: list[Part]
    left: bool
    """Whether there are more parts."""
    hashed: Cut
    """The text whose SHA-256 the fingerprint is."""
    rule: list[str]
    """What the rule that decided asks for."""
    others: list[tuple[str, str]]
    """Versions, and what they would make of the event."""


def explained_of(found: Explanation) -> Explained:
    """Returns an explanation as its page shows it, of bounded size."""
    budget = Budget(20_000)
    parts: list[Part] = []
    left = False
    for depth, one in _flat(found.components, 0):
        if len(parts) == MOST_PARTS or budget.chars <= 0:
            left = True
            break
        value = budget.cut(one.value, USUAL)
        reason = budget.cut(one.reason, SHORT).text
        parts.append(Part(depth, one.name[:SHORT], value, one.contributes, reason))
    rule = () if found.rule is None else found.rule.match
    return Explained(
        version=found.version,
        basis=BASES[found.basis],
        fingerprint=found.fingerprint,
        parts=parts,
        left=left,
        hashed=budget.cut(found.hash_input, 4 * USUAL),
        rule=[f"{name}: {pattern}" for name, pattern in rule],
        others=[(one.version, one.fingerprint) for one in found.others],
    )


def _flat(components: tuple[Component, ...], depth: int) -> Iterator[tuple[int, Component]]:
    for one in components:
        yield depth, one
        if depth < MOST_DEPTH:
            yield from _flat(one.parts, depth + 1)
