"""Which dead letters go, and what is left of the records that held them.

A record may hold letters of several projects, or marks that letters were sent again. A mark goes
with its letter and never before it: a letter without its mark could be sent again twice.
"""

from collections.abc import Callable, Iterable

from eventlog.log import Stored
from eventlog.records import DeadLetter, DeadLetters, RecordDamaged, decode_dead, encode_dead
from schemas.projects import ProjectId

Goes = Callable[[ProjectId, int], bool]
"""Tells of a letter's project and the time that it was put down (ms) whether it goes."""
NOBODY = ProjectId("")
"""Whose the letters of damaged records are."""


def prune(records: Iterable[Stored], goes: Goes, kept: set[str]) -> dict[int, bytes | None]:
    """Returns the new value of each record that changes, by offset, `None` where nothing is left.

    Adds the letters that stay to `kept`, which must hold those of all records before these.
    """
    changed: dict[int, bytes | None] = {}
    for stored in records:
        at_ms = stored.appended_at_ms
        try:
            held = decode_dead(stored.value or b"")
        except RecordDamaged:
            if goes(NOBODY, at_ms):
                changed[stored.offset] = None
            continue
        letters = [letter for letter in held.letters if not goes(letter.project_id, at_ms)]
        kept.update(letter.ref for letter in letters)
        marks = [ref for ref in held.replayed if ref in kept]
        if not _is_whole(held, letters, marks):
            changed[stored.offset] = encode_dead(letters, marks) if letters or marks else None
    return changed


def _is_whole(held: DeadLetters, letters: list[DeadLetter], marks: list[str]) -> bool:
    return len(letters) == len(held.letters) and len(marks) == len(held.replayed)
