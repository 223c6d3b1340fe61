"""Source maps: pieces of uploads, bundles, their files and the bytes of these."""

import sqlalchemy as sa
from advanced_alchemy.types import GUID
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

TABLES = ("artifact_part", "artifact_file", "artifact_bundle", "artifact_chunk")


def upgrade() -> None:
    """Create them."""
    op.create_table(
        "artifact_chunk",
        sa.Column("owner", sa.String(36), nullable=False),
        sa.Column("checksum", sa.String(40), nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sa.Column("size", sa.Integer, nullable=False),
        sa.Column("received_us", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("owner", "checksum", name="pk_artifact_chunk"),
    )
    op.create_index("ix_artifact_chunk_received_us", "artifact_chunk", ["received_us"])
    _create_bundles()
    _create_files()


def downgrade() -> None:
    """Drop them."""
    for name in TABLES:
        op.drop_table(name)


def _create_bundles() -> None:
    op.create_table(
        "artifact_bundle",
        sa.Column("id", GUID(length=16), nullable=False),
        sa.Column("project_id", GUID(length=16), nullable=False),
        sa.Column("checksum", sa.String(40), nullable=False),
        sa.Column("release", sa.String(250), nullable=False),
        sa.Column("dist", sa.String(64), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("detail", sa.String(300), nullable=False),
        sa.Column("files", sa.Integer, nullable=False),
        sa.Column("bytes", sa.BigInteger, nullable=False),
        sa.Column("uploaded_us", sa.BigInteger, nullable=False),
        sa.Column("used_us", sa.BigInteger, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_artifact_bundle"),
        sa.UniqueConstraint(
            "project_id", "checksum", "release", "dist", name="uq_artifact_bundle_project_id"
        ),
        _of("artifact_bundle", "project"),
    )
    op.create_index(
        "ix_artifact_bundle_release", "artifact_bundle", ["project_id", "release", "dist"]
    )


def _create_files() -> None:
    op.create_table(
        "artifact_file",
        sa.Column("id", GUID(length=16), nullable=False),
        sa.Column("bundle_id", GUID(length=16), nullable=False),
        sa.Column("project_id", GUID(length=16), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("debug_id", sa.String(36), nullable=False),
        sa.Column("url", sa.String(1024), nullable=False),
        sa.Column("source_map", sa.String(1024), nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("problem", sa.String(300), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_artifact_file"),
        _of("artifact_file", "artifact_bundle", "bundle_id"),
        _of("artifact_file", "project"),
    )
    op.create_index("ix_artifact_file_debug_id", "artifact_file", ["project_id", "debug_id"])
    op.create_index("ix_artifact_file_bundle_id", "artifact_file", ["bundle_id"])
    op.create_table(
        "artifact_part",
        sa.Column("file_id", GUID(length=16), nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("file_id", "number", name="pk_artifact_part"),
        _of("artifact_part", "artifact_file", "file_id"),
    )


def _of(table: str, other: str, column: str = "project_id") -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        [column], [f"{other}.id"], name=f"fk_{table}_{column}_{other}", ondelete="CASCADE"
    )
