"""The tables of prompts that are kept. Times are microseconds since 1970 UTC."""

from uuid import UUID

from advanced_alchemy.base import DefaultBase
from sqlalchemy import BigInteger, ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from controlplane.models import Project

MAX_NAME_CHARS = 120
MAX_LABEL_CHARS = 64
MAX_MESSAGE_CHARS = 500
MAX_AUTHOR_CHARS = 320
PROMPT = "kept_prompt.id"


class PromptRow(DefaultBase):
    """A prompt of a project."""

    __tablename__ = "kept_prompt"
    __table_args__ = (UniqueConstraint("project_id", "name", name="uq_kept_prompt_name"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    project_id: Mapped[UUID] = mapped_column(
        ForeignKey(f"{Project.__tablename__}.id", ondelete="CASCADE")
    )
    name: Mapped[str] = mapped_column(String(MAX_NAME_CHARS))
    latest: Mapped[int]
    """The number of its newest version."""
    created_us: Mapped[int] = mapped_column(BigInteger)
    updated_us: Mapped[int] = mapped_column(BigInteger)


class PromptVersionRow(DefaultBase):
    """One version, which never changes."""

    __tablename__ = "kept_prompt_version"

    prompt_id: Mapped[UUID] = mapped_column(
        ForeignKey(PROMPT, ondelete="CASCADE"), primary_key=True
    )
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    body: Mapped[str] = mapped_column(Text)
    """A JSON string, or an array of messages."""
    config: Mapped[str] = mapped_column(Text)
    """A JSON object."""
    message: Mapped[str] = mapped_column(String(MAX_MESSAGE_CHARS))
    author: Mapped[str] = mapped_column(String(MAX_AUTHOR_CHARS))
    """Who made it, in words."""
    created_us: Mapped[int] = mapped_column(BigInteger)


class PromptLabelRow(DefaultBase):
    """Which version has a label."""

    __tablename__ = "kept_prompt_label"

    prompt_id: Mapped[UUID] = mapped_column(
        ForeignKey(PROMPT, ondelete="CASCADE"), primary_key=True
    )
    label: Mapped[str] = mapped_column(String(MAX_LABEL_CHARS), primary_key=True)
    number: Mapped[int]
