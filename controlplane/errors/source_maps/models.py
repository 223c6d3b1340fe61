"""The tables of source maps. Bytes are compressed, in rows of `PART_BYTES` at most.

They are here and not in the store: an upload is known or it is not, whatever dies between, any
process of a cluster reads it, and a project that is deleted takes its files along.
"""

from uuid import UUID

from advanced_alchemy.base import DefaultBase
from sqlalchemy import BigInteger, ForeignKey, Index, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from controlplane.errors.models import PROJECT
from schemas.errors.source_maps import (
    MAX_DIST_CHARS,
    MAX_PROBLEM_CHARS,
    MAX_RELEASE_CHARS,
    MAX_URL_CHARS,
)


class ArtifactChunk(DefaultBase):
    """A piece of an upload that is not put together yet; of the token that sent it."""

    __tablename__ = "artifact_chunk"

    owner: Mapped[str] = mapped_column(String(36), primary_key=True)
    checksum: Mapped[str] = mapped_column(String(40), primary_key=True)
    """SHA-1 of its bytes, in hexadecimal."""
    content: Mapped[bytes] = mapped_column(LargeBinary)
    size: Mapped[int]
    received_us: Mapped[int] = mapped_column(BigInteger, index=True)


class ArtifactBundle(DefaultBase):
    """One upload: scripts and maps, for a release or known by debug ids."""

    __tablename__ = "artifact_bundle"
    __table_args__ = (
        UniqueConstraint("project_id", "checksum", "release", "dist"),
        Index("ix_artifact_bundle_release", "project_id", "release", "dist"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    project_id: Mapped[UUID] = mapped_column(ForeignKey(PROJECT, ondelete="CASCADE"))
    checksum: Mapped[str] = mapped_column(String(40))
    release: Mapped[str] = mapped_column(String(MAX_RELEASE_CHARS))
    dist: Mapped[str] = mapped_column(String(MAX_DIST_CHARS))
    state: Mapped[str] = mapped_column(String(16))
    """`reading` while it is put together, then `ok`."""
    detail: Mapped[str] = mapped_column(String(MAX_PROBLEM_CHARS))
    files: Mapped[int]
    bytes: Mapped[int] = mapped_column(BigInteger)
    """Stored, compressed."""
    uploaded_us: Mapped[int] = mapped_column(BigInteger)
    used_us: Mapped[int | None] = mapped_column(BigInteger)
    """When it was last read for an event, within a day."""


class ArtifactFile(DefaultBase):
    """A script or a map of a bundle."""

    __tablename__ = "artifact_file"
    __table_args__ = (Index("ix_artifact_file_debug_id", "project_id", "debug_id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    bundle_id: Mapped[UUID] = mapped_column(
        ForeignKey("artifact_bundle.id", ondelete="CASCADE"), index=True
    )
    project_id: Mapped[UUID] = mapped_column(ForeignKey(PROJECT, ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(String(16))
    debug_id: Mapped[str] = mapped_column(String(36))
    url: Mapped[str] = mapped_column(String(MAX_URL_CHARS))
    source_map: Mapped[str] = mapped_column(String(MAX_URL_CHARS))
    size: Mapped[int] = mapped_column(BigInteger)
    problem: Mapped[str] = mapped_column(String(MAX_PROBLEM_CHARS))


class ArtifactPart(DefaultBase):
    """A part of a file's compressed bytes."""

    __tablename__ = "artifact_part"

    file_id: Mapped[UUID] = mapped_column(
        ForeignKey("artifact_file.id", ondelete="CASCADE"), primary_key=True
    )
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    content: Mapped[bytes] = mapped_column(LargeBinary)
