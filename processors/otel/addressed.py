"""Messages by what they say: each is stored once, and calls hold the hashes of theirs.

An agent sends its whole conversation again with each turn: a run of 50 turns tells its first
message 50 times.
"""

from collections.abc import Iterable, Sequence
from hashlib import blake2b

import msgspec

from schemas.otel.meanings import Message
from schemas.otel.rows import MessageRow

HASH_BYTES = 16
_encode = msgspec.json.Encoder().encode


def addressed(messages: Sequence[Message], at_us: int) -> list[MessageRow]:
    """Returns the row of each message, in their order."""
    found = []
    for one in messages:
        body = _encode(one)
        digest = blake2b(body, digest_size=HASH_BYTES).digest()
        found.append(MessageRow(digest, one.role, at_us, body))
    return found


def each_once(messages: Iterable[MessageRow]) -> list[MessageRow]:
    """Leaves out what was said before."""
    return list({one.hash: one for one in messages}.values())


def hashes_of(messages: Sequence[MessageRow]) -> Sequence[bytes]:
    """Returns what the row of a call or a span names its messages by."""
    return [one.hash for one in messages] if messages else ()
