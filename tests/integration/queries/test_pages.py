"""What pages ask beside the API: lines that follow each other, what is left out, plain sums."""

import pytest

from api.pages.llm.measures import MEASURES
from clickhouse.client import Warehouse
from clickhouse.llm.around import fetch_request, find_around, find_place
from clickhouse.llm.filters import TraceFilter
from clickhouse.llm.groups import Grouping, rank_groups, read_groups, sum_groups
from clickhouse.llm.trace_lines import PREVIEW_CHARS, Place, list_lines
from clickhouse.llm.traces import count_traces
from schemas.projects import ProjectContext
from tests.integration.queries.conftest import store_traces
from tests.integration.queries.rows import DAY_US, START_US, make_trace, random_traces

ALL = TraceFilter(from_us=START_US - 400 * DAY_US, to_us=START_US + 400 * DAY_US)


async def test_pages_of_lines_follow_each_other_where_times_are_the_same(
    warehouse: Warehouse, project: ProjectContext
) -> None:
    rows = [
        make_trace(project.project_id, f"id-{n:02d}", timestamp_us=START_US + n // 5)
        for n in range(23)
    ]
    store_traces(warehouse, rows)
    store_traces(warehouse, [make_trace("another", "id-99")])
    expected = [row.trace_id for row in reversed(rows)]

    seen: list[str] = []
    beyond: Place | None = None
    while lines := await list_lines(warehouse, project, ALL, limit=4, beyond=beyond):
        seen += [line.trace_id for line in lines]
        beyond = lines[-1].place

    assert seen == expected
    newer = await list_lines(
        warehouse, project, ALL, limit=3, beyond=Place(START_US + 1, "id-07"), way="newer"
    )
    assert [line.trace_id for line in newer] == ["id-08", "id-09", "id-10"]


async def test_a_line_has_the_beginning_of_texts_and_the_cost_that_counts(
    warehouse: Warehouse, project: ProjectContext
) -> None:
    store_traces(
        warehouse,
        [
            make_trace(
                project.project_id,
                "one",
                output_text="é" * 1000,
                user_id="ann",
                computed_cost_pico=5 * 10**10,
            )
        ],
    )

    (line,) = await list_lines(warehouse, project, ALL, limit=10)

    assert line.output == "é" * PREVIEW_CHARS
    assert (line.user, line.cost_cents, line.session_id) == ("ann", 5, None)


@pytest.mark.parametrize(
    ("without", "kept"),
    [
        ((("model", "gpt-4o"),), 1),
        ((("user", "ann"),), 2),
        ((("session_id", "s"), ("status", "error")), 1),
        ((("environment", "production"),), 2),
        ((("provider", "openai"),), 0),
    ],
)
async def test_what_is_left_out_is_in_no_list_and_no_sum(
    warehouse: Warehouse, project: ProjectContext, without: tuple[tuple[str, str], ...], kept: int
) -> None:
    own = project.project_id
    store_traces(
        warehouse,
        [
            make_trace(own, "a", user_id="ann", session_id="s", environment="production"),
            make_trace(own, "b", user_id="bob", status="error"),
            make_trace(own, "c", model_requested="gpt-4o-mini"),
        ],
    )
    wanted = TraceFilter(from_us=ALL.from_us, to_us=ALL.to_us, without=without)

    lines = await list_lines(warehouse, project, wanted, limit=10)
    groups = await sum_groups(warehouse, project, wanted, Grouping(("provider",)))

    assert len(lines) == kept
    assert await count_traces(warehouse, project, wanted) == kept
    assert sum(group.requests for group in groups) == kept


async def test_plain_sums_are_those_of_the_whole_groups(
    warehouse: Warehouse, project: ProjectContext
) -> None:
    store_traces(warehouse, random_traces(project.project_id, 1, 300))
    for names in (("model",), ("user",), ("day",), ("model", "hour"), ("metadata.turn",)):
        for order in ("cost", "requests", "key"):
            grouping = Grouping(names, order, limit=20)
            ranked = await rank_groups(warehouse, project, ALL, grouping)
            whole = await read_groups(warehouse, project, ranked, slice(None))
            plain = await sum_groups(warehouse, project, ALL, grouping)

            assert [one.key for one in plain] == [one.key for one in whole]
            for mine, theirs in zip(plain, whole, strict=True):
                for name in mine.__struct_fields__:
                    assert getattr(mine, name) == getattr(theirs, name), (names, order, name)


async def test_neighbours_of_a_call_are_those_of_its_session_by_time_and_then_by_id(
    warehouse: Warehouse, project: ProjectContext
) -> None:
    own = project.project_id
    # All within one millisecond, which is what answers name.
    offsets = {"a": 0, "b": 7, "c": 7, "d": 7, "e": 900}
    rows = [
        make_trace(own, name, session_id="s", timestamp_us=START_US + us)
        for name, us in offsets.items()
    ]
    rows.append(make_trace(own, "bb", session_id="other", timestamp_us=START_US + 7))
    rows.append(make_trace(f"{own}-2", "cc", session_id="s", timestamp_us=START_US + 7))
    store_traces(warehouse, rows)
    found = {}

    for name in offsets:
        place = await find_place(warehouse, project, name)
        assert place is not None
        around = await find_around(warehouse, project, "s", place)
        found[name] = tuple(one and one.trace_id for one in around)

    assert found == {
        "a": (None, "b"),
        "b": ("a", "c"),
        "c": ("b", "d"),
        "d": ("c", "e"),
        "e": ("d", None),
    }
    assert await find_place(warehouse, project, "cc") is None


async def test_the_request_of_a_call_is_read_unless_it_is_too_long_or_of_another_project(
    warehouse: Warehouse, project: ProjectContext
) -> None:
    body = '{"messages":"é' + "x" * 1000 + '"}'
    rows = [
        make_trace(project.project_id, "one", request_body=body),
        make_trace(f"{project.project_id}-2", "two", request_body=body),
    ]
    store_traces(warehouse, rows)
    size = len(body.encode())

    async def ask(trace_id: str, most: int) -> bytes | None:
        place = Place(START_US, trace_id)
        raw = await fetch_request(warehouse, project, place, most_bytes=most)
        return None if raw is None else bytes(raw)

    assert await ask("one", size) == body.encode()
    assert await ask("one", size - 1) is None
    assert await ask("two", size) is None


@pytest.mark.parametrize("name", [name for name, one in MEASURES.items() if not one.is_spread])
async def test_a_measure_is_the_same_where_no_other_sum_is_read(
    warehouse: Warehouse, project: ProjectContext, name: str
) -> None:
    measure = MEASURES[name]
    store_traces(warehouse, random_traces(project.project_id, 1, 100))
    for names in (("model", "day"), ("metadata.turn",)):
        whole = Grouping(names, "requests", limit=20)
        alone = whole._replace(summed=measure.order)

        expected = await sum_groups(warehouse, project, ALL, whole)
        found = await sum_groups(warehouse, project, ALL, alone)

        assert [(one.key, measure.of(one)) for one in found] == [
            (one.key, measure.of(one)) for one in expected
        ]
