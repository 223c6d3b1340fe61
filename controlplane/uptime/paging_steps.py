"""What follows from the steps of incidents: who has to be told what. Within one transaction.

1. An incident that opens is told to the notifications of its monitor, and to the steps of its
   policy that are due at once. If it is over, or acknowledged, before that, nobody is told.
2. Reopened, it is told to those who had the alert before, and its escalation begins anew.
3. A target is told once in a round, whichever steps name it.
4. That it is over is told to exactly those who had the alert. That it is acknowledged is told to
   PagerDuty alone. Both end the escalation.
5. In maintenance, steps wait for the end of the window.
"""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.aims import Sight, find_sights, sight_of_channel
from controlplane.crypto import Vault
from controlplane.outbox import open_target
from controlplane.outbox_models import AlertChannel, AlertOutbox
from controlplane.uptime.models import Incident, IncidentNotice, IncidentPaging, Monitor
from controlplane.uptime.monitors import open_config
from controlplane.uptime.overlays import read_overlays
from controlplane.uptime.policies import find_policy
from schemas.uptime.escalation import Place, PolicyForm, due_of, next_round
from schemas.uptime.monitors import MonitorConfig
from schemas.uptime.notices import (
    ACKNOWLEDGEMENT_STEP,
    ALERTS,
    RECOVERY_STEP,
    STEPS_OF_A_ROUND,
    NoticeKind,
    Warned,
)
from schemas.uptime.stretches import Stretch

MOST_DUE = 200
"""Incidents in one look: they are one transaction."""


class Want(NamedTuple):
    """That a target has to be told of an incident."""

    row: Incident
    generation: int
    step: int
    kind: NoticeKind
    sight: Sight
    after_id: UUID | None = None
    """What the target was told before."""


class Had(NamedTuple):
    """What a target was told of an incident."""

    notice: IncidentNotice
    message: AlertOutbox


class Look:
    """One look at the incidents of a project: what is wanted is put together, and written later."""

    def __init__(self, session: AsyncSession, vault: Vault, project_id: UUID, now_us: int) -> None:
        self._session = session
        self._vault = vault
        self.project_id = project_id
        self.now_us = now_us
        self.wants: list[Want] = []
        self.warnings: list[tuple[Warned, Sight]] = []
        self._told: set[tuple[str, int, int, str]] = set()
        """Who is told in this look: incident, generation, round, target."""

    async def warn(self, warned: Warned) -> None:
        """Has the notifications of a monitor told of something that is no incident."""
        monitor = await self._monitor(warned.monitor_id)
        if monitor is None:
            return
        row, config = monitor
        named = warned._replace(monitor_name=row.name)
        for sight in await self._sights(config.notifications):
            self.warnings.append((named, sight))

    async def follow(self, incident_id: str, steps: Sequence[str]) -> None:
        """Has people told of what happened to an incident, in order."""
        row = await self._session.scalar(select(Incident).where(Incident.id == incident_id))
        if row is None:
            return
        for number, step in enumerate(steps):
            goes_on = "reopened" in steps[number + 1 :]
            if step == "resolved" and not goes_on:
                await self._end(row, RECOVERY_STEP, "recovery")
            elif step == "acknowledged" and not goes_on:
                await self._end(row, ACKNOWLEDGEMENT_STEP, "acknowledgement")
            elif step in ("triggered", "reopened") and not goes_on:
                await self._open(row)

    async def take_due(self) -> None:
        """Has people told of incidents that nobody has acknowledged for so long."""
        query = (
            select(Incident, IncidentPaging)
            .join(IncidentPaging, IncidentPaging.incident_id == Incident.id)
            .where(Incident.project_id == self.project_id, IncidentPaging.next_us <= self.now_us)
            .order_by(IncidentPaging.next_us)
            .limit(MOST_DUE)
        )
        for row, paging in (await self._session.execute(query)).all():
            window_us = await self._end_of_maintenance(row)
            if row.state != "triggered":
                paging.next_us = None
            elif window_us is not None:
                paging.next_us = window_us
            else:
                await self._go_on(row, paging, await self._policy(row))

    async def _open(self, row: Incident) -> None:
        if row.state != "triggered":
            return
        paging = await self._session.get(IncidentPaging, row.id)
        before: list[Had] = []
        if paging is None:
            paging = IncidentPaging(
                incident_id=row.id, generation=0, round=0, round_us=self.now_us, step=0
            )
            self._session.add(paging)
        else:
            before = await self._had(row, paging.generation)
            paging.generation += 1
            paging.round, paging.round_us, paging.step = 0, self.now_us, 0
        for sight, message_id in await self._reached(before):
            self._want(row, paging, 0, "again", sight, message_id)
        monitor = await self._monitor(row.monitor_id)
        if monitor is not None:
            for sight in await self._sights(monitor[1].notifications):
                self._want(row, paging, 0, "again" if before else "alert", sight)
        await self._go_on(row, paging, await self._policy(row))

    async def _end(self, row: Incident, step: int, kind: NoticeKind) -> None:
        paging = await self._session.get(IncidentPaging, row.id)
        if paging is None:
            return
        paging.next_us = None
        for sight, message_id in await self._reached(await self._had(row, paging.generation)):
            if kind == "recovery" or sight.kind == "pagerduty":
                self.wants.append(Want(row, paging.generation, step, kind, sight, message_id))

    async def _go_on(
        self, row: Incident, paging: IncidentPaging, policy: PolicyForm | None
    ) -> None:
        """Takes the steps that are due by now, and notes when the next one is."""
        told = await self._had(row, paging.generation, paging.round)
        had = {one.notice.target_key for one in told}
        place = Place(paging.round, paging.round_us, paging.step)
        while policy is not None:
            due_us = due_of(policy, place)
            if due_us is None:
                following = next_round(policy, place, self.now_us)
                if following is None:
                    break
                place, had = following, set()
            elif due_us > self.now_us:
                break
            else:
                paging.round = place.round
                number = place.round * STEPS_OF_A_ROUND + place.step + 1
                kind: NoticeKind = "reminder" if place.round else "alert"
                for sight in await self._sights(policy.steps[place.step].notifications):
                    if sight.key not in had:
                        self._want(row, paging, number, kind, sight)
                place = place._replace(step=place.step + 1)
        paging.round, paging.round_us, paging.step = place
        paging.next_us = due_of(policy, place)

    def _want(
        self,
        row: Incident,
        paging: IncidentPaging,
        step: int,
        kind: NoticeKind,
        sight: Sight,
        after_id: UUID | None = None,
    ) -> None:
        told = (row.id, paging.generation, step // STEPS_OF_A_ROUND, sight.key)
        if told not in self._told:
            self._told.add(told)
            self.wants.append(Want(row, paging.generation, step, kind, sight, after_id))

    async def _had(self, row: Incident, generation: int, round: int | None = None) -> list[Had]:
        """Returns the alerts of an incident that were put into the outbox, the first one first."""
        of = IncidentNotice
        query = (
            select(of, AlertOutbox)
            .join(AlertOutbox, AlertOutbox.id == of.message_id)
            .where(of.incident_id == row.id, of.generation == generation, of.kind.in_(ALERTS))
            .order_by(of.step, of.target_key)
        )
        if round is not None:
            first = round * STEPS_OF_A_ROUND
            query = query.where(of.step >= first, of.step < first + STEPS_OF_A_ROUND)
        return [Had(*row) for row in (await self._session.execute(query)).all()]

    async def _reached(self, had: Sequence[Had]) -> list[tuple[Sight, UUID]]:
        """Returns who had an alert that was not given up, with the last message of each."""
        found: dict[str, tuple[Sight, UUID]] = {}
        for notice, message in had:
            if message.state in ("dead", "failed"):
                continue
            channel = None
            if message.channel_id is not None:
                channel = await self._session.get(AlertChannel, message.channel_id)
            if channel is not None:
                sight = sight_of_channel(self._vault, channel)
            else:
                config = open_target(self._vault, message.id, message.sealed_target or b"")
                kind = message.target_kind
                sight = Sight(notice.target_key, kind, message.target, config)  # type: ignore[arg-type]  # one of its values was stored
            found[notice.target_key] = (sight, message.id)
        return list(found.values())

    async def _sights(self, texts: Sequence[str]) -> list[Sight]:
        return await find_sights(self._session, self._vault, self.project_id, texts)

    async def _monitor(self, monitor_id: str | None) -> tuple[Monitor, MonitorConfig] | None:
        query = select(Monitor).where(
            Monitor.id == monitor_id, Monitor.project_id == self.project_id
        )
        row = None if monitor_id is None else await self._session.scalar(query)
        return None if row is None else (row, open_config(self._vault, row))

    async def _policy(self, row: Incident) -> PolicyForm | None:
        name = row.escalation_policy
        if name is None:
            monitor = await self._monitor(row.monitor_id)
            name = None if monitor is None else monitor[1].escalation_policy
        return await find_policy(self._session, self._vault, str(self.project_id), name)

    async def _end_of_maintenance(self, row: Incident) -> int | None:
        if row.monitor_id is None:
            return None
        now = Stretch(self.now_us, self.now_us + 1)
        windows = (await read_overlays(self._session, row.monitor_id, now)).maintenance
        ends = [one.end_us for one in windows if one.start_us <= self.now_us < one.end_us]
        return max(ends, default=None)
