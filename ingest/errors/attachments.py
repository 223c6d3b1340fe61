"""Attachments of an envelope: which of them are kept, and as what the log holds them. Pure.

The ids of attachments are ours, made of the event, the name, the type and the bytes: an envelope
that is sent again brings nothing new.
"""

from collections.abc import Sequence
from typing import NamedTuple

from msgspec import Struct

from ingest.errors.envelope import EnvelopeItem
from ingest.forms import Counted
from schemas.errors.attached import AttachmentHead, digest, encode_attachment
from schemas.kinds import ATTACHMENT

TYPE = "attachment"
USUAL_TYPE = "event.attachment"
TOO_LARGE, NO_EVENT = "attachment_too_large", "no_event"


class AttachmentLimits(Struct, frozen=True):
    """What is kept of attachments. Beyond it they are counted, and their event is still taken."""

    max_bytes: int = 5 << 20
    """Of one."""
    max_envelope_bytes: int = 16 << 20
    """Of all of one envelope."""


class Attached(NamedTuple):
    """What becomes of the attachments of an envelope."""

    bodies: list[bytes]
    ids: list[str]
    counted: list[Counted]


def frame_attachments(
    items: Sequence[EnvelopeItem], event_id: str, limits: AttachmentLimits
) -> Attached:
    """Returns the attachments of an event; without one they belong nowhere."""
    made = Attached([], [], [])
    left, too_large, without = limits.max_envelope_bytes, 0, 0
    for item in items:
        if item.type != TYPE:
            continue
        if not event_id:
            without += 1
            continue
        size = item.payload.nbytes
        if size > min(limits.max_bytes, left):
            too_large += 1
            continue
        left -= size
        kind = item.file.type or USUAL_TYPE
        head = AttachmentHead(event_id, item.file.name, item.file.content_type, kind)
        made.bodies.append(encode_attachment(head, item.payload))
        made.ids.append(digest(event_id, head.name, head.type, item.payload))
    for reason, count in ((TOO_LARGE, too_large), (NO_EVENT, without)):
        if count:
            made.counted.append(Counted(ATTACHMENT.name, "invalid", reason, count))
    return made
