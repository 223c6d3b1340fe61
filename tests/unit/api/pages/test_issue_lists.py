"""What surrounds issues: searches, courses, shares of tags, links of a trace, why they are one."""

from typing import Any

import pytest

from api.pages.addresses import Address
from api.pages.errors.issues.breakdown import shares_of
from api.pages.errors.issues.courses import course_of
from api.pages.errors.issues.explained import MOST_PARTS, explained_of
from api.pages.errors.issues.lines import sticks_of
from api.pages.errors.issues.links import links_of
from api.pages.errors.issues.wanted import Keys, Wanted
from api.pages.parts.filters import Term, read_terms, with_term
from api.pages.parts.ranges import TimeRange
from api.parameters import InvalidParameters
from clickhouse.errors.issue_details import Hour, TagBreakdown, TagValue
from clickhouse.errors.trace_links import LinkedCall, LinkedError, LinkedTransaction, TraceLinks
from schemas.errors.grouping import Component, Explanation
from schemas.projects import ProjectContext, ProjectId
from schemas.zones import DAY_US, HOUR_US
from tests.unit.api.pages.test_issue_words import issue

MIDNIGHT_US = 1_700_006_400_000_000
ADDRESS = Address("", "/p/p1/errors/issues", {"range": "7d"}, "p1")


def shown(length_us: int, first_us: int = MIDNIGHT_US) -> TimeRange:
    return TimeRange(first_us, first_us + length_us - 1, None, "UTC", first_us + length_us)


def wanted(where: str) -> Wanted:
    project = ProjectContext(ProjectId("p1"))
    return Wanted(project, shown(DAY_US), read_terms(where, Keys()), "last_seen")


class TestSearch:
    @pytest.mark.parametrize(
        ("where", "search"),
        [
            ("is:unresolved", "is:unresolved"),
            ('browser:"Firefox 121" -level:error', 'browser:"Firefox 121" -level:error'),
            ('refund "not found" -"a b"', '"refund" "not found" !"a b"'),
            ("text:is", '"is"'),
            ('"say \\"no\\""', '"say \\"no\\""'),
            ("is:regressed", "is:regressed is:unresolved"),
            ("", ""),
        ],
    )
    def test_it_is_written_in_the_words_of_the_api(self, where: str, search: str) -> None:
        assert wanted(where).search == search

    def test_without_its_last_condition_all_issues_are_asked_for(self) -> None:
        (chip,) = wanted("is:unresolved").chips
        assert chip.without == "is:all"
        first, _ = wanted("is:unresolved level:error").chips
        assert first.without == "level:error"
        assert wanted("is:all").chips == []

    def test_a_key_that_means_something_again_has_a_chip_for_each(self) -> None:
        asked = wanted("level:error level:fatal part:web part:api is:unresolved is:unhandled")

        assert [one.text for one in asked.chips] == asked.search.split(" ")
        assert asked.chips[0].without == (
            "level:fatal part:web part:api is:unresolved is:unhandled"
        )
        assert {one.title for one in asked.views if one.is_shown} == {"Unresolved"}

    def test_an_issue_is_in_one_state_at_a_time(self) -> None:
        keys = Keys()
        others = wanted("is:unresolved is:unhandled").terms

        assert with_term(others, Term("is", "ignored"), keys) == "is:unhandled is:ignored"
        with pytest.raises(InvalidParameters):
            wanted("is:unresolved is:ignored")

    def test_a_view_keeps_the_other_conditions(self) -> None:
        views = {one.title: (one.where, one.is_shown) for one in wanted("level:error").views}

        assert views["All"] == ("is:all level:error", True)
        assert views["Resolved"] == ("is:resolved level:error", False)
        plain = {one.title: one for one in wanted("is:unresolved").views}
        assert (plain["Unresolved"].where, plain["Unresolved"].is_shown) == (None, True)


class TestCourse:
    def test_events_count_in_the_bucket_in_which_their_hour_begins(self) -> None:
        hours = [Hour(MIDNIGHT_US + n * HOUR_US, n + 1, 1) for n in range(3)]

        chart = course_of(shown(3 * DAY_US), hours)

        assert [row.values[0] for row in chart.rows][:4] == [1, 2, 3, 0]
        assert chart.series[0].total == 6

    def test_of_days_the_hours_add_up_and_the_first_one_may_begin_before_the_range(self) -> None:
        hours = [Hour(MIDNIGHT_US + n * HOUR_US, 1, 1) for n in (-1, 0, 23)]

        chart = course_of(shown(20 * DAY_US, MIDNIGHT_US - 1), hours)

        assert [row.values[0] for row in chart.rows][:3] == [1, 2, 0]
        within = course_of(shown(20 * DAY_US, MIDNIGHT_US + HOUR_US // 2), hours)
        assert within.rows[0].values == [3]

    @pytest.mark.parametrize(
        ("counts", "path"),
        [
            ([], ""),
            ([0, 0], ""),
            ([4, 0, 2, 0], "M12.0 18V0.0M60.0 18V9.0"),
            ([1000, 1], "M24.0 18V0.0M72.0 18V17.0"),
        ],
    )
    def test_a_list_draws_it_as_sticks_and_even_one_event_is_seen(
        self, counts: list[int], path: str
    ) -> None:
        assert sticks_of(counts) == path


class TestTags:
    def test_what_differs_stands_before_what_is_always_the_same(self) -> None:
        def of(key: str, *values: tuple[str, int], number: int | None = None) -> TagBreakdown:
            events = sum(count for _, count in values)
            top = [TagValue(*one) for one in values]
            return TagBreakdown(key, True, events, number or len(values), top)

        found = shares_of(
            [
                of("level", ("error", 8)),
                of("browser", ("Firefox", 6), ("Chrome", 2), number=9),
                of("a b", ("x", 1), ("y", 1)),
            ]
        )

        assert [(one.key, one.values[0].value) for one in found.same] == [("level", "error")]
        assert [one.key for one in found.various] == ["browser", "a b"]
        browser = found.various[0]
        assert [(one.value, one.percent, one.where) for one in browser.values] == [
            ("Firefox", 75.0, "browser:Firefox"),
            ("Chrome", 25.0, "browser:Chrome"),
        ]
        assert browser.others == 7
        assert [one.where for one in found.various[1].values] == ["", ""]


class TestLinks:
    def test_they_lead_to_each_thing_of_the_trace_but_not_to_the_event_itself(self) -> None:
        def failed(event_id: str, fingerprint: str) -> LinkedError:
            return LinkedError(event_id, 0, "error", "TypeError", "TypeError: x", fingerprint, "")

        found = TraceLinks(
            transactions=[LinkedTransaction("t1", 0, "/pay", "http", 12_000_000, False, "", "")],
            errors=[failed("own", "f1"), failed("e2", "f1"), failed("e3", "unknown")],
            calls=[LinkedCall("c/1", 0, "gpt-4o", "success", 900, "")],
        )

        links = links_of(ADDRESS, found, {"f1": issue(id="i1", status="open")}, "own")

        assert [(one.text, one.href) for one in links] == [
            ("Transaction /pay, 12 ms", "/p/p1/performance/transactions/t1?range=7d"),
            ("LLM call gpt-4o, 900 ms", links[1].href),
            ("Error TypeError", "/p/p1/errors/issues/i1/events/e2?range=7d"),
        ]
        assert links[1].href.startswith("/p/p1/llm/traces/")


class TestExplained:
    def explanation(self, *components: Component, **fields: Any) -> Explanation:
        usual = {"version": "v2", "basis": "stack", "fingerprint": "f", "hash_input": "h"}
        return Explanation(**usual | fields, components=components)

    def test_parts_stand_below_what_they_are_of_with_what_did_not_count(self) -> None:
        value = Component("value", "x", contributes=False, reason="the stack decides")
        found = explained_of(self.explanation(Component("exception", parts=(value,))))

        assert [(one.depth, one.name, one.counted) for one in found.parts] == [
            (0, "exception", True),
            (1, "value", False),
        ]
        assert found.parts[1].reason == "the stack decides"

    def test_it_is_bounded(self) -> None:
        many = [Component("frame", "x" * 500)] * 1000

        found = explained_of(self.explanation(*many, hash_input="y" * 10**6))

        assert len(found.parts) <= MOST_PARTS
        assert found.left
        assert len(found.hashed.text) + found.hashed.left == 10**6
        assert len(found.hashed.text) <= 4_000
