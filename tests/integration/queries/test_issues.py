"""What the store knows of issues, against what plain Python makes of the same rows."""

import random
from typing import Any

import pytest
from msgspec.structs import replace

from clickhouse.client import Warehouse
from clickhouse.errors.issue_counts import (
    bucket_hours,
    count_errors,
    find_groups,
    rank_issues,
    read_counts,
    read_counts_and_courses,
    read_courses,
)
from clickhouse.errors.issue_details import (
    count_since,
    read_hours,
    read_sightings,
    read_tags,
)
from schemas.errors.issues import ErrorFilter, IssueCounts, Named
from schemas.projects import ProjectContext, ProjectId
from tests.integration.queries.error_rows import HOUR_US, NOON_US, hash_of, store_errors

EVER = ErrorFilter()
ONE = {"issue": [hash_of("one")]}
Row = dict[str, Any]


def random_rows(count: int, seed: int = 3) -> list[Row]:
    chance = random.Random(seed)
    return [
        {
            "fingerprint": chance.choice("abcdef"),
            "at_us": NOON_US + chance.randrange(40) * HOUR_US + chance.randrange(HOUR_US),
            "environment": chance.choice(("production", "staging", "")),
            "release": chance.choice(("1.0", "1.1", "")),
            "user_key": chance.choice(("", "ann", "bob", "eve", "joe")),
            "handled": chance.choice((True, False, None)),
            "level": chance.choice(("error", "fatal")),
            "tags": {"region": chance.choice(("eu", "us"))} if chance.random() < 0.7 else {},
        }
        for _ in range(count)
    ]


def counted(rows: list[Row]) -> IssueCounts:
    people = {row["user_key"] for row in rows if row["user_key"]}
    unhandled = sum(row["handled"] is False for row in rows)
    return IssueCounts(len(rows), len(people), unhandled)


def test_the_store_hashes_fingerprints_as_we_do(warehouse: Warehouse) -> None:
    texts = ["", "a", "seven b", "eight by", "nine byte", "é" * 40, "0" * 64, "x" * 300]

    rows = warehouse.query_now("SELECT sipHash64(arrayJoin({t:Array(String)}))", {"t": texts}, {})

    assert [row[0] for row in rows.rows] == [hash_of(text) for text in texts]


class TestCounts:
    @pytest.mark.parametrize(
        ("wanted", "matches"),
        [
            (EVER, lambda row: True),
            (ErrorFilter(environment="staging"), lambda row: row["environment"] == "staging"),
            (ErrorFilter(release=""), lambda row: row["release"] == ""),
            (ErrorFilter(user="ann"), lambda row: row["user_key"] == "ann"),
            (ErrorFilter(handled=False), lambda row: row["handled"] is False),
            (ErrorFilter(tags=(("region", "eu"),)), lambda row: row["tags"].get("region") == "eu"),
            (
                ErrorFilter(tags=(("region", "eu"), ("region", "us"))),
                lambda row: row["tags"].get("region") in ("eu", "us"),
            ),
            (
                ErrorFilter(without=(("release", "1.0"), ("region", "eu"))),
                lambda row: row["release"] != "1.0" and row["tags"].get("region") != "eu",
            ),
        ],
    )
    async def test_they_are_exact_whatever_they_are_read_from(
        self, warehouse: Warehouse, project: ProjectContext, wanted: ErrorFilter, matches: Any
    ) -> None:
        rows = random_rows(400)
        store_errors(warehouse, project, rows[:150])
        store_errors(warehouse, project, rows[150:])
        groups = {"merged": [hash_of(one) for one in "abc"], "single": [hash_of("d")]}

        found = await read_counts(warehouse, project, groups, wanted)

        chosen = [row for row in rows if matches(row)]
        assert found == {
            "merged": counted([row for row in chosen if row["fingerprint"] in "abc"]),
            "single": counted([row for row in chosen if row["fingerprint"] == "d"]),
        }

    async def test_people_of_merged_issues_are_counted_once(
        self, warehouse: Warehouse, project: ProjectContext
    ) -> None:
        store_errors(warehouse, project, [{"fingerprint": one} for one in ("a", "b", "a")])
        merged = {"issue": [hash_of("b"), hash_of("a")]}

        assert (await read_counts(warehouse, project, merged, EVER))["issue"].people == 1

    async def test_hours_that_a_range_touches_count_as_a_whole_in_rows_too(
        self, warehouse: Warehouse, project: ProjectContext
    ) -> None:
        moments = [NOON_US + n * HOUR_US // 3 for n in range(-9, 10)]
        store_errors(warehouse, project, [{"fingerprint": "one", "at_us": at} for at in moments])
        wanted = ErrorFilter(from_us=NOON_US, to_us=NOON_US + HOUR_US)

        by_hours = await read_counts(warehouse, project, ONE, wanted)
        by_rows = await read_counts(warehouse, project, ONE, replace(wanted, user="ann"))

        assert by_hours == by_rows
        assert by_hours["issue"].events == 6

    async def test_an_issue_without_events_has_zeros(
        self, warehouse: Warehouse, project: ProjectContext
    ) -> None:
        assert await read_counts(warehouse, project, ONE, EVER) == {"issue": IssueCounts()}
        assert await read_counts(warehouse, project, {}, EVER) == {}
        assert await count_errors(warehouse, project, EVER) == IssueCounts()

    async def test_ranks_are_by_events_or_by_people(
        self, warehouse: Warehouse, project: ProjectContext
    ) -> None:
        rows = [{"fingerprint": "many", "user_key": "ann"}] * 5
        rows += [{"fingerprint": "wide", "user_key": name} for name in ("ann", "bob", "eve")]
        store_errors(warehouse, project, [*rows, {"fingerprint": "rare", "user_key": ""}])
        groups = {name: [hash_of(name)] for name in ("rare", "wide", "many", "none")}

        by_events = await rank_issues(warehouse, project, groups, EVER, by="events", limit=9)
        by_people = await rank_issues(warehouse, project, groups, EVER, by="people", limit=9)
        second = await rank_issues(warehouse, project, groups, EVER, by="events", limit=1, offset=1)

        assert by_events == ["many", "wide", "rare"]
        assert by_people == ["wide", "many", "rare"]
        assert second == ["wide"]

    async def test_courses_add_up_to_the_counts(
        self, warehouse: Warehouse, project: ProjectContext
    ) -> None:
        rows = random_rows(300)
        store_errors(warehouse, project, rows)
        groups = {"merged": [hash_of(one) for one in "abc"], "single": [hash_of("d")]}
        wanted = ErrorFilter(from_us=NOON_US, to_us=NOON_US + 41 * HOUR_US)

        courses = await read_courses(warehouse, project, groups, wanted, buckets=24)

        counts = await read_counts(warehouse, project, groups, wanted)
        for one in (wanted, replace(wanted, handled=False)):
            both = await read_counts_and_courses(warehouse, project, groups, one, buckets=24)
            assert both == (
                await read_counts(warehouse, project, groups, one),
                await read_courses(warehouse, project, groups, one, buckets=24),
            )
        assert {name: sum(of) for name, of in courses.items()} == {
            name: of.events for name, of in counts.items()
        }
        begin_us, hours = bucket_hours(wanted, 24)
        third = [
            row
            for row in rows
            if row["fingerprint"] == "d" and (row["at_us"] - begin_us) // (hours * HOUR_US) == 3
        ]
        assert (hours, courses["single"][3]) == (2, len(third))

    async def test_groups_are_found_by_what_their_events_have(
        self, warehouse: Warehouse, project: ProjectContext
    ) -> None:
        store_errors(
            warehouse,
            project,
            [
                {"fingerprint": "a", "release": "2.0"},
                {"fingerprint": "b", "tags": {"a key": "a value"}},
                {"fingerprint": "c", "user_key": "bob"},
            ],
        )

        async def found(wanted: ErrorFilter) -> set[int]:
            return set(await find_groups(warehouse, project, wanted))

        assert await found(ErrorFilter(release="2.0")) == {hash_of("a")}
        assert await found(ErrorFilter(tags=(("a key", "a value"),))) == {hash_of("b")}
        assert await found(ErrorFilter(user="bob")) == {hash_of("c")}


class TestOneIssue:
    async def test_its_hours_are_in_order(
        self, warehouse: Warehouse, project: ProjectContext
    ) -> None:
        moments = [NOON_US + n * HOUR_US for n in (3, 0, 0)]
        store_errors(warehouse, project, [{"fingerprint": "one", "at_us": at} for at in moments])

        hours = await read_hours(warehouse, project, ONE["issue"], EVER)
        by_rows = await read_hours(warehouse, project, ONE["issue"], ErrorFilter(user="ann"))

        assert [(hour.events, hour.people) for hour in hours] == [(2, 1), (1, 1)]
        assert hours[0].at_us == NOON_US - NOON_US % HOUR_US
        assert by_rows == hours

    async def test_its_tags_are_counted_fields_first(
        self, warehouse: Warehouse, project: ProjectContext
    ) -> None:
        tags = [{"région.name": "eu", "b": "1"}, {"région.name": "eu"}, {"région.name": "us"}]
        rows = [{"fingerprint": "one", "tags": one, "environment": ""} for one in tags]
        store_errors(warehouse, project, [*rows, {"fingerprint": "two", "tags": {"other": "1"}}])

        found = await read_tags(warehouse, project, ONE["issue"], EVER)

        names = [one.key for one in found]
        assert names[:2] == ["release", "level"]  # no environment
        assert names[-2:] == ["région.name", "b"]
        region = found[-2]
        assert (region.is_tag, region.events, region.values) == (True, 3, 2)
        assert region.top == [("eu", 2), ("us", 1)]

    async def test_what_its_fingerprints_say_is_read_back(
        self, warehouse: Warehouse, project: ProjectContext
    ) -> None:
        store_errors(
            warehouse,
            project,
            [
                {"fingerprint": "one", "at_us": NOON_US + 2, "release": "2.0", "title": "newer"},
                {"fingerprint": "one", "at_us": NOON_US + 3, "release": "", "title": "newest"},
                {"fingerprint": "one", "at_us": NOON_US, "release": ""},
                {"fingerprint": "one", "at_us": NOON_US + 1, "release": "1.0"},
                {"fingerprint": "two", "at_us": NOON_US, "release": ""},
            ],
        )

        found = await read_sightings(warehouse, project, [hash_of("one"), hash_of("two")])

        one, two = sorted(found, key=lambda seen: seen.fingerprint)
        assert (one.fingerprint, one.title) == ("one", "newest")
        assert (one.first_us, one.last_us) == (NOON_US, NOON_US + 3)
        assert one.first_release == Named(NOON_US + 1, "1.0")
        assert one.last_release == Named(NOON_US + 2, "2.0")
        assert (two.first_release, two.last_release) == (None, None)

    async def test_what_arrived_since_is_counted_exactly(
        self, warehouse: Warehouse, project: ProjectContext
    ) -> None:
        store_errors(
            warehouse,
            project,
            [
                {"fingerprint": "one", "received_us": NOON_US + n, "user_key": name}
                for n, name in enumerate(("ann", "bob", "bob", ""))
            ],
        )

        assert await count_since(warehouse, project, ONE["issue"], NOON_US) == (3, 1)


class TestTenants:
    async def test_nothing_of_another_project_is_counted(
        self, warehouse: Warehouse, project: ProjectContext
    ) -> None:
        store_errors(warehouse, project, random_rows(50))
        other = ProjectContext(ProjectId(f"{project.project_id}-other"))
        hashes = [hash_of(one) for one in "abcdef"]
        groups = {"issue": hashes}
        wanted = ErrorFilter(from_us=NOON_US, to_us=NOON_US + 99 * HOUR_US)

        assert await read_counts(warehouse, other, groups, EVER) == {"issue": IssueCounts()}
        assert await rank_issues(warehouse, other, groups, EVER, by="events", limit=9) == []
        courses = await read_courses(warehouse, other, groups, wanted, buckets=2)
        assert courses == {"issue": [0, 0]}
        assert await find_groups(warehouse, other, EVER) == ()
        assert await count_errors(warehouse, other, EVER) == IssueCounts()
        assert await read_hours(warehouse, other, hashes, EVER) == []
        assert await read_tags(warehouse, other, hashes, EVER) == []
        assert await read_sightings(warehouse, other, hashes) == []
        assert await count_since(warehouse, other, hashes, 0) == (0, 0)
