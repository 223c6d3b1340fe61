"""What people do to issues, on both databases."""

import asyncio
from typing import Any

import pytest
from msgspec.structs import replace

from controlplane.database import Database
from controlplane.errors.activity import list_activity, list_recent
from controlplane.errors.changes import IssueChange, change_issues
from controlplane.errors.ignored import end_ignoring, list_ignored
from controlplane.errors.listing import (
    Place,
    count_statuses,
    find_all,
    find_project_of,
    get_issue,
    list_issues,
    read_issues,
)
from controlplane.errors.listing import (
    issues_of as issues_of_fingerprints,
)
from controlplane.errors.merges import merge_issues, refresh_seen, split_issue
from controlplane.errors.sightings import note_sightings
from controlplane.failures import BadRequest, Conflict, NotFound
from schemas.errors.issues import IssueFilter
from schemas.projects import ProjectId
from tests.integration.issues.seen import (
    NOON_US,
    hash_of,
    issues_of,
    kinds_of,
    make_member,
    make_project,
    only_issue,
    sighting,
)

RESOLVED = IssueChange(status="resolved")
IGNORED = IssueChange(status="ignored")

NARROWED = (
    (IssueFilter(levels=("fatal",)), "a"),
    (IssueFilter(without_levels=("fatal",)), "bcd"),
    (IssueFilter(platforms=("go",)), "b"),
    (IssueFilter(types=("KeyError",)), "c"),
    (IssueFilter(texts=("100%",)), "d"),
    (IssueFilter(texts=("KEY",), without_texts=("other",)), "c"),
    (IssueFilter(first_release="1.0"), "b"),
    (IssueFilter(first_seen_from_us=NOON_US + 1, first_seen_to_us=NOON_US + 2), "bc"),
    (IssueFilter(last_seen_from_us=NOON_US + 3), "d"),
    (IssueFilter(last_seen_to_us=NOON_US), "a"),
    (IssueFilter(group_hashes=(hash_of("a"), hash_of("d"), hash_of("z"))), "ad"),
    (IssueFilter(group_hashes=()), ""),
    (IssueFilter(statuses=("resolved",)), ""),
    (IssueFilter(assignee="none"), "abcd"),
    (IssueFilter(assignee="any"), ""),
    (IssueFilter(regressed=True), ""),
)
"""A filter, and the fingerprints that it leaves."""


async def make_issues(database: Database, project: ProjectId, *names: str) -> list[str]:
    """Makes issues of some fingerprints, a microsecond after one another; returns their ids."""
    seen = [sighting(project, name, at_us=NOON_US + n) for n, name in enumerate(names)]
    await note_sightings(database, seen)
    return [row.id for row in await issues_of(database, project)][-len(names) :]


class TestChanges:
    async def test_what_breaks_a_rule_changes_nothing(
        self, database: Database, project: ProjectId
    ) -> None:
        ids = await make_issues(database, project, "one")

        for change in (
            IssueChange(status="open", in_release="1.0"),
            IssueChange(status="resolved", in_release="1.0", in_next_release=True),
            IssueChange(status="resolved", in_release=" "),
            IssueChange(status="resolved", until_us=1),
            IssueChange(status="ignored", until_events=0),
            IssueChange(status="ignored", in_next_release=True),
        ):
            with pytest.raises(BadRequest):
                await change_issues(database, project, ids, change, by=None)

        assert (await only_issue(database, project)).status == "open"

    async def test_there_is_no_next_release_where_none_is_known(
        self, database: Database, project: ProjectId
    ) -> None:
        ids = await make_issues(database, project, "one")

        next_one = IssueChange(status="resolved", in_next_release=True)

        with pytest.raises(Conflict):
            await change_issues(database, project, ids, next_one, by=None)

    async def test_a_status_forgets_what_belonged_to_the_one_before(
        self, database: Database, project: ProjectId
    ) -> None:
        ids = await make_issues(database, project, "one")
        ann = await make_member(database, project)

        await change_issues(database, project, ids, RESOLVED, by=ann)
        resolved = await only_issue(database, project)
        until = replace(IGNORED, until_events=5, until_us=NOON_US)
        await change_issues(database, project, ids, until, by=ann)
        ignored = await only_issue(database, project)
        await change_issues(database, project, ids, IssueChange(status="open"), by=ann)
        opened = await only_issue(database, project)

        assert (resolved.resolved_by, resolved.resolution) == (ann, "now")
        assert (ignored.resolved_us, ignored.resolution) == (None, None)
        assert (ignored.ignored_until_events, ignored.ignored_until_us) == (5, NOON_US)
        assert (opened.status, opened.ignored_us, opened.ignored_until_events) == (
            *("open", None, None),
        )
        assert [(one.kind, one.user_name) for one in await list_activity(database, project)] == [
            ("opened", "Ann"), ("ignored", "Ann"), ("resolved", "Ann"), ("created", None),
        ]  # fmt: skip

    async def test_many_are_changed_at_once_and_none_of_another_project(
        self, database: Database, project: ProjectId
    ) -> None:
        other = await make_project(database, "Bakery")
        theirs = await make_issues(database, other, "one")
        ids = await make_issues(database, project, "one", "two", "three")

        changed = await change_issues(
            database, project, [*ids[:2], *theirs, "no id"], RESOLVED, by=None
        )

        assert sorted(changed) == sorted(ids[:2])
        assert (await only_issue(database, other)).status == "open"
        counts = await count_statuses(database, [project, other])
        assert counts[project] == {"open": 1, "resolved": 2, "ignored": 0}
        assert counts[other] == {"open": 1, "resolved": 0, "ignored": 0}

    async def test_only_members_are_assigned_and_nobody_is_nobody(
        self, database: Database, project: ProjectId
    ) -> None:
        ids = await make_issues(database, project, "one")
        ann = await make_member(database, project)
        eve = await make_member(database, await make_project(database, "Bakery"), "Eve")

        await change_issues(database, project, ids, IssueChange(assignee=ann), by=ann)
        row = await only_issue(database, project)
        assert (row.assignee_id, row.assignee) == (ann, "Ann")
        with pytest.raises(BadRequest):
            await change_issues(database, project, ids, IssueChange(assignee=eve), by=ann)
        await change_issues(database, project, ids, IssueChange(assignee=None), by=ann)
        assert (await only_issue(database, project)).assignee_id is None

    async def test_what_happens_is_told_of_the_projects_that_are_asked_for(
        self, database: Database, project: ProjectId
    ) -> None:
        other = await make_project(database, "Bakery")
        await make_issues(database, project, "one", "two")
        (theirs,) = await make_issues(database, other, "one")

        assert len(await list_activity(database, project)) == 2
        assert await list_activity(database, project, theirs) == []
        assert [one.issue_id for one in await list_recent(database, [other], 5)] == [theirs]
        assert len(await list_recent(database, [project, other], 2)) == 2

    async def test_activity_is_told_in_pages(self, database: Database, project: ProjectId) -> None:
        await make_issues(database, project, *"abcde")
        first = await list_activity(database, project, limit=2)

        rest = await list_activity(database, project, before=(first[-1].at_us, first[-1].id))

        every = await list_activity(database, project)
        assert [*first, *rest] == every
        assert len(every) == 5


class TestIgnored:
    async def test_only_those_that_may_end_are_looked_at(
        self, database: Database, project: ProjectId
    ) -> None:
        ids = await make_issues(database, project, *"abcd")
        for issue_id, until in zip(
            ids,
            ({}, {"until_us": NOON_US}, {"until_us": NOON_US + 2}, {"until_people": 3}),
            strict=True,
        ):
            change = replace(IGNORED, **until)
            await change_issues(database, project, [issue_id], change, by=None)

        every = await list_ignored(database, NOON_US + 1)

        found = [one for one in every if one.project_id == project]

        assert {one.issue_id for one in found} == {ids[1], ids[3]}
        assert {one.group_hashes for one in found} == {(hash_of("b"),), (hash_of("d"),)}

    async def test_the_end_comes_once_and_not_for_one_that_is_ignored_anew(
        self, database: Database, project: ProjectId
    ) -> None:
        ids = await make_issues(database, project, "one")
        until = replace(IGNORED, until_us=NOON_US)
        await change_issues(database, project, ids, until, by=None)
        (due,) = [one for one in await list_ignored(database, NOON_US) if one.project_id == project]

        counts = await asyncio.gather(
            *(end_ignoring(database, [(due, "time")], NOON_US) for _ in range(3))
        )
        assert sorted(counts) == [0, 0, 1]
        await change_issues(database, project, ids, until, by=None)
        assert await end_ignoring(database, [(due, "time")], NOON_US) == 0

        row = await only_issue(database, project)
        assert row.status == "ignored"
        assert list(await kinds_of(database, row.id)).count("unignored") == 1


class TestLists:
    @pytest.mark.parametrize("sort", ["last_seen", "first_seen"])
    async def test_pages_meet_and_leave_none_out(
        self, database: Database, project: ProjectId, sort: Any
    ) -> None:
        seen = [sighting(project, f"f{n}", at_us=NOON_US + n // 3) for n in range(10)]
        await note_sightings(database, seen)

        found, after = [], None
        while page := await list_issues(
            database, project, IssueFilter(), sort=sort, after=after, limit=3
        ):
            found += page
            after = Place(getattr(page[-1], f"{sort}_us"), page[-1].id)

        assert len({row.id for row in found}) == len(found) == 10
        moments = [row.last_seen_us for row in found]
        assert moments == sorted(moments, reverse=True)

    async def test_each_filter_narrows(self, database: Database, project: ProjectId) -> None:
        other = await make_project(database, "Bakery")
        for of in (project, other):
            await note_sightings(
                database,
                [
                    sighting(of, "a", level="fatal"),
                    sighting(of, "b", at_us=NOON_US + 1, platform="go", release="1.0"),
                    sighting(of, "c", at_us=NOON_US + 2, type="KeyError", culprit="a_b"),
                    sighting(of, "d", at_us=NOON_US + 3, title="100% of disk"),
                ],
            )
        hashes = {hash_of(name): name for name in "abcd"}

        for wanted, names in NARROWED:
            found = await list_issues(database, project, wanted)
            every = await find_all(database, project, wanted)

            assert sorted(hashes[row.group_hashes[0]] for row in found) == list(names), wanted
            assert {one.issue_id for one in every} == {row.id for row in found}

    async def test_one_is_found_by_id_or_number_and_only_in_its_project(
        self, database: Database, project: ProjectId
    ) -> None:
        other = await make_project(database, "Bakery")
        await make_issues(database, other, "x", "y")
        (issue_id,) = await make_issues(database, project, "one")

        found = await get_issue(database, project, issue_id)

        assert found.fingerprints == ("one",)
        assert await get_issue(database, project, "1") == found
        for wrong in ("2", "-1", "x", "9" * 30, "²"):
            with pytest.raises(NotFound):
                await get_issue(database, project, wrong)
        with pytest.raises(NotFound):
            await get_issue(database, other, issue_id)
        assert await find_project_of(database, [other, project], issue_id) == project
        with pytest.raises(NotFound):
            await find_project_of(database, [other], issue_id)
        assert await read_issues(database, other, [issue_id]) == []
        assert await issues_of_fingerprints(database, project, ["x"]) == {}
        assert list(await issues_of_fingerprints(database, project, ["one"])) == ["one"]


class TestMerges:
    async def test_the_events_of_all_belong_to_one_and_links_lead_to_it(
        self, database: Database, project: ProjectId
    ) -> None:
        ids = await make_issues(database, project, *"abc")

        await merge_issues(database, project, ids[0], ids[1:], by=None)

        row = await only_issue(database, project)
        assert row.id == ids[0]
        assert set(row.group_hashes) == {hash_of(name) for name in "abc"}
        assert (row.first_seen_us, row.last_seen_us) == (NOON_US, NOON_US + 2)
        assert (await get_issue(database, project, ids[2])).id == ids[0]
        assert (await get_issue(database, project, "3")).id == ids[0]

    async def test_later_events_and_later_merges_go_to_the_last_one(
        self, database: Database, project: ProjectId
    ) -> None:
        ids = await make_issues(database, project, *"abc")
        await merge_issues(database, project, ids[1], [ids[0]], by=None)
        await merge_issues(database, project, ids[2], [ids[1], ids[0]], by=None)

        await note_sightings(database, [sighting(project, "a", at_us=NOON_US + 9, title="new")])

        row = await only_issue(database, project)
        assert (row.id, row.title, row.last_seen_us) == (ids[2], "new", NOON_US + 9)
        assert (await get_issue(database, project, ids[0])).id == ids[2]

    async def test_a_repeated_merge_changes_nothing(
        self, database: Database, project: ProjectId
    ) -> None:
        ids = await make_issues(database, project, *"ab")
        await merge_issues(database, project, ids[0], ids, by=None)
        told = await list_activity(database, project)

        await merge_issues(database, project, ids[0], ids, by=None)

        assert await list_activity(database, project) == told

    async def test_nothing_is_merged_across_projects_or_into_a_merged_one(
        self, database: Database, project: ProjectId
    ) -> None:
        other = await make_project(database, "Bakery")
        (theirs,) = await make_issues(database, other, "one")
        ids = await make_issues(database, project, *"ab")

        for into, others in ((ids[0], [theirs]), (theirs, ids), (ids[0], ["x"])):
            with pytest.raises(NotFound):
                await merge_issues(database, project, into, others, by=None)
        with pytest.raises(BadRequest):
            await merge_issues(database, project, ids[0], [ids[0]], by=None)
        await merge_issues(database, project, ids[0], [ids[1]], by=None)
        with pytest.raises(BadRequest):
            await merge_issues(database, project, ids[1], [ids[0]], by=None)

    async def test_fingerprints_get_an_issue_of_their_own_again(
        self, database: Database, project: ProjectId
    ) -> None:
        ids = await make_issues(database, project, *"abc")
        await merge_issues(database, project, ids[0], ids[1:], by=None)
        stored = {name: sighting(project, name, at_us=NOON_US + n) for n, name in enumerate("abc")}

        new_id = await split_issue(
            database, project, ids[0], [stored["b"], stored["c"]], left=[stored["a"]], by=None
        )

        old, new = await issues_of(database, project)
        assert (old.id, new.id, new.number) == (ids[0], new_id, 4)
        assert (old.first_seen_us, old.last_seen_us) == (NOON_US, NOON_US)
        assert (new.first_seen_us, new.last_seen_us) == (NOON_US + 1, NOON_US + 2)
        assert set(new.group_hashes) == {hash_of("b"), hash_of("c")}
        await note_sightings(database, [sighting(project, "c", at_us=NOON_US + 9)])
        assert (await issues_of(database, project))[1].last_seen_us == NOON_US + 9

    async def test_no_issue_loses_all_its_fingerprints_or_gives_others(
        self, database: Database, project: ProjectId
    ) -> None:
        other = await make_project(database, "Bakery")
        (issue_id,) = await make_issues(database, project, "a")
        await make_issues(database, project, "b")

        for names in ("a", "b", ""):
            seen = [sighting(project, name) for name in names]
            with pytest.raises(BadRequest):
                await split_issue(database, project, issue_id, seen, left=[], by=None)
        seen = [sighting(project, "a")]
        with pytest.raises(NotFound):
            await split_issue(database, other, issue_id, seen, left=[], by=None)

    async def test_what_was_stored_meanwhile_is_seen_afterwards(
        self, database: Database, project: ProjectId
    ) -> None:
        other = await make_project(database, "Bakery")
        (issue_id,) = await make_issues(database, project, "a")
        later = sighting(project, "a", at_us=NOON_US + 7)

        await refresh_seen(database, other, issue_id, [later])
        assert (await only_issue(database, project)).last_seen_us == NOON_US
        await refresh_seen(database, project, issue_id, [later])
        assert (await only_issue(database, project)).last_seen_us == NOON_US + 7

    async def test_merges_beside_new_events_keep_every_fingerprint_in_one_issue(
        self, database: Database, project: ProjectId
    ) -> None:
        ids = await make_issues(database, project, *"abcdef")

        await asyncio.gather(
            *(merge_issues(database, project, ids[0], [one], by=None) for one in ids[1:]),
            *(
                note_sightings(
                    database, [sighting(project, name, at_us=NOON_US + 50) for name in "gfedcba"]
                )
                for _ in range(3)
            ),
        )

        first, second = await issues_of(database, project)
        assert (len(first.group_hashes), len(second.group_hashes)) == (6, 1)
