"""The table of erasures of people's data."""

from datetime import datetime
from uuid import UUID

from advanced_alchemy.base import UUIDAuditBase
from advanced_alchemy.types import DateTimeUTC
from sqlalchemy import BigInteger, ForeignKey, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from controlplane.models import Project, User


class PersonErasure(UUIDAuditBase):
    """That the data of a person is to be erased, or was. Stands before anything is touched."""

    __tablename__ = "person_erasure"

    project_id: Mapped[UUID] = mapped_column(
        ForeignKey(f"{Project.__tablename__}.id", ondelete="CASCADE"), index=True
    )
    person: Mapped[str | None] = mapped_column(Text)
    """The id as it was asked for; gone when it is over."""
    person_hash: Mapped[str] = mapped_column(String(64))
    asked_by: Mapped[UUID | None] = mapped_column(
        ForeignKey(f"{User.__tablename__}.id", ondelete="SET NULL")
    )
    """`None` for the operator, and for a token of the project."""
    until_us: Mapped[int] = mapped_column(BigInteger)
    state: Mapped[str] = mapped_column(String(16), index=True)
    owner: Mapped[str] = mapped_column(String(36))
    """Of the process that works on it; another one takes it over by writing its own here."""
    tried_at: Mapped[datetime | None] = mapped_column(DateTimeUTC(timezone=True))
    """When it was last taken up: the one that waits longest comes first."""
    done: Mapped[bytes] = mapped_column(LargeBinary)
    """A `schemas.persons.Done` as JSON."""
    finished_at: Mapped[datetime | None] = mapped_column(DateTimeUTC(timezone=True))
