"""What stored events do to issues, on both databases."""

import asyncio
import random

from controlplane.database import Database
from controlplane.errors.changes import IssueChange, change_issues
from controlplane.errors.releases import list_releases
from controlplane.errors.sightings import note_sightings
from controlplane.projects import delete_project, forget_projects
from schemas.errors.issues import Named
from schemas.projects import ProjectId
from tests.integration.issues.seen import (
    NOON_US,
    SECOND_US,
    issues_of,
    kinds_of,
    make_project,
    only_issue,
    sighting,
)


class TestNewIssues:
    async def test_each_fingerprint_is_an_issue_with_the_next_number(
        self, database: Database, project: ProjectId
    ) -> None:
        other = await make_project(database, "Bakery")

        await note_sightings(database, [sighting(project, "one"), sighting(other, "one")])
        await note_sightings(database, [sighting(project, "two"), sighting(project, "one")])

        assert [row.number for row in await issues_of(database, project)] == [1, 2]
        assert [row.number for row in await issues_of(database, other)] == [1]

    async def test_the_same_block_again_changes_nothing(
        self, database: Database, project: ProjectId
    ) -> None:
        block = [
            sighting(project, name, release="1.0", at_us=NOON_US + n)
            for n, name in enumerate("abc")
        ]
        await note_sightings(database, block)
        once = await issues_of(database, project), await list_releases(database, project)

        await note_sightings(database, block)

        again = await issues_of(database, project), await list_releases(database, project)
        assert again == once
        assert await kinds_of(database, once[0][0].id) == ["created"]

    async def test_two_processes_that_see_it_at_once_make_one_issue(
        self, database: Database, url: str, project: ProjectId
    ) -> None:
        second = Database(url)
        names = [f"f{n}" for n in range(40)]
        blocks = [[sighting(project, name) for name in random.sample(names, 40)] for _ in range(6)]

        await asyncio.gather(
            *(note_sightings((database, second)[n % 2], block) for n, block in enumerate(blocks))
        )
        await second.close()

        found = await issues_of(database, project)
        assert [row.number for row in found] == list(range(1, 41))

    async def test_a_new_version_of_grouping_joins_the_issue_that_is_known(
        self, database: Database, project: ProjectId
    ) -> None:
        await note_sightings(database, [sighting(project, "v1")])

        await note_sightings(
            database,
            [
                sighting(project, "v2 a", others=("v1",), at_us=NOON_US + SECOND_US),
                sighting(project, "v2 b", others=("v1",)),
                sighting(project, "v2 c", others=("another",)),
            ],
        )

        known, new = await issues_of(database, project)
        assert (len(known.group_hashes), len(new.group_hashes)) == (3, 1)
        assert known.last_seen_us == NOON_US + SECOND_US

    async def test_events_of_a_project_that_is_gone_hold_nobody_up(
        self, database: Database, project: ProjectId
    ) -> None:
        gone = await make_project(database, "Gone")
        await note_sightings(database, [sighting(gone)])
        await delete_project(database, gone)
        await forget_projects(database, [gone])

        await note_sightings(
            database, [sighting(gone, "new"), sighting(ProjectId("-")), sighting(project)]
        )

        assert len(await issues_of(database, project)) == 1
        assert await issues_of(database, gone) == []

    async def test_a_thousand_fingerprints_and_texts_of_any_length_are_taken(
        self, database: Database, project: ProjectId
    ) -> None:
        long = "\0" + "é" * 5000
        block = [
            sighting(project, f"f{n}", title=long, type=long, culprit=long, release=long)
            for n in range(1100)
        ]

        await note_sightings(database, block)

        rows = await issues_of(database, project)
        assert len(rows) == 1000  # of the page
        assert rows[0].title == "é" * 500


class TestWhatIsSeen:
    async def test_late_events_move_the_first_time_and_never_the_last_one_or_the_words(
        self, database: Database, project: ProjectId
    ) -> None:
        await note_sightings(database, [sighting(project, title="new", level="fatal")])

        late = sighting(project, title="old", level="info", at_us=NOON_US - SECOND_US)
        await note_sightings(database, [late])

        row = await only_issue(database, project)
        assert (row.first_seen_us, row.last_seen_us) == (NOON_US - SECOND_US, NOON_US)
        assert (row.title, row.level) == ("new", "fatal")

    async def test_words_follow_the_newest_event(
        self, database: Database, project: ProjectId
    ) -> None:
        await note_sightings(database, [sighting(project, title="old", level="info")])

        newer = sighting(project, title="new", level="fatal", at_us=NOON_US + 1)
        await note_sightings(database, [newer])

        row = await only_issue(database, project)
        assert (row.title, row.level, row.last_seen_us) == ("new", "fatal", NOON_US + 1)

    async def test_first_and_last_release_are_those_of_the_events_times(
        self, database: Database, project: ProjectId
    ) -> None:
        for seconds, release in ((0, ""), (5, "1.1"), (3, "1.0"), (9, "1.2"), (7, "1.3"), (11, "")):
            at_us = NOON_US + seconds * SECOND_US
            await note_sightings(database, [sighting(project, at_us=at_us, release=release)])

        row = await only_issue(database, project)
        assert (row.first_release, row.last_release) == ("1.0", "1.2")

    async def test_blocks_in_any_order_come_to_the_same(
        self, database: Database, project: ProjectId
    ) -> None:
        other = await make_project(database, "Bakery")
        chance = random.Random(1)
        moments = [(NOON_US + n * SECOND_US, chance.choice(("", "1.0", "2.0"))) for n in range(12)]
        for of in (project, other):
            chance.shuffle(moments)
            for at_us, release in moments:
                seen = sighting(of, at_us=at_us, release=release, title=f"at {at_us}")
                await note_sightings(database, [seen])

        first, second = await only_issue(database, project), await only_issue(database, other)
        for name in ("first_seen_us", "last_seen_us", "title", "first_release", "last_release"):
            assert getattr(first, name) == getattr(second, name), name

    async def test_releases_are_known_with_their_first_and_last_arrival(
        self, database: Database, project: ProjectId
    ) -> None:
        for at_us in (NOON_US, NOON_US + 5, NOON_US - 5):
            await note_sightings(database, [sighting(project, release="1.0", at_us=at_us)])

        (release,) = await list_releases(database, project)

        assert (release.first_seen_us, release.last_seen_us) == (NOON_US - 5, NOON_US + 5)


class TestRegressions:
    async def resolved(
        self, database: Database, project: ProjectId, release: str = "", **how: bool | str
    ) -> int:
        """Has an issue be resolved, and returns when."""
        await note_sightings(database, [sighting(project, release=release)])
        row = await only_issue(database, project)
        change = IssueChange(status="resolved", **how)
        await change_issues(database, project, [row.id], change, by=None)
        return (await only_issue(database, project)).resolved_us or 0

    async def arrive(
        self, database: Database, project: ProjectId, arrived_us: int, release: str = ""
    ) -> str:
        """Has an event arrive, and returns the status of the issue."""
        seen = sighting(project, at_us=arrived_us, release=release)
        await note_sightings(database, [seen])
        return (await only_issue(database, project)).status

    async def test_what_arrived_before_stays_resolved_and_what_comes_after_reopens(
        self, database: Database, project: ProjectId
    ) -> None:
        resolved_us = await self.resolved(database, project)

        assert await self.arrive(database, project, resolved_us) == "resolved"
        assert await self.arrive(database, project, resolved_us + 1) == "open"
        row = await only_issue(database, project)
        assert (row.regressed_us, row.times_regressed) == (resolved_us + 1, 1)

    async def test_a_repeated_block_does_not_reopen_again(
        self, database: Database, project: ProjectId
    ) -> None:
        resolved_us = await self.resolved(database, project)
        block = [sighting(project, at_us=resolved_us + 1)]
        await note_sightings(database, block)
        await note_sightings(database, block)
        row = await only_issue(database, project)
        await change_issues(database, project, [row.id], IssueChange(status="resolved"), by=None)

        await note_sightings(database, block)

        row = await only_issue(database, project)
        assert (row.status, row.times_regressed) == ("resolved", 1)
        assert sorted(await kinds_of(database, row.id)) == [
            *("created", "regressed", "resolved", "resolved"),
        ]

    async def test_many_processes_reopen_it_once(
        self, database: Database, project: ProjectId
    ) -> None:
        resolved_us = await self.resolved(database, project)

        await asyncio.gather(
            *(
                note_sightings(database, [sighting(project, at_us=resolved_us + n)])
                for n in range(1, 9)
            )
        )

        row = await only_issue(database, project)
        assert (row.status, row.times_regressed) == ("open", 1)

    async def test_resolved_now_an_older_release_does_not_reopen_it(
        self, database: Database, project: ProjectId
    ) -> None:
        resolved_us = await self.resolved(database, project, "app@2.0")

        assert await self.arrive(database, project, resolved_us + 1, "app@1.9") == "resolved"
        assert await self.arrive(database, project, resolved_us + 2, "app@2.0") == "open"

    async def test_resolved_now_all_others_do(self, database: Database, project: ProjectId) -> None:
        for release in ("", "app@2.1", "worker@1.0"):
            resolved_us = await self.resolved(database, project, "app@2.0")

            assert await self.arrive(database, project, resolved_us + 1, release) == "open"

    async def test_resolved_in_the_next_release_only_a_newer_one_reopens_it(
        self, database: Database, project: ProjectId
    ) -> None:
        resolved_us = await self.resolved(database, project, "2.0", in_next_release=True)

        for release in ("", "1.0", "2.0"):
            assert await self.arrive(database, project, resolved_us + 1, release) == "resolved"
        assert await self.arrive(database, project, resolved_us + 2, "2.0.1") == "open"

    async def test_resolved_in_a_release_that_one_reopens_it(
        self, database: Database, project: ProjectId
    ) -> None:
        resolved_us = await self.resolved(database, project, "2.0", in_release="2.1")

        for release in ("", "2.0", "2.1-rc.1"):
            assert await self.arrive(database, project, resolved_us + 1, release) == "resolved"
        assert await self.arrive(database, project, resolved_us + 2, "2.1") == "open"

    async def test_releases_without_versions_are_ordered_by_their_first_event(
        self, database: Database, project: ProjectId
    ) -> None:
        early = sighting(project, "two", release="f3a1", at_us=NOON_US - SECOND_US)
        await note_sightings(database, [early])
        seen = sighting(project, release="09bc")
        await note_sightings(database, [seen])
        row = next(one for one in await issues_of(database, project) if one.number == 2)
        next_one = IssueChange(status="resolved", in_next_release=True)
        await change_issues(database, project, [row.id], next_one, by=None)
        resolved_us = (await issues_of(database, project))[1].resolved_us or 0

        statuses = []
        for release in ("f3a1", "09bc", "77ff"):
            again = sighting(project, release=release, at_us=resolved_us + 1)
            await note_sightings(database, [again])
            statuses.append((await issues_of(database, project))[1].status)

        assert statuses == ["resolved", "resolved", "open"]

    async def test_of_several_releases_in_a_block_one_that_reopens_is_enough(
        self, database: Database, project: ProjectId
    ) -> None:
        resolved_us = await self.resolved(database, project, "2.0")
        arrivals = {"1.0": resolved_us + 9, "2.0": resolved_us + 5}

        mixed = sighting(
            project,
            at_us=resolved_us + 9,
            arrivals=arrivals,
            last_release=Named(resolved_us + 9, "1.0"),
        )
        await note_sightings(database, [mixed])

        row = await only_issue(database, project)
        assert (row.status, row.regressed_us) == ("open", resolved_us + 5)
