"""One span or record while it is read: its attributes, and which of them have been understood."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TypeVar

from processors.otel.names import Flavour, Gathered, Lists, Names
from processors.otel.plain import json_of, object_of, text_of
from schemas.otel.values import Attributes, Value

T = TypeVar("T")
_NO_FLAVOUR = Flavour("")
_NONE: Lists = {}


class Reading:
    """Looks attributes up by what they mean. What it gives out counts as understood."""

    def __init__(
        self, names: Names, flavour: Flavour, attributes: Attributes, around: Attributes
    ) -> None:
        self.names = names
        self.flavour = flavour
        self.attributes = attributes
        self.around = around
        """Of the resource: what counts where the item itself says nothing."""
        self.content: set[str] = set()
        """Those of the understood ones that hold messages, or what a tool was given and gave."""
        self._used: set[str] = set()

    def first(self, field: str, read: Callable[[Value], T | None]) -> T | None:
        """The first usable value of a field of `names.fields`."""
        only = self.names.only.get(self.flavour.name, _NONE)
        return self.first_of((*only.get(field, ()), *self.names.fields[field]), read)

    def first_of(self, names: tuple[str, ...], read: Callable[[Value], T | None]) -> T | None:
        """The first usable value by these names.

        Others that say the same are understood by it; those that say something else are not.
        """
        found: T | None = None
        if self.attributes.keys().isdisjoint(names):
            return found
        for name in names:
            if name not in self.attributes:
                continue
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
        found = self.first(field, text_of)
        if found is not None:
            return found
        only = self.names.only.get(self.flavour.name, _NONE)
        names = (*only.get(field, ()), *self.names.fields[field])
        if self.around.keys().isdisjoint(names):
            return None
        return next(filter(None, (text_of(self.around.get(name)) for name in names)), None)

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
            if name not in self._used and (inner := object_of(self.attributes.get(name))):
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
        return {name: value for name, value in self.attributes.items() if name not in self._used}


def _held(value: Value) -> tuple[Value] | None:
    held = json_of(value)
    return None if held is None or held == "" else (held,)


def flavour_of(names: Names, scope: str, span: str, attributes: Mapping[str, Value]) -> Flavour:
    """Whose conventions a span or a record follows; one without a name for none of them."""
    has_root = any(name.startswith(names.roots) for name in attributes)
    for one in names.flavour:
        if (
            scope in one.scopes
            or span in one.spans
            or (one.scope_prefixes and scope.startswith(one.scope_prefixes))
            or (one.span_prefixes and span.startswith(one.span_prefixes))
            or (has_root and _is_named_by(one, attributes))
        ):
            return one
    return _NO_FLAVOUR


def _is_named_by(flavour: Flavour, attributes: Mapping[str, Value]) -> bool:
    if not flavour.attributes.isdisjoint(attributes):
        return True
    prefixes = flavour.prefixes
    return bool(prefixes) and any(name.startswith(prefixes) for name in attributes)
