"""One span or record while it is read: its attributes, and which of them have been understood."""

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NamedTuple, TypeVar

from processors.otel.names import Flavour, Gathered, standing_names
from processors.otel.plain import json_of, object_of, text_of
from processors.otel.present import present_in
from schemas.otel.values import Attributes, Value

T = TypeVar("T")
_NO_FLAVOUR = Flavour("")


class Reading:
    """Looks attributes up by what they mean. What it gives out counts as understood."""

    def __init__(self, flavour: Flavour, attributes: Attributes, around: Attributes) -> None:
        self.names = standing_names()
        self.flavour = flavour
        self.attributes = attributes
        self.present = present_in(attributes, flavour.name)
        self.around = around
        """Of the resource: what counts where the item itself says nothing."""
        self.content: set[str] = set()
        """Those of the understood ones that hold messages, or what a tool was given and gave."""
        self._used: set[str] = set()
        self._present_around = present_in(around, flavour.name)

    def first(self, field: str, read: Callable[[Value], T | None]) -> T | None:
        """The first usable value of a field of `names.fields`."""
        names = self.present.fields.get(field)
        return None if names is None else self.first_of(names, read)

    def first_of(self, names: tuple[str, ...], read: Callable[[Value], T | None]) -> T | None:
        """The first usable value by these names, which are of `present`.

        Others that say the same are understood by it; those that say something else are not.
        """
        found: T | None = None
        for name in names:
            value = read(self.attributes[name])
            if value is not None and (found is None or value == found):
                found = value
                self._used.add(name)
        return found

    def first_value(self, field: str) -> Value:
        """As `first`, whatever stands there; of JSON what it holds."""
        found = self.first(field, _held)
        return found[0] if found else None

    def first_around(self, field: str) -> str | None:
        """As `first`, a text; else one of the resource, which stays with that."""
        names = self.present.fields.get(field)
        if names is not None and (found := self.first_of(names, text_of)) is not None:
            return found
        for name in self._present_around.fields.get(field, ()):
            if text := text_of(self.around[name]):
                return text
        return None

    def take(self, name: str) -> Value:
        """An attribute by its own name; it is understood."""
        self._used.add(name)
        return self.attributes.get(name)

    def gather(self, gathered: Gathered) -> Attributes:
        """All attributes of a group in one object, by the rest of their names.

        Without those that are understood already, so ask for it last.
        """
        found: Attributes = {}
        has_others = self.flavour.name in gathered.others
        for name in gathered.objects:
            if name not in self.attributes or name in self._used:
                continue
            if inner := object_of(self.attributes[name]):
                found.update(inner)
                self._used.add(name)
        for name, value in self.attributes.items():
            if name in self._used:
                continue
            if name.startswith(gathered.prefixes):
                self._used.add(name)
                # LiteLLM sends thirty names without a value.
                if value != "":
                    prefix = next(one for one in gathered.prefixes if name.startswith(one))
                    found.setdefault(name[len(prefix) :], json_of(value))
            elif name in gathered.names:
                found.setdefault(name.rpartition(".")[2], value)
                self._used.add(name)
            elif has_others and not name.startswith(gathered.others_without):
                found.setdefault(name, json_of(value))
                self._used.add(name)
        return found

    def keep(self, gathered: Gathered) -> Attributes:
        """Those of a group with names of their own: of the resource, then of the item."""
        renamed = gathered.renamed
        told = {new: self.attributes[n] for n, new in renamed.items() if n in self.attributes}
        found = {n: value for n, value in self.around.items() if n.startswith(gathered.kept)}
        own = {n: value for n, value in self.attributes.items() if n.startswith(gathered.kept)}
        self._used.update(own)
        self._used.update(name for name in renamed if name in self.attributes)
        return found | told | own

    def beginning(self, prefix: str) -> Iterator[tuple[str, Value]]:
        """The attributes whose names begin so, by the rest of them."""
        for name, value in self.attributes.items():
            if name.startswith(prefix):
                yield name[len(prefix) :], value

    def understood(self, prefix: str) -> None:
        """Says that all attributes whose names begin so are understood."""
        self._used.update(name for name in self.attributes if name.startswith(prefix))

    @contextmanager
    def content_within(self) -> Iterator[None]:
        """Says that what is understood within is content."""
        before = set(self._used)
        yield
        self.content |= self._used - before

    def rest(self) -> Attributes:
        """What has not been understood."""
        if not self._used:
            return self.attributes
        return {name: value for name, value in self.attributes.items() if name not in self._used}


def _held(value: Value) -> tuple[Value] | None:
    held = json_of(value)
    return None if held is None or held == "" else (held,)


def flavour_of(scope: str, span: str, attributes: Mapping[str, Value]) -> Flavour:
    """Whose conventions a span or a record follows; one without a name for none of them."""
    signs = _signs()
    # Of most spans neither fits: they are not asked about each flavour.
    is_named = _is_told_by_name(signs, scope, span)
    rooted = [name for name in attributes if name.startswith(signs.roots)]
    if not is_named and not rooted:
        return _NO_FLAVOUR
    for one in standing_names().flavour:
        if (is_named and _is_told_by_name(one, scope, span)) or _is_told_by(one, rooted):
            return one
    return _NO_FLAVOUR


class _Signs(NamedTuple):
    """By what any flavour is known."""

    scopes: frozenset[str]
    scope_prefixes: tuple[str, ...]
    spans: frozenset[str]
    span_prefixes: tuple[str, ...]
    roots: tuple[str, ...]


@functools.cache
def _signs() -> _Signs:
    names = standing_names()
    return _Signs(
        frozenset(one for flavour in names.flavour for one in flavour.scopes),
        tuple(one for flavour in names.flavour for one in flavour.scope_prefixes),
        frozenset(one for flavour in names.flavour for one in flavour.spans),
        tuple(one for flavour in names.flavour for one in flavour.span_prefixes),
        names.roots,
    )


def _is_told_by_name(signs: Flavour | _Signs, scope: str, span: str) -> bool:
    return (
        scope in signs.scopes
        or span in signs.spans
        or scope.startswith(signs.scope_prefixes)
        or span.startswith(signs.span_prefixes)
    )


def _is_told_by(flavour: Flavour, names: Sequence[str]) -> bool:
    if not flavour.attributes.isdisjoint(names):
        return True
    prefixes = flavour.prefixes
    return bool(prefixes) and any(name.startswith(prefixes) for name in names)
