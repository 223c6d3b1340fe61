"""Issues that were not seen for as long as their project says are resolved, once."""

import time

import pytest

from controlplane.database import Database
from controlplane.errors.activity import list_activity
from controlplane.errors.aging import DAY_US, resolve_old_issues
from controlplane.errors.changes import IssueChange, change_issues
from controlplane.errors.settings import read_settings, write_settings
from controlplane.errors.sightings import note_sightings
from controlplane.failures import BadRequest
from schemas.errors.settings import ProjectErrorsSettings
from schemas.projects import ProjectId
from tests.integration.issues.seen import issues_of, kinds_of, make_project, only_issue, sighting

DAYS = 30
NOW_US = time.time_ns() // 1000
LATER_US = NOW_US + (DAYS + 1) * DAY_US


async def grow_old(database: Database, project: ProjectId, days: int | None = DAYS) -> None:
    await write_settings(database, project, ProjectErrorsSettings(auto_resolve_days=days))
    await note_sightings(database, [sighting(project, at_us=NOW_US)])


async def test_an_old_issue_is_resolved_once_and_its_history_says_why(
    database: Database, project: ProjectId
) -> None:
    await grow_old(database, project)
    await resolve_old_issues(database, NOW_US + (DAYS - 1) * DAY_US)
    assert (await only_issue(database, project)).status == "open"

    for _ in range(2):
        await resolve_old_issues(database, LATER_US)

    issue = await only_issue(database, project)
    assert (await kinds_of(database, issue.id)).count("resolved") == 1
    assert (issue.status, issue.resolution, issue.resolved_by) == ("resolved", "now", None)
    (last, *_) = await list_activity(database, project, issue.id)
    assert (last.kind, last.user_id, last.data["afterDays"]) == ("resolved", None, DAYS)


async def test_a_new_event_opens_it_again_whatever_its_release(
    database: Database, project: ProjectId
) -> None:
    await grow_old(database, project)
    await note_sightings(database, [sighting(project, release="shop@2.0", at_us=NOW_US)])
    await resolve_old_issues(database, LATER_US)

    older = sighting(project, release="shop@1.0", at_us=LATER_US + 1, arrived_us=LATER_US + 1)
    await note_sightings(database, [older])

    issue = await only_issue(database, project)
    assert (issue.status, issue.times_regressed) == ("open", 1)


async def test_it_is_off_by_default_and_bound_to_its_project(
    database: Database, project: ProjectId
) -> None:
    other = await make_project(database, "Other")
    await grow_old(database, project, None)
    await grow_old(database, other)

    assert await resolve_old_issues(database, LATER_US) >= 1

    assert (await read_settings(database, project)).auto_resolve_days is None
    assert (await only_issue(database, project)).status == "open"
    assert (await only_issue(database, other)).status == "resolved"


async def test_one_that_somebody_opened_again_has_the_whole_time_anew(
    database: Database, project: ProjectId
) -> None:
    await grow_old(database, project)
    issue = await only_issue(database, project)
    for status in ("resolved", "open"):
        await change_issues(database, project, [issue.id], IssueChange(status=status), by=None)  # type: ignore[arg-type]  # a Status
    late = sighting(project, "two", at_us=NOW_US - 90 * DAY_US, arrived_us=NOW_US)
    await note_sightings(database, [late])

    await resolve_old_issues(database, NOW_US + (DAYS - 1) * DAY_US)

    # Both issues are of this moment, however old the clock of an event is.
    assert [one.status for one in await issues_of(database, project)] == ["open", "open"]
    assert "opened" in await kinds_of(database, issue.id)


async def test_ignored_issues_stay_ignored(database: Database, project: ProjectId) -> None:
    await grow_old(database, project)
    issue = await only_issue(database, project)
    await change_issues(database, project, [issue.id], IssueChange(status="ignored"), by=None)

    await resolve_old_issues(database, LATER_US)

    assert (await only_issue(database, project)).status == "ignored"


@pytest.mark.parametrize("days", [0, -1, 3651])
async def test_a_time_out_of_bounds_is_rejected(
    database: Database, project: ProjectId, days: int
) -> None:
    with pytest.raises(BadRequest, match="autoResolveDays: expected 1 to 3650, or null"):
        await write_settings(database, project, ProjectErrorsSettings(auto_resolve_days=days))
