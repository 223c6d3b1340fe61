"""What a page says after a form of it was sent: in its address are a word and numbers, no text."""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from api.parameters import Values

DONE, COUNT, OF = "done", "n", "of"
NAMES = (DONE, COUNT, OF)
ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
WHOLE = re.compile(r"\d{1,6}", re.ASCII)
MOST_UNDONE = 50
NOTHING = ("none", "one", "same", "release", "member")
UNDOABLE = ("resolve", "resolve-next", "ignore")
TEXTS: Mapping[str, str] = {
    "resolve": "{issues} resolved.",
    "resolve-next": "{issues} resolved by the next release.",
    "open": "{issues} opened again.",
    "ignore": "{issues} ignored.",
    "assign": "{issues} assigned.",
    "merge": "{issues} merged into one.",
    "unmerge": "What was selected is an issue of its own now: this one.",
    "none": "Nothing was changed: select issues first.",
    "one": "Nothing was changed: select two issues or more to merge them.",
    "same": "Nothing was changed: select some of what belongs to the issue, and not all of it.",
    "release": "Nothing was changed: no release of this project is known yet.",
    "member": "Nothing was changed: only members of the project can be assigned.",
}


class Done(NamedTuple):
    """What was done, and which issues can be opened again by one button."""

    text: str
    undo: tuple[str, ...] = ()
    is_none: bool = False
    """Nothing was changed."""


def done_in(values: Values) -> Done | None:
    """Returns what an address says was done; what no page of ours writes is not shown."""
    word = values.get(DONE, "")
    if word not in TEXTS:
        return None
    count = int(values[COUNT]) if WHOLE.fullmatch(values.get(COUNT, "")) else 0
    text = TEXTS[word].format(issues="1 issue" if count == 1 else f"{count:,} issues")
    named = values.get(OF, "").split(",") if word in UNDOABLE else ()
    return Done(
        text, tuple(one for one in named if ID.fullmatch(one))[:MOST_UNDONE], word in NOTHING
    )


def written(word: str, issue_ids: Sequence[str] = ()) -> dict[str, str | None]:
    """Returns what an address says of what was done."""
    can_undo = word in UNDOABLE and len(issue_ids) <= MOST_UNDONE
    return {
        DONE: word,
        COUNT: str(len(issue_ids)) if issue_ids else None,
        OF: ",".join(issue_ids) if can_undo and issue_ids else None,
    }
