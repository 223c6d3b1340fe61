"""A policy is set as a whole; for a day after a change the one before counts as well."""

import pytest

from controlplane import retention_policies as policies
from controlplane.crypto import Vault
from controlplane.database import Database
from controlplane.failures import BadRequest, NotFound
from controlplane.projects import delete_project, insert_project
from controlplane.retention_policies import GRACE_US, find_policy, list_policies, set_policy
from schemas.projects import ProjectId
from schemas.retention import NOTHING_SET, InForce, KeepRule, RetentionChange

STRICT = RetentionChange(kinds={"logs": 3}, rules=(KeepRule("error", 30),))
LOOSE = RetentionChange(kinds={"logs": 30})


@pytest.fixture
async def project(database: Database, vault: Vault) -> ProjectId:
    async with database.session() as session:
        project, _ = await insert_project(session, vault, "Shop", admin_id=None)
        return ProjectId(str(project.id))


async def test_what_a_change_tightens_counts_after_a_day(
    database: Database, project: ProjectId
) -> None:
    held = await set_policy(database, project, STRICT, by="ada")

    now_us = held.changed_us
    assert held.in_force(now_us) == InForce((STRICT.policy, NOTHING_SET))
    assert held.in_force(now_us + GRACE_US) == InForce((STRICT.policy,))
    assert (await find_policy(database, project)) == held


async def test_who_changes_a_change_within_that_day_cannot_shorten_it(
    database: Database, project: ProjectId
) -> None:
    await set_policy(database, project, LOOSE, by="ada")
    held = await set_policy(database, project, STRICT, by="ada")

    assert held.before == NOTHING_SET
    assert held.acts_us == held.changed_us + GRACE_US


async def test_a_change_that_says_so_counts_at_once(database: Database, project: ProjectId) -> None:
    at_once = RetentionChange(kinds={"logs": 3}, at_once=True)

    held = await set_policy(database, project, at_once, by="ada")

    assert held.in_force(held.changed_us) == InForce((held.policy,))
    assert (await list_policies(database))[project] == held


async def test_the_same_again_does_not_begin_the_day_anew(
    database: Database, project: ProjectId
) -> None:
    held = await set_policy(database, project, STRICT, by="ada")

    assert await set_policy(database, project, STRICT, by="eve") == held


async def test_a_project_that_is_gone_has_none(database: Database, project: ProjectId) -> None:
    await set_policy(database, project, LOOSE, by="ada")
    await delete_project(database, project)

    assert project not in await list_policies(database)
    with pytest.raises(NotFound):
        await set_policy(database, project, STRICT, by="ada")


@pytest.mark.parametrize(
    "change",
    [
        RetentionChange(rules=(KeepRule("cost", 30, "much"),)),
        RetentionChange(rules=(KeepRule("cost", 30, "-1"),)),
        RetentionChange(rules=(KeepRule("latency", 30, "NaN"),)),
        RetentionChange(rules=(KeepRule("latency", 30, "1e13"),)),
        RetentionChange(rules=(KeepRule("cost", 30, "1e-999999"),)),
        RetentionChange(rules=(KeepRule("cost", 30, "0.1234567890123"),)),
        RetentionChange(rules=(KeepRule("environment", 30, " "),)),
        RetentionChange(rules=(KeepRule("error", 30, "yes"),)),
        RetentionChange(sample_percent=5),
        RetentionChange(sample_from_days=5),
    ],
)
def test_what_means_nothing_is_rejected(change: RetentionChange) -> None:
    with pytest.raises(BadRequest):
        policies.checked(change)


def test_numbers_are_written_in_one_way() -> None:
    change = RetentionChange(rules=(KeepRule("cost", 30, " 0.50"), KeepRule("cost", 30, "5e-1")))
    most = RetentionChange(rules=(KeepRule("cost", 30, "1e12"),))

    assert policies.checked(change).rules == (KeepRule("cost", 30, "0.5"),)
    assert policies.checked(most).rules == (KeepRule("cost", 30, "1000000000000"),)
