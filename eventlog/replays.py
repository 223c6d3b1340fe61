"""What is sent in the place of a dead letter that is replayed, corrected or not. Pure."""

from uuid import uuid4

import msgspec

from eventlog.dead_letters import Replacement
from eventlog.records import DeadLetter
from schemas.ids import canonical_id
from schemas.kinds import Kind, kinds_of
from schemas.projects import ProjectId


class NotReplayable(Exception):
    """Raised when a dead letter cannot be sent again as it was asked; the message says why."""


def replacement(
    dead_letter: DeadLetter,
    corrected: bytes | None,
    owner: ProjectId | None,
    kind_name: str | None = None,
) -> Replacement:
    """Returns what is to be sent in a dead letter's place. Raises `NotReplayable`."""
    project_id = dead_letter.project_id or owner
    if not dead_letter.wire and (corrected is None or not project_id):
        raise NotReplayable(
            f"{dead_letter.ref} is a damaged record: it needs --body with an item and --project"
        )
    if not project_id:
        raise NotReplayable(f"{dead_letter.ref} names no project: give --project")
    if owner is not None and dead_letter.project_id not in ("", owner):
        raise NotReplayable(f"{dead_letter.ref} belongs to project {dead_letter.project_id}")
    body = dead_letter.body if corrected is None else corrected
    kind = _kind_of(dead_letter, kind_name)
    if not kind.id_field:
        # The edge gave the id; that of a damaged record is lost with it.
        return Replacement(project_id, kind.wire, body, dead_letter.item_id or str(uuid4()), True)
    item = _object_of(body)
    if corrected is not None and item is None:
        raise NotReplayable("--body must hold one JSON object")
    event_id = (item or {}).get(kind.id_field)
    named = canonical_id(event_id) if isinstance(event_id, str) else None
    return Replacement(project_id, kind.wire, body, named)


def _kind_of(dead_letter: DeadLetter, name: str | None) -> Kind:
    """Returns the kind of a dead letter's item; a damaged record does not tell its own."""
    every = kinds_of(dead_letter.topic)
    found = [
        one for one in every if dead_letter.wire in ("", one.wire) and name in (None, one.name)
    ]
    if len(found) != 1:
        names = ", ".join(one.name for one in every)
        raise NotReplayable(
            f"{dead_letter.ref} does not tell its kind: give --kind, one of: {names}"
        )
    return found[0]


def _object_of(body: bytes) -> dict[str, object] | None:
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
