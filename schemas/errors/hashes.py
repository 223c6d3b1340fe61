"""A fingerprint in 8 bytes, as the store and the control plane write it."""

LIMIT = 1 << 64


def signed_hash(unsigned: int) -> int:
    """Returns a UInt64 of the store as the BIGINT of a database that knows no other."""
    return unsigned - LIMIT if unsigned >= LIMIT // 2 else unsigned


def unsigned_hash(signed: int) -> int:
    """Returns what `signed_hash` was given."""
    return signed % LIMIT
