"""Erasures of one person's data: what is known of one, and what is answered about it. No I/O."""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from msgspec import Struct

from schemas.projects import ProjectId

MAX_PERSON_CHARS = 512
ErasureState = Literal["waiting", "running", "done", "cancelled"]
OPEN: tuple[ErasureState, ...] = ("waiting", "running")
"""What is to be worked on."""
HASH_CHARS = 16


def hash_of(project_id: ProjectId, person: str) -> str:
    """Returns what stands for a person where nobody may be named.

    Whoever knows the id finds the same: so it can be asked whether somebody was erased.
    """
    return hashlib.sha256(f"{project_id}/{person}".encode()).hexdigest()[:HASH_CHARS]


def session_person(project_id: ProjectId, person: str) -> int:
    """Returns by what the person of a session is counted: a project's own hash of who it is."""
    digest = hashlib.sha256(f"{project_id}\0{person}".encode()).digest()
    return int.from_bytes(digest[:8], "little") or 1


class Done(Struct, frozen=True):
    """How far an erasure is; each part may be repeated, but for the one that is noted here."""

    rows: Mapping[str, int] = {}
    """How many rows there were when it began, by kind."""
    sums_moved: bool = False
    """Whether the sums of LLM calls are nobody's now: they must not move again."""
    failure: str = ""
    """Why the last try broke off; it is tried again."""


class Erasure(Struct, frozen=True):
    """That a person's data is to be erased."""

    erasure_id: str
    project_id: ProjectId
    person: str | None
    """Who it is; `None` once it is over: then only the hash is kept."""
    person_hash: str
    asked_at: datetime
    until_us: int
    """What came until then is erased, in microseconds since 1970 UTC."""
    state: ErasureState
    done: Done
    finished_at: datetime | None


class PersonCounts(Struct, frozen=True, rename="camel"):
    """How much is stored of a person."""

    person_hash: str
    rows: Mapping[str, int]
    """By kind."""
    total: int


class ErasureAnswer(Struct, frozen=True, rename="camel", kw_only=True):
    """An erasure, without the person's id: `personHash` stands for it."""

    id: str
    person_hash: str
    state: ErasureState
    asked_at: str
    finished_at: str | None
    rows: Mapping[str, int]
    problem: str
    """Why the last try broke off, empty where none did. It is tried again."""


class ErasureList(Struct, frozen=True):
    """The newest erasures of a project."""

    erasures: list[ErasureAnswer]
