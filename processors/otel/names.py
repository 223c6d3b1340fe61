"""The data file `names.toml`: what attributes are called, by whom, and which comes first."""

import functools
import tomllib
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct

from schemas.otel.meanings import Kind

Convention = Literal["inclusive", "exclusive"]
Side = Literal["input", "output", "both", "tools"]
_FILE = Path(__file__).with_name("names.toml")


class Flavour(Struct, frozen=True, forbid_unknown_fields=True):
    """One sort of sender: how it is told from others, and what its totals include."""

    name: str
    scopes: frozenset[str] = frozenset()
    scope_prefixes: tuple[str, ...] = ()
    spans: frozenset[str] = frozenset()
    span_prefixes: tuple[str, ...] = ()
    attributes: frozenset[str] = frozenset()
    prefixes: tuple[str, ...] = ()
    usage: Convention | None = None
    exclusive_for: frozenset[str] = frozenset()
    says_inclusive: tuple[str, ...] = ()
    provider: str | None = None
    writes_for_1h: bool = False
    own_total: bool = False


class KindRule(Struct, frozen=True, forbid_unknown_fields=True):
    """An attribute that says what sort of work a span is; values are in lower case."""

    attribute: str
    values: dict[str, Kind]
    only: frozenset[str] = frozenset()


class Roles(Struct, frozen=True, forbid_unknown_fields=True):
    """Which kinds are calls, which wrap calls, and the names of spans that are copies."""

    inference: frozenset[str]
    wrapper: frozenset[str]
    copies: frozenset[str]


class CountsObject(Struct, frozen=True, forbid_unknown_fields=True):
    """An attribute that holds several counts."""

    attribute: str
    counts: dict[str, tuple[str, ...]]
    usage: Convention | None = None
    usage_output: Convention | None = None
    guessed: bool = False
    """Its `usage` is what is likely, and the numbers may say otherwise."""


class CostRule(Struct, frozen=True, forbid_unknown_fields=True):
    """An attribute in which a sender says what a call cost."""

    attribute: str
    per_usd: int = 1
    paths: tuple[str, ...] = ()
    """Into the object that it holds."""
    sum: bool = False
    """It is the sum of the object's numbers."""
    only: frozenset[str] = frozenset()


class TimeRule(Struct, frozen=True, forbid_unknown_fields=True):
    """An attribute that holds a duration."""

    attribute: str
    ms: float = 1.0
    only: frozenset[str] = frozenset()


class Gathered(Struct, frozen=True, forbid_unknown_fields=True):
    """Attributes that are gathered into one object."""

    prefixes: tuple[str, ...] = ()
    objects: tuple[str, ...] = ()
    names: frozenset[str] = frozenset()
    others: frozenset[str] = frozenset()
    """Flavours of which all that is not understood belongs to it."""
    others_without: tuple[str, ...] = ()
    """... but what begins so."""
    kept: tuple[str, ...] = ()
    """What begins so keeps its whole name, and may stand in the resource."""
    renamed: dict[str, str] = {}
    """What has another name in the object."""


class FirstTokens(Struct, frozen=True, forbid_unknown_fields=True):
    """Events of a span that say that a token has come."""

    names: frozenset[str]


Lists = dict[str, tuple[str, ...]]


class Names(Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file."""

    version: str
    frameworks: frozenset[str]
    roots: tuple[str, ...]
    flavour: tuple[Flavour, ...]
    kind: tuple[KindRule, ...]
    names: dict[str, Kind]
    roles: Roles
    fields: Lists
    only: dict[str, Lists]
    counts: Lists
    only_counts: dict[str, Lists]
    object: tuple[CountsObject, ...]
    cost: tuple[CostRule, ...]
    first_token: tuple[TimeRule, ...]
    first_token_events: FirstTokens
    terms: Lists
    terms_standard: dict[str, frozenset[str]]
    parameters: Gathered
    metadata: Gathered
    indexed: dict[str, Side]
    message_events: dict[str, tuple[Side, str]]
    providers: dict[str, str]
    families: dict[str, str]
    hosts: dict[str, str]
    metrics: dict[str, str]


@functools.cache
def standing_names() -> Names:
    """Returns what the file of this version says. It is read once in a process."""
    return msgspec.convert(tomllib.loads(_FILE.read_text(encoding="utf-8")), Names)
