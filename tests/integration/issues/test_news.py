"""By what a page knows that something of issues is new, on both databases."""

from controlplane.database import Database
from controlplane.errors.changes import IssueChange, change_issues
from controlplane.errors.news import mark_of
from controlplane.errors.sightings import note_sightings
from schemas.projects import ProjectId
from tests.integration.issues.seen import NOON_US, issues_of, make_project, sighting


async def test_it_changes_with_each_event_and_each_change_of_its_own_project_alone(
    database: Database, project: ProjectId
) -> None:
    other = await make_project(database, "Bakery")
    marks = [await mark_of(database, project)]
    beside = await mark_of(database, other)

    async def changed() -> None:
        marks.append(await mark_of(database, project))

    await note_sightings(database, [sighting(project, "one", at_us=NOON_US)])
    await changed()
    await note_sightings(database, [sighting(project, "one", at_us=NOON_US + 1)])
    await changed()
    await note_sightings(database, [sighting(project, "two", at_us=NOON_US)])
    await changed()
    one, two = sorted(await issues_of(database, project), key=lambda row: row.number)
    of_two = await mark_of(database, project, two.id)
    await change_issues(database, project, [one.id], IssueChange(status="resolved"), by=None)
    await changed()

    assert len(set(marks)) == len(marks)
    assert await mark_of(database, project) == marks[-1]
    assert await mark_of(database, project, two.id) == of_two
    assert await mark_of(database, other) == beside
