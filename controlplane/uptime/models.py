"""The tables of monitors and incidents. Times are microseconds since 1970 UTC."""

from uuid import UUID

from advanced_alchemy.base import DefaultBase
from sqlalchemy import (
    BigInteger,
    ForeignKey,
    Index,
    LargeBinary,
    String,
    Text,
    UniqueConstraint,
    false,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from controlplane.models import Project

ID_CHARS = 12
MAX_NAME_CHARS = 200
MAX_REGION_CHARS = 40
MAX_REGION_ID_CHARS = 80
MAX_TITLE_CHARS = 300
MAX_ASSIGNEE_CHARS = 254
MAX_POLICY_CHARS = 100
OUTBOX = "alert_outbox.id"
PROJECT = f"{Project.__tablename__}.id"
MONITOR = "monitor.id"
UNPAGED = text("NOT is_paged")
UNHOOKED = text("NOT is_hooked")
"""For indexes and for queries that are to use them."""
BEGINS_OUTAGE = text("region = '' AND after = 'down'")
OPEN_OF_ITSELF = text("origin = 'auto' AND state <> 'resolved'")


class Monitor(DefaultBase):
    """What is looked at, and how."""

    __tablename__ = "monitor"
    __table_args__ = (Index("ix_monitor_project", "project_id", "created_us", "id"),)

    id: Mapped[str] = mapped_column(String(ID_CHARS), primary_key=True)
    project_id: Mapped[UUID] = mapped_column(ForeignKey(PROJECT, ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(MAX_NAME_CHARS))
    sealed_config: Mapped[bytes] = mapped_column(LargeBinary)
    """A `schemas.uptime.monitors.MonitorConfig` as JSON; it opens for its own id alone."""
    policies: Mapped[str] = mapped_column(Text)
    """A JSON array of `schemas.uptime.states.Policy`: by which rules each revision is read."""
    revision: Mapped[int]
    paused: Mapped[bool]
    target_ppm: Mapped[int] = mapped_column(server_default="999000")
    """The promised uptime in millionths; with the next one, for who cannot open configurations."""
    latency_alerts: Mapped[bool] = mapped_column(server_default=false())
    created_us: Mapped[int] = mapped_column(BigInteger)
    updated_us: Mapped[int] = mapped_column(BigInteger)


class MonitorState(DefaultBase):
    """What is known of a monitor. Who changes it, its flips or its incidents moves `version`."""

    __tablename__ = "monitor_state"

    monitor_id: Mapped[str] = mapped_column(
        ForeignKey(MONITOR, ondelete="CASCADE"), primary_key=True
    )
    version: Mapped[int] = mapped_column(BigInteger)
    history: Mapped[bytes] = mapped_column(LargeBinary)
    """MessagePack: `schemas.uptime.states.MonitorHistory`."""
    state: Mapped[str] = mapped_column(String(16))
    since_us: Mapped[int | None] = mapped_column(BigInteger)
    last_us: Mapped[int | None] = mapped_column(BigInteger)
    """The newest slot that a check told of."""
    is_late: Mapped[bool] = mapped_column(index=True)
    """Whether checks came that have to be read together with the stored ones."""


class MonitorFlip(DefaultBase):
    """A change of state: in one region, or of the monitor where the region is empty."""

    __tablename__ = "monitor_flip"
    __table_args__ = (
        Index(
            "ix_monitor_flip_outage",
            "at_us",
            sqlite_where=BEGINS_OUTAGE,
            postgresql_where=BEGINS_OUTAGE,
        ),
    )

    monitor_id: Mapped[str] = mapped_column(
        ForeignKey(MONITOR, ondelete="CASCADE"), primary_key=True
    )
    region: Mapped[str] = mapped_column(String(MAX_REGION_CHARS), primary_key=True)
    at_us: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    before: Mapped[str] = mapped_column(String(16))
    after: Mapped[str] = mapped_column(String(16))


class MonitorPause(DefaultBase):
    """A time in which a monitor was not looked at because somebody said so."""

    __tablename__ = "monitor_pause"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    monitor_id: Mapped[str] = mapped_column(ForeignKey(MONITOR, ondelete="CASCADE"), index=True)
    from_us: Mapped[int] = mapped_column(BigInteger)
    until_us: Mapped[int | None] = mapped_column(BigInteger)


class MonitorMaintenance(DefaultBase):
    """A maintenance window, and since when and until when it was configured."""

    __tablename__ = "monitor_maintenance"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    monitor_id: Mapped[str] = mapped_column(ForeignKey(MONITOR, ondelete="CASCADE"), index=True)
    spec: Mapped[str] = mapped_column(Text)
    """A JSON object: `schemas.uptime.maintenance.MaintenanceWindow`."""
    from_us: Mapped[int] = mapped_column(BigInteger)
    until_us: Mapped[int | None] = mapped_column(BigInteger)


class Heartbeat(DefaultBase):
    """What a heartbeat monitor has beside: its ping URL, its schedule, what was heard of it."""

    __tablename__ = "heartbeat"
    __table_args__ = (Index("uq_heartbeat_slug", "project_id", "slug", "environment", unique=True),)

    monitor_id: Mapped[str] = mapped_column(
        ForeignKey(MONITOR, ondelete="CASCADE"), primary_key=True
    )
    project_id: Mapped[UUID] = mapped_column(ForeignKey(PROJECT, ondelete="CASCADE"))
    secret_hash: Mapped[str] = mapped_column(String(64), unique=True)
    sealed_secret: Mapped[bytes] = mapped_column(LargeBinary)
    slug: Mapped[str | None] = mapped_column(String(50))
    """`None` where no check-in feeds it."""
    environment: Mapped[str] = mapped_column(String(64))
    is_upserted: Mapped[bool]
    """Whether a check-in has made it."""
    schedule: Mapped[str] = mapped_column(Text)
    """A JSON object: `schemas.uptime.heartbeats.Expectation`."""
    since_us: Mapped[int] = mapped_column(BigInteger)
    """Since when runs are due by this schedule: when it was set, or a pause ended."""
    heard_us: Mapped[int | None] = mapped_column(BigInteger)
    """When the newest run began that was heard of, or should have."""
    started_us: Mapped[int | None] = mapped_column(BigInteger)
    """The newest start that a run has told of."""
    look_at_us: Mapped[int] = mapped_column(BigInteger, index=True)
    """Before then nothing can be missing."""


class HeartbeatWord(DefaultBase):
    """What is to become a check of a heartbeat, and is not in the log yet."""

    __tablename__ = "heartbeat_word"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    """Who says it twice names it twice."""
    project_id: Mapped[UUID] = mapped_column(ForeignKey(PROJECT, ondelete="CASCADE"))
    word: Mapped[bytes] = mapped_column(LargeBinary)
    """JSON: `schemas.uptime.heartbeats.Word`."""
    at_us: Mapped[int] = mapped_column(BigInteger, index=True)


class HeartbeatWatch(DefaultBase):
    """When some process last listened to heartbeats, and when none did before. One row."""

    __tablename__ = "heartbeat_watch"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    deaf_from_us: Mapped[int] = mapped_column(BigInteger)
    deaf_until_us: Mapped[int] = mapped_column(BigInteger)
    listened_us: Mapped[int] = mapped_column(BigInteger)


class Incident(DefaultBase):
    """Something that people have to know of: a monitor that is down, or what somebody says."""

    __tablename__ = "incident"
    __table_args__ = (
        Index("ix_incident_project", "project_id", "created_us", "id"),
        Index("ix_incident_monitor", "monitor_id", "started_us"),
        Index(
            "uq_incident_open",
            "monitor_id",
            unique=True,
            sqlite_where=OPEN_OF_ITSELF,
            postgresql_where=OPEN_OF_ITSELF,
        ),
    )

    id: Mapped[str] = mapped_column(String(ID_CHARS), primary_key=True)
    project_id: Mapped[UUID] = mapped_column(ForeignKey(PROJECT, ondelete="CASCADE"))
    monitor_id: Mapped[str | None] = mapped_column(ForeignKey(MONITOR, ondelete="SET NULL"))
    origin: Mapped[str] = mapped_column(String(8))
    """`auto` or `manual`."""
    title: Mapped[str] = mapped_column(String(MAX_TITLE_CHARS))
    severity: Mapped[str] = mapped_column(String(16))
    state: Mapped[str] = mapped_column(String(16))
    resolution: Mapped[str | None] = mapped_column(String(16))
    started_us: Mapped[int] = mapped_column(BigInteger)
    acknowledged_us: Mapped[int | None] = mapped_column(BigInteger)
    resolved_us: Mapped[int | None] = mapped_column(BigInteger)
    assignee: Mapped[str | None] = mapped_column(String(MAX_ASSIGNEE_CHARS))
    external_ids: Mapped[str] = mapped_column(Text)
    """A JSON object of texts."""
    reopened: Mapped[int]
    escalation_policy: Mapped[str | None] = mapped_column(String(MAX_POLICY_CHARS))
    """The name of its own one; else its monitor's holds."""
    created_us: Mapped[int] = mapped_column(BigInteger)
    updated_us: Mapped[int] = mapped_column(BigInteger)


class IncidentEvent(DefaultBase):
    """One line of an incident's timeline; lines are only added."""

    __tablename__ = "incident_event"
    __table_args__ = (Index("ix_incident_event_incident", "incident_id", "number"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    incident_id: Mapped[str] = mapped_column(ForeignKey("incident.id", ondelete="CASCADE"))
    number: Mapped[int]
    """Within the incident, from 1 on."""
    at_us: Mapped[int] = mapped_column(BigInteger)
    """When it was so; `noted_us` is when it was known."""
    noted_us: Mapped[int] = mapped_column(BigInteger)
    kind: Mapped[str] = mapped_column(String(16))
    author: Mapped[str] = mapped_column(String(MAX_NAME_CHARS))
    """Of what a person did: the name of their token."""
    notes: Mapped[str] = mapped_column(Text)
    public_note: Mapped[str] = mapped_column(Text, default="", server_default="")
    """What everybody may read of it, on the public status pages."""


class UptimeEvent(DefaultBase):
    """Something that happened to a monitor or an incident: `controlplane.uptime.events`."""

    __tablename__ = "uptime_event"
    __table_args__ = (
        Index("ix_uptime_event_project", "project_id", "noted_us", "id"),
        Index(
            "ix_uptime_event_unpaged",
            "noted_us",
            sqlite_where=UNPAGED,
            postgresql_where=UNPAGED,
        ),
        Index(
            "ix_uptime_event_unhooked",
            "noted_us",
            sqlite_where=UNHOOKED,
            postgresql_where=UNHOOKED,
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    """The `event_id` that people see."""
    project_id: Mapped[UUID] = mapped_column(ForeignKey(PROJECT, ondelete="CASCADE"))
    monitor_id: Mapped[str | None] = mapped_column(
        ForeignKey(MONITOR, ondelete="SET NULL"), index=True
    )
    incident_id: Mapped[str | None] = mapped_column(
        ForeignKey("incident.id", ondelete="CASCADE"), index=True
    )
    type: Mapped[str] = mapped_column(String(40))
    """`schemas.uptime.events.EventType`."""
    at_us: Mapped[int] = mapped_column(BigInteger)
    noted_us: Mapped[int] = mapped_column(BigInteger)
    is_quiet: Mapped[bool]
    details: Mapped[str] = mapped_column(Text)
    """A JSON object: what the event's type needs besides."""
    is_paged: Mapped[bool]
    is_hooked: Mapped[bool]


class EscalationPolicy(DefaultBase):
    """Who is told of an incident, one after the other. What it sends to is sealed."""

    __tablename__ = "escalation_policy"
    __table_args__ = (UniqueConstraint("project_id", "name", name="uq_escalation_policy_name"),)

    id: Mapped[str] = mapped_column(String(ID_CHARS), primary_key=True)
    project_id: Mapped[UUID] = mapped_column(ForeignKey(PROJECT, ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(MAX_POLICY_CHARS))
    sealed_config: Mapped[bytes] = mapped_column(LargeBinary)
    """A `schemas.uptime.escalation.PolicyForm` as JSON; it opens for its own id alone."""
    created_us: Mapped[int] = mapped_column(BigInteger)
    updated_us: Mapped[int] = mapped_column(BigInteger)


class IncidentPaging(DefaultBase):
    """How far people have been told of an incident."""

    __tablename__ = "incident_paging"

    incident_id: Mapped[str] = mapped_column(
        ForeignKey("incident.id", ondelete="CASCADE"), primary_key=True
    )
    generation: Mapped[int]
    """How often it was reopened after an alert: each time, alerts begin anew."""
    round: Mapped[int]
    """Of the steps of its policy, from 0 on."""
    round_us: Mapped[int] = mapped_column(BigInteger)
    """When the round began: steps are due after it."""
    step: Mapped[int]
    """The next one."""
    next_us: Mapped[int | None] = mapped_column(BigInteger, index=True)
    """When that is due; `None` where nothing is."""


class IncidentNotice(DefaultBase):
    """That one target is told of one step of an incident: the memory of who had an alert."""

    __tablename__ = "incident_notice"

    incident_id: Mapped[str] = mapped_column(
        ForeignKey("incident.id", ondelete="CASCADE"), primary_key=True
    )
    generation: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    step: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    """`schemas.uptime.notices`: rounds and steps of a policy, or a negative one."""
    target_key: Mapped[str] = mapped_column(String(64), primary_key=True)
    message_id: Mapped[UUID] = mapped_column(ForeignKey(OUTBOX, ondelete="CASCADE"), index=True)
    """Several incidents may be told of by one message."""
    kind: Mapped[str] = mapped_column(String(16))


class ProberRegion(DefaultBase):
    """Which probers share a region: of one project, or of the whole installation."""

    __tablename__ = "prober_region"
    __table_args__ = (Index("ix_prober_region_region", "region", "until_us"),)

    id: Mapped[str] = mapped_column(String(MAX_REGION_ID_CHARS), primary_key=True)
    """The project, or nothing; a slash; the region."""
    project_id: Mapped[UUID | None] = mapped_column(ForeignKey(PROJECT, ondelete="CASCADE"))
    region: Mapped[str] = mapped_column(String(MAX_REGION_CHARS))
    until_us: Mapped[int] = mapped_column(BigInteger)
    """When the last of them is taken to be gone."""
    shares: Mapped[bytes] = mapped_column(LargeBinary)
    """MessagePack: `controlplane.uptime.sharing.Shares`."""
