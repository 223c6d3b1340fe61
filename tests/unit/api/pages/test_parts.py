"""What pages are made of: filters, ranges, charts, texts, trees, Markdown, addresses."""

import pytest
from msgspec import Raw, json

from api.pages.addresses import Address
from api.pages.llm.wanted import KEYS, filter_of
from api.pages.parts import charts, texts
from api.pages.parts.charts import Series, chart_of, colours_of, spark
from api.pages.parts.filters import Term, as_begun, read_terms, with_term, without_term, written
from api.pages.parts.prose import prose
from api.pages.parts.ranges import PRESETS, TimeRange, range_of
from api.pages.parts.trees import MOST_NODES, Node, decoded, laid_out, tree_of
from api.parameters import InvalidParameters
from schemas.projects import ProjectContext, ProjectId
from schemas.zones import DAY_US, HOUR_US

PROJECT = ProjectContext(ProjectId("one"), time_zone="Europe/Berlin")
NOON_US = 1_764_331_200_000_000
"""2025-11-28T12:00:00Z."""


def terms(text: str) -> list[Term]:
    return read_terms(text, KEYS, prefixes=("metadata.",))


class TestFilters:
    @pytest.mark.parametrize(
        "text",
        [
            "",
            "model:gpt-4o",
            "-status:error user:ann",
            'user:"Ann B" metadata.team:a:b',
            r'user:"say \"hi\" \\"',
            "latency:>500 latency:<900",
            "-model:a -model:b",
            'environment:""',
            r'text:refund -text:"say \"hi\"" text:https://x.example/a?b=c',
        ],
    )
    def test_a_filter_is_read_as_it_is_written(self, text: str) -> None:
        assert (written(terms(text)) or "") == text

    @pytest.mark.parametrize(
        ("text", "read"),
        [
            ("gpt-4o", "text:gpt-4o"),
            ("refund policy model:a", "text:refund text:policy model:a"),
            ('"refund policy" -later', 'text:"refund policy" -text:later'),
            ('"http://x.example" "-"', "text:http://x.example text:-"),
            (r'-"say \"hi\""', r'-text:"say \"hi\""'),
            ("100% c_d", "text:100% text:c_d"),
        ],
    )
    def test_words_without_a_key_are_texts_to_find(self, text: str, read: str) -> None:
        assert written(terms(text)) == read

    def test_texts_may_come_several_times_and_the_same_one_once(self) -> None:
        assert with_term(terms("refund -later"), Term("text", "refund")) == (
            "-text:later text:refund"
        )
        assert with_term(terms("refund"), Term("text", "soon")) == "text:refund text:soon"

    @pytest.mark.parametrize("text", ["x", '""', "text:", "a" * 201, "aa bb cc dd ee ff"])
    def test_a_text_that_is_too_short_or_long_is_said(self, text: str) -> None:
        with pytest.raises(InvalidParameters):
            filter_of(terms(text), TimeRange(NOON_US, NOON_US + 1, None, "UTC", NOON_US))

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("colour:red", "Unknown key 'colour'"),
            ("http://x", "in quotes it is a text to find"),
            ("-latency:>5", "cannot be left out"),
            ("-metadata.team:a", "cannot be left out"),
            ("latency:500", "expected > or <"),
            ("model:a model:b", "Expected model once"),
            ('user:"ann', "key:value"),
            ("metadata.:x", "Unknown key"),
            (" ".join(f"-model:{n}" for n in range(21)), "at most 20"),
        ],
    )
    def test_what_is_no_filter_is_said(self, text: str, said: str) -> None:
        with pytest.raises(InvalidParameters) as rejected:
            terms(text)

        assert rejected.value.details is not None
        assert said in rejected.value.details[0].message

    def test_a_condition_takes_the_place_of_one_that_it_contradicts(self) -> None:
        assert with_term(terms("model:a status:error"), Term("model", "b")) == (
            "status:error model:b"
        )
        assert with_term(terms("-model:a"), Term("model", "b", is_negated=True)) == (
            "-model:a -model:b"
        )
        assert without_term(terms("model:a"), Term("model", "a")) is None


class TestGaps:
    def test_of_no_call_there_is_no_cost_of_a_call(self) -> None:
        shown = TimeRange(NOON_US, NOON_US + 3 * HOUR_US - 1, None, "UTC", NOON_US)
        whole, mean = ({NOON_US: 5.0}, {NOON_US: 2.5})

        drawn = chart_of(
            "Cost", "usd", shown, [Series("Cost", whole), Series("Each", mean, has_gaps=True)]
        ).drawn

        assert [line.values[:2] for line in drawn.lines] == [[5.0, 0.0], [2.5, None]]


class TestLegend:
    def test_it_sums_up_each_line_without_the_bucket_that_still_runs(self) -> None:
        now = NOON_US + 3 * HOUR_US - 1
        shown = TimeRange(NOON_US - 17 * HOUR_US, now, "24h", "UTC", now)
        values = {NOON_US + hour * HOUR_US: 10.0 + hour for hour in range(-17, 3)}

        chart = chart_of(
            "Calls",
            "count",
            shown,
            [Series("Calls", values, 3, 190.0)],
            before=[Series("Calls", {}, 3, 0.0)],
        )

        now_line, before = chart.legend
        assert now_line == ("Calls", 3, False, 190.0, sum(range(-7, 12)) / 19, 11.0)
        assert (before.name, before.is_before, before.average) == ("Calls, before", True, 0.0)


class TestMarks:
    def test_a_mark_stands_in_the_row_of_its_bucket(self) -> None:
        shown = TimeRange(NOON_US, NOON_US + DAY_US - 1, None, "UTC", NOON_US)
        chart = chart_of("Calls", "count", shown, [Series("Calls", {})])

        marked = charts.with_marks(
            chart, [charts.Mark(NOON_US + HOUR_US + 5, "Release 2"), charts.Mark(NOON_US, "1")]
        )

        names = [[mark.name for mark in row.marks] for row in marked.rows]
        assert names[:3] == [["1"], ["Release 2"], []]
        assert [(one.at, one.name) for one in marked.drawn.marks][0] == (
            (NOON_US + HOUR_US + 5) / 1e6,
            "Release 2",
        )

    def test_marks_come_to_those_that_a_chart_has_and_may_lead_to_a_page(self) -> None:
        shown = TimeRange(NOON_US, NOON_US + DAY_US - 1, None, "UTC", NOON_US)
        chart = chart_of("Calls", "count", shown, [Series("Calls", {})])

        marked = charts.with_marks(chart, [charts.Mark(NOON_US, "Release 1")])
        again = charts.with_marks(marked, [charts.Mark(NOON_US, "Deployment", "deploys/1")])

        drawn = [(one.name, one.page) for one in again.drawn.marks]
        assert drawn == [("Release 1", None), ("Deployment", "deploys/1")]
        assert [mark.page for mark in again.rows[0].marks] == [None, "deploys/1"]


class TestRanges:
    def test_a_preset_ends_now_and_the_time_before_is_as_long(self) -> None:
        shown = range_of({"range": "7d"}, PROJECT)

        assert shown.length_us == 7 * DAY_US
        assert shown.before.length_us == shown.length_us
        assert shown.before.last_us == shown.first_us - 1
        assert (shown.bucket, shown.zone, shown.shorter) == ("hour", "Europe/Berlin", "24h")

    def test_ends_are_on_the_clock_that_the_address_names(self) -> None:
        local = range_of({"from": "2025-11-28T13:00", "to": "2025-11-28T14:00"}, PROJECT)
        utc = range_of({"from": "2025-11-28T12:00", "to": "2025-11-28T13:00", "tz": "UTC"}, PROJECT)

        assert local.first_us == utc.first_us == NOON_US

    @pytest.mark.parametrize(
        "values",
        [
            {"range": "8d"},
            {"from": "soon"},
            {"from": "2025-11-28", "to": "2025-11-27"},
            {"tz": "Moon/Sea"},
            {"from": "1970-01-01", "to": "2025-01-01"},
        ],
    )
    def test_what_is_no_range_is_rejected(self, values: dict[str, str]) -> None:
        with pytest.raises(InvalidParameters):
            range_of(values, PROJECT)

    @pytest.mark.parametrize("preset", PRESETS)
    def test_every_preset_has_a_bucket_that_a_chart_can_show(self, preset: str) -> None:
        assert 12 <= len(charts.moments_of(range_of({"range": preset}, PROJECT))) <= 400


class TestCharts:
    SHOWN = TimeRange(NOON_US - 8 * HOUR_US + 1, NOON_US, "24h", "UTC", NOON_US)

    def test_no_event_is_a_zero_of_what_adds_up_and_a_gap_of_what_does_not(self) -> None:
        found = {NOON_US - HOUR_US: 5.0}

        counted = chart_of("Calls", "count", self.SHOWN, [Series("Calls", found)])
        measured = chart_of("p95", "ms", self.SHOWN, [Series("p95", found)])

        assert counted.drawn.lines[0].values == [0] * 7 + [5, 0]
        assert measured.drawn.lines[0].values == [None] * 7 + [5, None]
        assert [row.values for row in measured.rows][7] == [5]
        assert counted.drawn.unfinished == 8

    def test_the_time_before_lies_under_the_same_hours(self) -> None:
        before = Series("Calls", {NOON_US - 9 * HOUR_US: 3.0})

        chart = chart_of("Calls", "count", self.SHOWN, [Series("Calls", {})], before=[before])

        assert chart.drawn.lines[1].is_before
        assert chart.drawn.lines[1].values == [0] * 7 + [3, 0]

    def test_a_range_that_is_over_has_no_running_bucket(self) -> None:
        over = TimeRange(NOON_US - HOUR_US, NOON_US, None, "UTC", NOON_US + DAY_US)

        assert chart_of("Calls", "count", over, []).drawn.unfinished is None

    def test_a_value_keeps_its_colour_and_neighbours_differ(self) -> None:
        names = [f"model-{n}" for n in range(8)]

        assert sorted(colours_of(names)) == list(range(8))
        assert colours_of(names[:1]) == colours_of(names)[:1]

    def test_a_sparkline_has_gaps_where_nothing_is_known(self) -> None:
        assert spark([1, None, 2, 4], width=30, height=12) == "M0.0 8.5M20.0 6.0L30.0 1.0"
        assert spark([None, None]) == ""


class TestTexts:
    @pytest.mark.parametrize(
        ("cents", "text"),
        [
            (None, "–"), (0, "$0"), (1234, "$12.34"), (0.11, "$0.0011"), (0.0001234, "$0.0000012"),
            (1_234_567, "$12.3k"), (-250, "−$2.50"), (99.999, "$1.00"),
        ],
    )  # fmt: skip
    def test_money(self, cents: float | None, text: str) -> None:
        assert texts.money(cents) == text

    @pytest.mark.parametrize(
        ("ms", "text"),
        [
            (None, "–"), (0, "0 ms"), (812.4, "812 ms"), (2400, "2.4 s"), (192_000, "3 m 12 s"),
            (3_900_000, "1 h 5 m"), (4.25, "4.2 ms"), (59_960, "60.0 s"),
        ],
    )  # fmt: skip
    def test_durations(self, ms: float | None, text: str) -> None:
        assert texts.duration(ms) == text

    @pytest.mark.parametrize(
        ("number", "text"),
        [
            (None, "–"), (950, "950"), (9_999, "9,999"), (12_400, "12.4k"), (2_000_000, "2M"),
            (-3, "−3"), (-2.5e99, "−2.5e+99"),
        ],
    )  # fmt: skip
    def test_counts(self, number: float | None, text: str) -> None:
        assert texts.count(number) == text

    @pytest.mark.parametrize(
        ("now", "before", "text"),
        [(110, 100, "+10 %"), (90, 100, "−10 %"), (0, 100, "−100 %"), (5, 0, ""), (None, 1, ""),
         (100, 100, "±0 %"), (2000, 100, "×20.0")],
    )  # fmt: skip
    def test_changes(self, now: float | None, before: float | None, text: str) -> None:
        assert texts.change(now, before) == text

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            (
                '{"name":"RateLimitError","message":"Slow \\"down\\""}',
                'RateLimitError: Slow "down"',
            ),
            ('{"message":"cut off he', "cut off he"),
            ('"plain"', "plain"),
            ("", ""),
        ],
    )
    def test_an_error_says_its_message(self, text: str, said: str) -> None:
        assert texts.fault(text) == said


class TestTrees:
    def test_a_tree_is_bounded_whatever_was_sent(self) -> None:
        tree = tree_of({"many": list(range(10 * MOST_NODES))})

        def count(node: Node) -> int:
            return 1 + sum(map(count, node.children))

        assert count(tree) <= MOST_NODES + 1
        assert tree.children[0].size == 10 * MOST_NODES

    def test_what_is_too_deep_or_broken_is_not_shown(self) -> None:
        assert decoded(Raw(b"[" * 5000 + b"]" * 5000)) is None
        assert decoded(Raw(b"{")) is None
        assert decoded(None) is None

    def test_a_path_is_as_javascript_writes_it_step_by_step(self) -> None:
        top = tree_of({'a"b': [1]})

        named = top.children[0]
        assert [top.path, named.path, named.children[0].path] == ["$", '["a\\"b"]', "[0]"]

    def test_a_long_key_is_not_repeated_for_each_value_in_it(self) -> None:
        tree = tree_of({"k" * 100_000: list(range(MOST_NODES))})

        assert sum(len(one.path) for one in tree.children[0].children) < 20 * MOST_NODES

    def test_json_has_its_lines_broken(self) -> None:
        assert laid_out(b'{"a":[1]}', {"a": [1]}) == '{\n  "a": [\n    1\n  ]\n}'

    def test_what_would_be_mostly_blanks_is_left_as_it_is(self) -> None:
        deep = b"[" * 900 + b"1," * 20_000 + b"1" + b"]" * 900

        assert len(laid_out(deep, json.decode(deep))) == len(deep)


class TestProse:
    @pytest.mark.parametrize(
        ("text", "html"),
        [
            ("**b**", "<p><strong>b</strong></p>\n"),
            ("<b>x</b>", "<p>&lt;b&gt;x&lt;/b&gt;</p>\n"),
            ("[x](javascript:alert(1))", "<p>[x](javascript:alert(1))</p>\n"),
        ],
    )
    def test_markdown_is_read_and_html_is_text(self, text: str, html: str) -> None:
        assert prose(text) == html

    def test_no_picture_is_fetched(self) -> None:
        assert "<img" not in prose("![x](https://e.example/x.png)")

    def test_what_is_very_long_is_plain(self) -> None:
        assert prose("*" * 30_000 + "<b>").endswith("&lt;b&gt;</pre>")


class TestAddresses:
    ADDRESS = Address("/sluice", "/p/1/llm/traces", {"range": "7d", "where": "model:a"}, "1")

    def test_a_link_changes_some_of_the_view(self) -> None:
        assert (
            self.ADDRESS.here(where=None, from_="x y") == "/sluice/p/1/llm/traces?range=7d&from=x+y"
        )

    def test_the_time_goes_along_to_another_page(self) -> None:
        assert self.ADDRESS.page("overview") == "/sluice/p/1/overview?range=7d"

    def test_an_id_may_be_any_text(self) -> None:
        assert (
            self.ADDRESS.thing("llm/traces", "a/b?c") == "/sluice/p/1/llm/traces/a%2Fb%3Fc?range=7d"
        )

    def test_a_parameter_of_any_name_is_harmless(self) -> None:
        odd = Address("", "/x", {"path": "1", "self": "2"})

        assert odd.here(a="3") == "/x?path=1&self=2&a=3"


@pytest.mark.parametrize(
    ("begun", "value"),
    [
        ("refund", "refund"),
        ('"refund pol', "refund pol"),
        ('"refund policy"', "refund policy"),
        (r'"say \"hi', 'say "hi'),
        ('"say \\', "say "),
        ('"', ""),
    ],
)
def test_a_value_that_is_being_written_is_read_without_its_quotes(begun: str, value: str) -> None:
    assert as_begun(begun) == value


def test_a_short_text_makes_no_long_page() -> None:
    table = "|a" * 256 + "\n" + "|-" * 256 + "\n" + "x\n" * 250

    assert len(prose(table)) < 20 * len(table)


def test_a_deep_body_is_shown_to_some_depth() -> None:
    value: list[object] = []
    for _ in range(900):
        value = [value]

    node, depth = tree_of(value), 0
    while node.children:
        node, depth = node.children[0], depth + 1

    assert depth == 60
