"""Going back by a rule: once, only where it is wanted, and only from what is bad for sure."""

from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from clickhouse.failures import QueryTooExpensive
from controlplane.crypto import Vault
from controlplane.database import Database
from controlplane.deploys.auto_rollback import AUTHOR
from controlplane.deploys.deployments import get_history, list_deployments
from controlplane.deploys.rows import Reach
from processors.deploys.auto_rollback import CONFIDENT, AutoRollback
from schemas.deploys.deployments import Deployment
from schemas.deploys.impact import Impact
from schemas.deploys.states import DeploymentKind, Origin
from schemas.deploys.windows import HOUR_US, MINUTE_US
from schemas.projects import ProjectId
from tests.integration.deploys.apps import ask
from tests.integration.deploys.switched import AT_US, new_shop, took_over

BAD = Impact(
    deployment_id="",
    project_id="",
    environment="production",
    commit_sha="",
    switched_at=None,
    previous_deployment_id=None,
    verdict="worse",
    confidence=CONFIDENT,
    reason="Errors: 1 before, 9 after",
    before=None,
    after=None,
    measures=[],
    new_issues=[],
)


class Looking:
    """Answers one impact for all, and notes who was looked at."""

    def __init__(self, impact: Impact = BAD, broken: Sequence[str] = ()) -> None:
        self._impact = impact
        self._broken = broken
        self.seen: list[str] = []

    async def read(self, reach: Reach, deployment_id: str, minutes: int) -> Impact:
        assert reach.project_id
        assert minutes == 60
        self.seen.append(deployment_id)
        if deployment_id in self._broken:
            raise QueryTooExpensive("too much")
        return self._impact


async def look(database: Database, looking: Looking, *, minutes: int = 30) -> None:
    now_us = AT_US + minutes * MINUTE_US
    await AutoRollback(database, looking.read, clock=lambda: now_us / 1e6).work()


async def rollbacks(database: Database, project_id: ProjectId) -> list[Deployment]:
    rows = await list_deployments(database, Reach(project_id=project_id), limit=50)
    return [row for row in rows if row.origin == "rule"]


@pytest.fixture
async def shop(database: Database, vault: Vault) -> ProjectId:
    return await new_shop(database, vault, auto_rollback=True)


async def test_a_bad_deployment_is_gone_back_from_once_and_its_history_says_why(
    database: Database, shop: ProjectId
) -> None:
    good, bad = await took_over(database, shop, [AT_US - 5 * HOUR_US, AT_US])

    for _ in range(3):
        await look(database, Looking())

    (made,) = await rollbacks(database, shop)
    assert (made.kind, made.source_id, made.author) == ("rollback", good, AUTHOR)
    assert made.commit_sha == f"{1:040x}"
    (told,) = [
        one
        for one in await get_history(database, Reach(project_id=shop), bad)
        if one.author == AUTHOR
    ]
    assert "Errors: 1 before, 9 after" in told.reason
    assert good in told.reason
    assert made.id in told.reason
    (asked,) = await get_history(database, Reach(project_id=shop), made.id)
    assert asked.author == AUTHOR
    assert bad in asked.reason
    assert "Errors: 1 before, 9 after" in asked.reason


@pytest.mark.parametrize(
    "impact",
    [
        replace(BAD, confidence=CONFIDENT - 0.0001),
        replace(BAD, verdict="same"),
        replace(BAD, verdict="better"),
        replace(BAD, verdict="unknown"),
    ],
    ids=["not sure", "same", "better", "unknown"],
)
async def test_what_is_not_bad_for_sure_stays(
    database: Database, shop: ProjectId, impact: Impact
) -> None:
    await took_over(database, shop, [AT_US - HOUR_US, AT_US])

    await look(database, Looking(impact))

    assert await rollbacks(database, shop) == []


@pytest.mark.parametrize(
    ("kind", "origin"), [("rollback", "page"), ("restart", "page"), ("deploy", "rule")]
)
async def test_what_is_itself_a_way_back_is_not_even_looked_at(
    database: Database, shop: ProjectId, kind: DeploymentKind, origin: Origin
) -> None:
    moments = [AT_US - HOUR_US, AT_US]
    await took_over(database, shop, moments, kind=kind, origin=origin)
    looking = Looking()

    await look(database, looking)

    assert looking.seen == []


async def test_only_production_of_the_last_hour_is_looked_at(
    database: Database, shop: ProjectId
) -> None:
    _, running = await took_over(database, shop, [AT_US - HOUR_US, AT_US])
    await took_over(database, shop, [AT_US], environment="pr-12")
    early, late = Looking(), Looking()

    await look(database, early, minutes=59)
    await look(database, late, minutes=61)

    assert early.seen == [running]
    assert late.seen == []


async def test_an_app_that_does_not_want_it_is_left_alone(database: Database, vault: Vault) -> None:
    project_id = await new_shop(database, vault)
    await took_over(database, project_id, [AT_US - HOUR_US, AT_US])
    looking = Looking()

    await look(database, looking)

    assert looking.seen == []


async def test_the_first_deployment_of_all_has_nothing_to_go_back_to(
    database: Database, shop: ProjectId
) -> None:
    await took_over(database, shop, [AT_US])

    await look(database, Looking())

    assert await rollbacks(database, shop) == []


async def test_what_somebody_has_under_way_is_not_overtaken(
    database: Database, shop: ProjectId
) -> None:
    await took_over(database, shop, [AT_US - HOUR_US, AT_US])
    repair = await ask(database, shop)

    await look(database, Looking())

    assert await rollbacks(database, shop) == []
    rows = await list_deployments(database, Reach(project_id=shop), limit=1)
    assert (rows[0].id, rows[0].status) == (repair.id, "queued")


async def test_a_project_that_cannot_be_read_holds_no_other_up(
    database: Database, vault: Vault, shop: ProjectId
) -> None:
    other = await new_shop(database, vault, auto_rollback=True)
    broken = (await took_over(database, shop, [AT_US - HOUR_US, AT_US]))[-1]
    await took_over(database, other, [AT_US - HOUR_US, AT_US - 1])

    await look(database, Looking(broken=[broken]))

    assert await rollbacks(database, shop) == []
    assert len(await rollbacks(database, other)) == 1
