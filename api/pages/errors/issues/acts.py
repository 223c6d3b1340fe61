"""What a form asks to be done with issues. Pure: fields in, an act out."""

import re
from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

from controlplane.failures import BadRequest

Kind = Literal[
    "resolve", "resolve-next", "open", "ignore", "until", "events", "people", "assign", "merge",
    "unmerge",
]  # fmt: skip
MOST_ISSUES = 100
"""Of one form: a page of the list has fewer."""
MOST_FINGERPRINTS = 100
WHOLE = re.compile(r"[1-9]\d{0,8}", re.ASCII)
PLAIN: tuple[Kind, ...] = (
    "resolve",
    "resolve-next",
    "open",
    "ignore",
    "assign",
    "merge",
    "unmerge",
)
BOUNDED: tuple[Kind, ...] = ("until", "events", "people")
"""Ignored until so many seconds are over, or so many more events or people came."""
HOUR_S, DAY_S = 3600, 86_400
UNTILS = (("an hour", HOUR_S), ("a day", DAY_S), ("a week", 7 * DAY_S), ("30 days", 30 * DAY_S))
COUNTS = (10, 100, 1000)


class Act(NamedTuple):
    """What is to be done, and with which bound."""

    kind: Kind
    bound: int = 0
    """Of those that are ignored until then: seconds, events or people."""


def act_of(text: str) -> Act:
    """Reads what the button of a form says. Raises `BadRequest`."""
    name, _, bound = text.partition(":")
    for kind in PLAIN:
        if text == kind:
            return Act(kind)
    for kind in BOUNDED:
        if name == kind and WHOLE.fullmatch(bound):
            return Act(kind, int(bound))
    raise BadRequest("The form does not say what to do: use a button of the page")


def chosen_in(fields: Mapping[str, Sequence[str]], name: str, *, at_most: int) -> list[str]:
    """Returns what is ticked in a form, each once. Raises `BadRequest`."""
    found = list(dict.fromkeys(one for one in fields.get(name, ()) if one))
    if len(found) > at_most:
        raise BadRequest(f"The form has more than {at_most} of them: do it in parts")
    return found
