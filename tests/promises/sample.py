"""What the suite of promises needs to know of a kind, and where it finds it."""

import importlib
import pkgutil
from collections.abc import Callable, Sequence
from typing import NamedTuple

from tests.promises import samples


class Sample(NamedTuple):
    """How items of a kind are made and sent."""

    path: str
    """Of the POST that takes them. `{number}` and `{dsn_key}` stand for the project's; others are
    sent with its API key. Empty where a part of Sluice writes them into the log itself."""
    items: Callable[[int], list[bytes]]
    """So many items, none of which was made before."""
    body: Callable[[Sequence[bytes]], bytes]
    """A request's body with some items."""
    spoiled: bytes = b"\xff\x00 no step takes this"
    """An item that must become a dead letter."""
    status: int = 202
    """Of the answer when they are durable."""
    id_of: Callable[[bytes], str] | None = None
    """Gives an item's id as that part of Sluice does; `None` where the item or the edge does."""


def samples_by_kind() -> dict[str, Sample]:
    """Returns the samples of every system."""
    found: dict[str, Sample] = {}
    for module in pkgutil.iter_modules(samples.__path__):
        found |= importlib.import_module(f"{samples.__name__}.{module.name}").SAMPLES
    return found
