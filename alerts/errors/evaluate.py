"""Evaluates the alert rules of all projects: in one process of all, every few seconds."""

import time
from collections.abc import Callable, Sequence

import structlog

from alerts.errors.rules import (
    Verdict,
    cools,
    fires,
    judge_count,
    judge_spike,
    judge_transactions,
    state_of,
    windows_of,
)
from alerts.errors.wording import alert_of, message_of
from clickhouse.client import Warehouse
from clickhouse.errors.alerting import Window, count_errors, matches, read_transactions
from clickhouse.failures import QueryTooExpensive, WarehouseError
from controlplane.database import Database
from controlplane.errors.alert_firing import (
    AT_ONCE,
    Happened,
    Hit,
    fire,
    forget_hits,
    list_active_rules,
    list_unseen,
    note_looks,
    read_waiting,
    set_state,
)
from controlplane.errors.alert_rules import awaits_happenings
from controlplane.outbox import forget_old
from schemas.errors.alerts import HAPPENINGS, Alert, Rule
from schemas.projects import ProjectContext

LOOK_EVERY_US = 2_000_000
COUNT_EVERY_US = 15_000_000
"""Counting reads the store: a rule counts this often, and a long window less often."""
SHARE_OF_WINDOW = 60
COUNT_AT_LEAST_US = 300_000_000
MOST_LOOKS = 20
"""Parts of new happenings in one round; more wait for the next round."""
FORGET_EVERY_US = 3_600_000_000
KEPT_US = 90 * 86_400_000_000
"""How long the history of messages is kept."""

log = structlog.get_logger(__name__)


class Evaluation:
    """Looks after the rules. Several may run at once for a moment: each alert goes out once."""

    def __init__(
        self,
        database: Database,
        warehouse: Warehouse,
        now_us: Callable[[], int] = lambda: time.time_ns() // 1000,
    ) -> None:
        self._database = database
        self._warehouse = warehouse
        self._now_us = now_us
        self._due_us = self._forget_due_us = 0
        self._counts_due_us: dict[str, int] = {}

    async def work(self) -> None:
        """Does what is due; cheap when nothing is."""
        now_us = self._now_us()
        if now_us < self._due_us:
            return
        rules = await list_active_rules(self._database)
        await self._look(rules)
        for rule in rules:
            try:
                await self._evaluate(rule)
            except WarehouseError as error:
                # One rule that costs too much must not keep the others from going off.
                log.warning("alert rule not evaluated", rule_id=rule.id, reason=str(error)[:500])
        due = self._counts_due_us
        self._counts_due_us = {rule.id: due[rule.id] for rule in rules if rule.id in due}
        if now_us >= self._forget_due_us:
            await forget_old(self._database, now_us - KEPT_US)
            self._forget_due_us = now_us + FORGET_EVERY_US
        self._due_us = now_us + LOOK_EVERY_US

    async def _look(self, rules: Sequence[Rule]) -> None:
        """Looks once at each thing that happened to an issue, and keeps it for its rules."""
        waiting = [rule for rule in rules if awaits_happenings(rule)]
        for _ in range(MOST_LOOKS):
            unseen = await list_unseen(self._database)
            if not unseen:
                return
            hits = [
                Hit(rule.id, one)
                for one in unseen
                for rule in waiting
                if await self._concerns(rule, one)
            ]
            await note_looks(self._database, unseen, hits, self._now_us())
            if len(unseen) < AT_ONCE:
                return

    async def _concerns(self, rule: Rule, happened: Happened) -> bool:
        if rule.project_id != happened.project_id or HAPPENINGS[rule.rule_type] != happened.kind:
            return False
        if not rule.query.narrows and rule.environments is None:
            return True
        project = ProjectContext(rule.project_id)
        since = happened.group_hashes, happened.at_us
        try:
            return await matches(self._warehouse, project, rule.query, rule.environments, since)
        except QueryTooExpensive as error:
            # It would be as dear the next time, and every other happening waits behind it. One
            # alert too many is better than one too few.
            log.warning("alert rule not narrowed", rule_id=rule.id, reason=str(error)[:500])
            return True

    async def _evaluate(self, rule: Rule) -> None:
        now_us = self._now_us()
        if awaits_happenings(rule):
            await self._tell_hits(rule, now_us)
        elif now_us >= self._counts_due_us.get(rule.id, 0):
            every_us = min(COUNT_AT_LEAST_US, rule.window_us // SHARE_OF_WINDOW)
            self._counts_due_us[rule.id] = now_us + max(COUNT_EVERY_US, every_us)
            await self._conclude(rule, await self._judge(rule, now_us), now_us)

    async def _tell_hits(self, rule: Rule, now_us: int) -> None:
        """Fires when enough has happened. What happens while a rule cools waits for its end."""
        if cools(rule, now_us):
            return
        waiting = await read_waiting(self._database, rule)
        if waiting.hits >= rule.threshold_count:
            alert = alert_of(rule, Verdict(True, waiting.hits), now_us, waiting.titles)
            await self._fire(rule, now_us, alert)
            return
        if waiting.hits:
            await forget_hits(self._database, rule, now_us - rule.window_us)
        if rule.state != "ok":
            await set_state(self._database, rule, "ok")

    async def _judge(self, rule: Rule, now_us: int) -> Verdict:
        project, environments = ProjectContext(rule.project_id), rule.environments
        if rule.rule_type in ("transaction.error_rate", "transaction.p95_latency"):
            window = Window(now_us - rule.window_us, now_us)
            figures = await read_transactions(
                self._warehouse, project, rule.query, environments, window
            )
            return judge_transactions(rule, figures)
        windows = windows_of(rule, now_us)
        counts = await count_errors(self._warehouse, project, rule.query, environments, windows)
        is_spike = rule.rule_type == "issue.frequency_spike"
        return judge_spike(rule, counts) if is_spike else judge_count(rule, counts)

    async def _conclude(self, rule: Rule, verdict: Verdict, now_us: int) -> None:
        if fires(rule, verdict, now_us):
            await self._fire(rule, now_us, alert_of(rule, verdict, now_us))
            return
        state = state_of(verdict)
        if state != rule.state:
            await set_state(self._database, rule, state)

    async def _fire(self, rule: Rule, now_us: int, alert: Alert) -> None:
        if await fire(self._database, rule, message_of(alert), now_us):
            log.info("alert fired", rule_id=rule.id, project_id=rule.project_id)
