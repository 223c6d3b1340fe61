"""How an event is named: one spelling, and one hash for partitions, filters and the store alike."""

import re

import xxhash

UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def canonical_id(event_id: str) -> str:
    """Returns the id as it is stored: a UUID in lower case (RFC 9562, section 4)."""
    lower = event_id.lower()
    # Nearly every id is in lower case, and a look at that takes a third of the time.
    return lower if lower != event_id and UUID.fullmatch(event_id) else event_id


def spellings(event_id: str) -> tuple[str, ...]:
    """Returns how an id may be stored: older versions kept a UUID as it was sent."""
    canonical = canonical_id(event_id)
    every = (canonical, canonical.upper() if UUID.fullmatch(event_id) else event_id, event_id)
    return tuple(dict.fromkeys(every))


def event_hash(project_id: str, event_id: str) -> int:
    """Returns the 64-bit XXH3 of the pair, as ClickHouse's `xxh3` computes it too."""
    return xxhash.xxh3_64_intdigest(f"{project_id}\0{event_id}".encode())
