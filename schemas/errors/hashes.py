"""What is kept in 8 bytes: fingerprints, and who used a session."""

from hashlib import sha256

from schemas.projects import ProjectId

LIMIT = 1 << 64


def session_person(project_id: ProjectId, person: str) -> int:
    """Returns by what the person of a session is counted: a project's own hash of who it is."""
    digest = sha256(f"{project_id}\0{person}".encode()).digest()
    return int.from_bytes(digest[:8], "little") or 1


def signed_hash(unsigned: int) -> int:
    """Returns a UInt64 of the store as the BIGINT of a database that knows no other."""
    return unsigned - LIMIT if unsigned >= LIMIT // 2 else unsigned


def unsigned_hash(signed: int) -> int:
    """Returns what `signed_hash` was given."""
    return signed % LIMIT
