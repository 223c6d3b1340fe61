"""How an event is named: one hash for partitions, the duplicates filter and the store alike."""

import xxhash


def event_hash(project_id: str, event_id: str) -> int:
    """Returns the 64-bit XXH3 of the pair, as ClickHouse's `xxh3` computes it too."""
    return xxhash.xxh3_64_intdigest(f"{project_id}\0{event_id}".encode())
