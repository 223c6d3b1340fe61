"""How errors are grouped: what a project sets, what an event gets, and how that is explained."""

from typing import Literal

from msgspec import Struct

Version = Literal["open-sentry/v1", "v2"]
VERSIONS: tuple[Version, ...] = ("v2", "open-sentry/v1")
"""Newest first: in this order an event that no issue is known for is looked up by `others`."""
MAX_TITLE_UNITS = 500
"""Of UTF-16."""
MAX_RULES = 100
MAX_RULE_PAIRS = 20
MAX_PATTERN_CHARS = 200
MAX_FINGERPRINT_PARTS = 20
MAX_FINGERPRINT_PART_CHARS = 500

RULE_FIELDS = (
    "type",
    "value",
    "message",
    "module",
    "filename",
    "function",
    "logger",
    "level",
    "release",
    "environment",
    "transaction",
)
"""What a rule may ask of an event; beside these, `tag.NAME`."""
TAG_FIELD = "tag."


class FingerprintRule(Struct, frozen=True, omit_defaults=True, rename="camel", gc=False):
    """A project's own rule: events that match it get its fingerprint."""

    match: tuple[tuple[str, str], ...]
    """Pairs of field and pattern, all of which must match. `*` is any text, `?` one character;
    case does not count. Of `type`, `value`, `module`, `filename` and `function` one exception or
    frame is enough."""
    fingerprint: tuple[str, ...]
    """What the event is grouped by. `{{ default }}` is what it would be without the rule,
    `{{ transaction }}` and the other fields what the event has there."""
    title: str = ""
    """Of the issue; with the same variables. Empty leaves the event's own."""


class GroupingConfig(Struct, frozen=True, rename="camel", gc=False):
    """How a project groups its errors."""

    version: Version = "v2"
    rules: tuple[FingerprintRule, ...] = ()
    """The first that matches counts."""


DEFAULT_CONFIG = GroupingConfig()


class Group(Struct, frozen=True, rename="camel", gc=False):
    """Where an event belongs, and what its issue is called."""

    version: Version
    fingerprint: str
    """64 hex digits in lower case."""
    others: tuple[str, ...]
    """What the other versions make of the event. An issue that is known by one of them is the
    event's, so that a change of the version splits no known issue."""
    type: str
    """Of the exception; of messages empty, by `open-sentry/v1` `Error`."""
    title: str
    """At most 500 units of UTF-16."""
    culprit: str
    """Where it happened: the transaction, else the innermost frame of the application."""


Basis = Literal["rule", "fingerprint", "stack", "exception", "message", "nothing"]
"""What decided. `exception` is its type and what it says."""


class Component(Struct, frozen=True, omit_defaults=True, rename="camel", gc=False):
    """One part of an event, and whether it counts for the group."""

    name: str
    """`exception`, `type`, `value`, `frame`, `message`, `fingerprint`, ..."""
    value: str = ""
    """As it is compared: without numbers of lines, ids, hashes. Empty where it has parts only."""
    contributes: bool = True
    reason: str = ""
    """Why it does not contribute."""
    parts: tuple["Component", ...] = ()


class Explanation(Struct, frozen=True, omit_defaults=True, rename="camel", gc=False):
    """Why an event has its fingerprint."""

    version: Version
    basis: Basis
    fingerprint: str
    hash_input: str
    """The fingerprint is the SHA-256 of this text as UTF-8."""
    components: tuple[Component, ...] = ()
    rule: FingerprintRule | None = None
    """Which rule decided."""
    others: tuple["Explanation", ...] = ()
    """The same by the other versions."""
