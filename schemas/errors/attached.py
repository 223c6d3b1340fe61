"""What the log holds of an attachment: one line of JSON that says what it is, then its bytes.

JSON has no bytes, and base64 would make a third more of them. A line feed ends the line: within
JSON there is none.
"""

import hashlib

import msgspec
from msgspec import Struct

LINE_FEED = b"\n"


class AttachmentHead(Struct, frozen=True, omit_defaults=True, rename="camel", gc=False):
    """What an attachment is, as its sender says."""

    event_id: str
    """Of the event that it belongs to: 32 hex digits in lower case."""
    name: str = ""
    content_type: str = ""
    type: str = ""
    """As `event.attachment`, `event.minidump`, `event.view_hierarchy`."""


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(AttachmentHead).decode


def encode_attachment(head: AttachmentHead, body: bytes | memoryview) -> bytes:
    """Returns what the log holds."""
    return b"".join((_encode(head), LINE_FEED, body))


def decode_attachment(item: bytes) -> tuple[AttachmentHead, bytes]:
    """Reads what `encode_attachment` wrote. Raises `msgspec.DecodeError` for anything else."""
    line, _, body = item.partition(LINE_FEED)
    try:
        return _decode(line), body
    except (UnicodeDecodeError, RecursionError) as error:
        raise msgspec.DecodeError(str(error)) from error


def digest(*parts: str | bytes | memoryview) -> str:
    """Returns an id that the same parts always have: 32 hex digits."""
    hashed = hashlib.sha256()
    for part in parts:
        own = part.encode(errors="replace") if isinstance(part, str) else part
        hashed.update(b"%d:" % len(own))
        hashed.update(own)
    return hashed.hexdigest()[:32]
