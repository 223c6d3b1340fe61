"""Which of the names that mean something a span has: worked out once for each set of them.

Senders send the same few sets of attributes again and again, and most spans have none of these
names: what depends on names alone is kept, so that nobody asks for a field that cannot be there.
"""

import functools
from typing import NamedTuple

from processors.otel.names import Lists, standing_names
from schemas.otel.values import Attributes

_KEPT = 2_048
"""Sets of names: each is of a few names of `names.toml`, whatever else a sender sends."""


class Present(NamedTuple):
    """The names that are there, by precedence. What has none of its names there is left out."""

    fields: Lists
    counts: Lists
    terms: Lists


def present_in(attributes: Attributes, flavour: str) -> Present:
    """Finds them, with those that mean something in spans of this flavour alone."""
    return _present(_known().intersection(attributes), flavour)


@functools.cache
def _known() -> frozenset[str]:
    names = standing_names()
    every = (
        *(names.fields, names.counts, names.terms),
        *(*names.only.values(), *names.only_counts.values()),
    )
    return frozenset(name for lists in every for some in lists.values() for name in some)


@functools.lru_cache(_KEPT)
def _present(there: frozenset[str], flavour: str) -> Present:
    names = standing_names()
    return Present(
        _among(there, names.fields, names.only.get(flavour, {})),
        _among(there, names.counts, names.only_counts.get(flavour, {})),
        _among(there, names.terms, {}),
    )


def _among(there: frozenset[str], lists: Lists, only: Lists) -> Lists:
    found = {}
    for field, names in lists.items():
        every = (*only.get(field, ()), *names)
        if not there.isdisjoint(every):
            found[field] = tuple(name for name in every if name in there)
    return found
