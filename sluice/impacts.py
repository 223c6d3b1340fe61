"""What a deployment changed, put together from what the systems know of the time around it."""

import time
from collections.abc import Callable, Sequence

from msgspec import Struct

from clickhouse.client import Warehouse
from clickhouse.deploys.impact import read_around
from controlplane.database import Database
from controlplane.deploys.impact import Setting, read_setting
from controlplane.deploys.rows import Reach
from controlplane.errors.first_seen import FirstSeen, has_issues, list_first_seen
from controlplane.uptime.downtime import Downtime, read_downtime
from schemas.deploys.chances import Counts
from schemas.deploys.impact import Impact, ImpactIssue, ImpactMeasure, ImpactWindow, Verdict
from schemas.deploys.judging import judge
from schemas.deploys.measured import Facts, NewIssue, Rare, Sides
from schemas.deploys.routing import PRODUCTION
from schemas.deploys.windows import HOUR_US, MINUTE_US, Window, Windows
from schemas.times import from_us
from schemas.uptime.stretches import Stretch

SHOWN_ISSUES = 20
PARTS_AFTER = 6
"""The time after is looked at in so many parts, so that one long outage counts for less."""


class _Verdict(Struct, frozen=True):
    verdict: Verdict
    confidence: float
    reason: str
    measures: list[ImpactMeasure] = []
    newest: Sequence[NewIssue] = ()


class Impacts:
    """Works impacts out, of what is stored now."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._clock = clock

    async def read(
        self, warehouse: Warehouse, reach: Reach, deployment_id: str, minutes: int
    ) -> Impact:
        """Compares so many minutes before and after a deployment; raises `NotFound`."""
        now_us = int(self._clock() * 1e6)
        setting = await read_setting(
            self._database, reach, deployment_id, minutes=minutes, now_us=now_us
        )
        if setting.windows is None:
            told = _Verdict("unknown", 0.0, "It has not taken over")
        else:
            told = await self._judged(warehouse, setting, setting.windows, now_us)
        return _impact(setting, told)

    async def _judged(
        self, warehouse: Warehouse, setting: Setting, windows: Windows, now_us: int
    ) -> _Verdict:
        facts = await self._facts(setting, windows, now_us)
        environment = setting.deployment.environment
        around = await read_around(warehouse, setting.project, environment, windows)
        judged = judge(windows, Sides(**around._asdict(), facts=facts))
        return _Verdict(*judged, facts.newest)

    async def _facts(self, setting: Setting, windows: Windows, now_us: int) -> Facts:
        """Reads issues and what monitors saw; neither tells of previews."""
        project_id = setting.project.project_id
        sends_errors = await has_issues(self._database, project_id)
        if setting.deployment.environment != PRODUCTION:
            return Facts(sends_errors=sends_errors, new_issues=None, newest=(), down=None)
        edges = windows.reference.start_us, windows.after.end_us
        issues = await list_first_seen(self._database, project_id, *edges)
        spans = [[Stretch(*part) for part in parts] for parts in _spans(windows, PARTS_AFTER)]
        down = await read_downtime(self._database, project_id, spans, now_us)
        return Facts(
            sends_errors=sends_errors,
            new_issues=_rare_issues([one.at_us for one in issues], windows),
            newest=_newest(issues, windows.after.start_us),
            down=None if down is None else Rare(*map(_minutes_down, down)),
        )


def _spans(windows: Windows, parts_after: int) -> tuple[list[Window], list[Window], list[Window]]:
    """Returns the parts of the long time before, of the time before, and of the time after."""
    reference = windows.reference.parts(windows.reference_parts)
    return reference, [windows.before], windows.after.parts(parts_after)


def _rare_issues(moments: Sequence[int], windows: Windows) -> Rare:
    def counted(parts: Sequence[Window]) -> Counts:
        events = [sum(one.start_us <= at < one.end_us for at in moments) for one in parts]
        return Counts(events, [one.length_us / HOUR_US for one in parts])

    return Rare(*map(counted, _spans(windows, 1)))


def _minutes_down(parts: Sequence[Downtime]) -> Counts:
    down = [one.down_us / MINUTE_US for one in parts]
    return Counts(down, [one.counted_us / MINUTE_US for one in parts])


def _newest(issues: Sequence[FirstSeen], since_us: int) -> list[NewIssue]:
    return [
        NewIssue(
            id=one.id,
            number=one.number,
            title=one.title,
            level=one.level,
            first_seen_us=one.at_us,
        )
        for one in issues
        if one.at_us >= since_us
    ][:SHOWN_ISSUES]


def _impact(setting: Setting, told: _Verdict) -> Impact:
    of, windows, switch = setting.deployment, setting.windows, setting.switch
    return Impact(
        deployment_id=of.id,
        project_id=of.project_id,
        environment=of.environment,
        commit_sha=of.commit_sha,
        switched_at=None if switch is None else from_us(switch.at_us),
        previous_deployment_id=None if setting.previous is None else setting.previous.deployment_id,
        verdict=told.verdict,
        confidence=told.confidence,
        reason=told.reason,
        before=None if windows is None else _window(windows.before, windows.before_cut_by),
        after=None if windows is None else _window(windows.after, windows.after_cut_by),
        measures=told.measures,
        new_issues=[_issue(one) for one in told.newest],
    )


def _window(window: Window, cut_by: str | None) -> ImpactWindow:
    return ImpactWindow(
        started_at=from_us(window.start_us),
        ended_at=from_us(window.end_us),
        minutes=round(window.minutes, 3),
        cut_by=cut_by,
    )


def _issue(one: NewIssue) -> ImpactIssue:
    return ImpactIssue(
        id=one.id,
        number=one.number,
        title=one.title,
        level=one.level,
        first_seen=from_us(one.first_seen_us),
    )
