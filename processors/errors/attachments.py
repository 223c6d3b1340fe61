"""Files that came with an event, read: what they are by their own bytes."""

import hashlib

import msgspec

from processors.columns import Unfit
from processors.errors.parts import MAX_NAME
from schemas.errors.attached import decode_attachment
from schemas.errors.pictures import picture_of
from schemas.errors.rows import AttachmentRow

MAX_TYPE = 128


def read_attachment(item: bytes, item_id: str) -> AttachmentRow:
    """Reads what the log holds of a file. Raises `Unfit` for anything else."""
    try:
        head, body = decode_attachment(item)
    except msgspec.DecodeError as error:
        raise Unfit(f"not an attachment: {error}") from error
    return AttachmentRow(
        item_id,
        head.event_id,
        head.name[:MAX_NAME],
        head.content_type[:MAX_TYPE],
        head.type[:MAX_TYPE],
        picture_of(body),
        len(body),
        hashlib.sha256(body).hexdigest(),
        body,
    )
