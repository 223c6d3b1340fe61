"""Two texts, word by word: what is new, what is gone. Bounded in time, whatever the texts are."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from typing import Literal, NamedTuple

from api.pages.parts.messages import Word

MOST_ITEMS = 1_000
"""Of both sides, that are compared one by one: more, and all of them count as replaced."""
MOST_PAIRS = 20_000
"""Of equal items: what the comparison takes its time for. The worst of this size takes 20 ms."""
MOST_CHARS = 50_000
"""Of a stretch that is cut into words at all."""
MOST_SHOWN = 4_000
"""Characters of one stretch that is new or gone."""
CONTEXT = 160
"""Characters of what is the same that stay on either side of a change."""
WORD = re.compile(r"\s*\w+|\s*[^\w\s]|\s+")


class Stretch(NamedTuple):
    """A stretch of two sequences: `same` is in both, `replaced` may be empty on one side."""

    kind: Literal["same", "replaced"]
    old: slice
    new: slice


class Effort:
    """How many pairs may still be compared for one page."""

    def __init__(self, pairs: int = 5 * MOST_PAIRS) -> None:
        self.pairs = pairs


def words_of(old: str, new: str, effort: Effort) -> tuple[Word, ...]:
    """Returns what changed, with a little of what is around it."""
    found: list[Word] = []
    before, after = old.splitlines(keepends=True), new.splitlines(keepends=True)
    for stretch in aligned(before, after, effort):
        was, now = "".join(before[stretch.old]), "".join(after[stretch.new])
        if stretch.kind == "same":
            found.append(Word("same", now))
        else:
            found += _replaced(was, now, effort)
    return tuple(_cut(_merged(found)))


def aligned(old: Sequence[str], new: Sequence[str], effort: Effort) -> Iterator[Stretch]:
    """Yields the stretches that both sides are made of, in order."""
    first = _shared(old, new)
    last = _shared(old[first:][::-1], new[first:][::-1])
    middle_old, middle_new = old[first : len(old) - last], new[first : len(new) - last]
    if first:
        yield Stretch("same", slice(0, first), slice(0, first))
    yield from _middle(middle_old, middle_new, first, effort)
    if last:
        at_old, at_new = len(old) - last, len(new) - last
        yield Stretch("same", slice(at_old, len(old)), slice(at_new, len(new)))


def _middle(
    old: Sequence[str], new: Sequence[str], first: int, effort: Effort
) -> Iterator[Stretch]:
    if not old and not new:
        return
    if not old or not new or not _is_cheap(old, new, effort):
        yield Stretch("replaced", slice(first, first + len(old)), slice(first, first + len(new)))
        return
    for tag, i1, i2, j1, j2 in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        kind: Literal["same", "replaced"] = "same" if tag == "equal" else "replaced"
        yield Stretch(kind, slice(first + i1, first + i2), slice(first + j1, first + j2))


def _is_cheap(old: Sequence[str], new: Sequence[str], effort: Effort) -> bool:
    if len(old) + len(new) > MOST_ITEMS:
        return False
    times = Counter(new)
    pairs = sum(times[one] for one in old) + len(old) + len(new)
    if pairs > min(MOST_PAIRS, effort.pairs):
        return False
    effort.pairs -= pairs
    return True


def _shared(old: Sequence[str], new: Sequence[str]) -> int:
    most = min(len(old), len(new))
    return next((at for at in range(most) if old[at] != new[at]), most)


def _replaced(old: str, new: str, effort: Effort) -> Iterator[Word]:
    short = len(old) + len(new) <= MOST_CHARS
    before, after = (WORD.findall(one) if short else [one] for one in (old, new))
    for stretch in aligned(before, after, effort):
        was, now = "".join(before[stretch.old]), "".join(after[stretch.new])
        if stretch.kind == "same":
            yield Word("same", now)
        else:
            yield from (Word(*one) for one in (("old", was), ("new", now)) if one[1])


def _merged(words: list[Word]) -> list[Word]:
    found: list[Word] = []
    for word in words:
        if found and found[-1].kind == word.kind:
            found[-1] = Word(word.kind, found[-1].text + word.text)
        else:
            found.append(word)
    return found


def _cut(words: list[Word]) -> Iterator[Word]:
    for at, word in enumerate(words):
        lead, tail = MOST_SHOWN, 0
        if word.kind == "same":
            lead, tail = (0 if at == 0 else CONTEXT), (0 if at == len(words) - 1 else CONTEXT)
        if len(word.text) <= lead + tail + CONTEXT:
            yield word
            continue
        first, last = word.text[:lead], word.text[len(word.text) - tail :]
        # Whole lines, where there are any.
        first, last = _before_last_line_end(first), last[last.find("\n") + 1 :]
        if first:
            yield Word(word.kind, first)
        yield Word("cut", f"{len(word.text) - len(first) - len(last):,}")
        if last:
            yield Word(word.kind, last)


def _before_last_line_end(text: str) -> str:
    return text[: text.rfind("\n") + 1] or text
