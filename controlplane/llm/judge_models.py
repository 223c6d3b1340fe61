"""The tables of judges. Times are microseconds since 1970 UTC."""

from uuid import UUID

from advanced_alchemy.base import DefaultBase
from sqlalchemy import BigInteger, ForeignKey, Index, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from controlplane.models import Project

PROJECT = f"{Project.__tablename__}.id"
MAX_NAME_CHARS = 200
MAX_REASON_CHARS = 500


class JudgeRow(DefaultBase):
    """A judge of a project, who works for it, and how that went."""

    __tablename__ = "judge"
    __table_args__ = (UniqueConstraint("project_id", "name", name="uq_judge_name"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    project_id: Mapped[UUID] = mapped_column(ForeignKey(PROJECT, ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(MAX_NAME_CHARS))
    form: Mapped[str] = mapped_column(Text)
    """A JSON object: `schemas.llm.judges.JudgeForm`."""
    enabled: Mapped[bool]
    asks_model: Mapped[bool]
    revision: Mapped[int]
    created_us: Mapped[int] = mapped_column(BigInteger)
    next_us: Mapped[int] = mapped_column(BigInteger)
    """When somebody may take it: later while somebody has it, and while it waits."""
    owner: Mapped[str] = mapped_column(String(36))
    failures: Mapped[int]
    """Rounds in a row in which the model did not answer."""
    stopped: Mapped[str] = mapped_column(String(MAX_REASON_CHARS))
    """Why it waits."""
    error: Mapped[str] = mapped_column(String(MAX_REASON_CHARS))
    error_us: Mapped[int | None] = mapped_column(BigInteger)
    failed_calls: Mapped[int] = mapped_column(default=0, server_default="0")
    """Calls in a row that failed."""
    failing_us: Mapped[int | None] = mapped_column(BigInteger)
    """Since when no call was scored, and every round failed."""
    failed_us: Mapped[int | None] = mapped_column(BigInteger)
    """When the last of these rounds ended."""
    told_us: Mapped[int | None] = mapped_column(BigInteger)
    """When people were told that it fails, until they are told that it works again."""


class JudgeQueue(DefaultBase):
    """Calls that wait for a judge: those of one block of the log, at most 500 a row."""

    __tablename__ = "judge_queue"
    __table_args__ = (
        UniqueConstraint("judge_id", "block", name="uq_judge_queue_block"),
        Index("ix_judge_queue_turn", "judge_id", "turn_us", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    judge_id: Mapped[UUID] = mapped_column(ForeignKey("judge.id", ondelete="CASCADE"))
    block: Mapped[str] = mapped_column(String(64))
    """A hash of the calls: a block that comes again brings nothing new."""
    at_us: Mapped[int] = mapped_column(BigInteger)
    """When they came."""
    turn_us: Mapped[int] = mapped_column(BigInteger)
    """The earliest is taken first. Those of which nobody could say anything go to the end."""
    attempts: Mapped[int]
    """How often nobody could say anything of them."""
    count: Mapped[int]
    calls: Mapped[bytes] = mapped_column(LargeBinary)
    """MessagePack: a list of `schemas.llm.judges.CallRef`."""


class JudgeDay(DefaultBase):
    """What became of calls on one day."""

    __tablename__ = "judge_day"

    judge_id: Mapped[UUID] = mapped_column(
        ForeignKey("judge.id", ondelete="CASCADE"), primary_key=True
    )
    day: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    """Days since 1970, UTC."""
    scored: Mapped[int] = mapped_column(BigInteger)
    skipped: Mapped[int] = mapped_column(BigInteger)
    failed: Mapped[int] = mapped_column(BigInteger)
    dropped: Mapped[int] = mapped_column(BigInteger)
    model_calls: Mapped[int] = mapped_column(BigInteger)
    cost_pico: Mapped[int] = mapped_column(BigInteger)
    """In pico-dollars: 64 bits hold nine million dollars."""
    unpriced: Mapped[int] = mapped_column(BigInteger)


class JudgeWord(DefaultBase):
    """What a judge has said or asked, until it is in the log: a score, or a call of its own."""

    __tablename__ = "judge_word"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    project_id: Mapped[UUID] = mapped_column(ForeignKey(PROJECT, ondelete="CASCADE"), index=True)
    at_us: Mapped[int] = mapped_column(BigInteger, index=True)
    kind: Mapped[str] = mapped_column(String(16))
    """Of the log: `score` or `trace`."""
    item_id: Mapped[str] = mapped_column(String(300))
    body: Mapped[bytes] = mapped_column(LargeBinary)


class JudgeMark(DefaultBase):
    """How far calls of one partition of the log were noted for judges: a block that is stored again
    after a crash is noted no second time.
    """

    __tablename__ = "judge_mark"

    log_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    log_partition: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    kind: Mapped[str] = mapped_column(String(32), primary_key=True)
    through: Mapped[int] = mapped_column(BigInteger)
    """The last offset."""
