"""Sessions and users as pages list them: orders, pages of them, and what their calls add up to."""

from decimal import Decimal

import pytest

from clickhouse.client import Warehouse
from clickhouse.llm import subjects
from clickhouse.llm.filters import TraceFilter
from clickhouse.llm.prompts import WHOLE_BYTES, read_prompts
from clickhouse.llm.session_calls import SLOTS, Before, Slot, add_up_to, slots_of
from clickhouse.llm.session_lines import (
    read_session,
    read_sessions,
    total_sessions,
)
from clickhouse.llm.subject_totals import SubjectTotals
from clickhouse.llm.subjects import SESSION, USER, Least, Listing, Place, Subject, rank
from clickhouse.llm.trace_lines import Place as TracePlace
from clickhouse.llm.user_lines import Both, Figures, read_beside, read_users, total_users
from schemas.projects import ProjectContext
from tests.integration.queries.conftest import store_traces
from tests.integration.queries.rows import (
    DAY_US,
    HOUR_US,
    START_US,
    make_trace,
    random_traces,
)

ALL = TraceFilter(from_us=START_US - DAY_US, to_us=START_US + 9 * DAY_US)
# Half past, so that both ends lie within hours of the rollup.
RAGGED = TraceFilter(
    from_us=START_US + 5 * HOUR_US + HOUR_US // 2, to_us=START_US + 90 * HOUR_US - HOUR_US // 2
)
CENT = 10**10
CALL_NS = 1_200_000_000
"""What a call takes, of those that say nothing else."""
ORDERS = ("last", "first", "calls", "errors", "cost", "tokens", "latency")
MINUTE_US = 60_000_000


def store_three(warehouse: Warehouse, project: ProjectContext) -> None:
    """Stores sessions a (3 calls, 1 failed, 6 ¢), b (2 calls, 9 ¢) and c (one, of unknown cost)."""
    made = (
        # session, minutes, cents, user, model, what is more
        ("a", 0, 1, "ann", "gpt-4o", {"environment": "production"}),
        ("a", 10, 2, "ann", "o3", {"status": "error"}),
        ("a", 130, 3, "bob", "gpt-4o", {"environment": "staging"}),
        ("b", 20, 4, "ann", "gpt-4o", {"input_tokens": 5, "output_tokens": 7}),
        ("b", 30, 5, "ann", "gpt-4o", {"input_tokens": 1}),
        ("c", 140, None, "cid", "house-model", {}),
        ("", 150, 8, "", "gpt-4o", {}),
    )
    rows = [
        make_trace(
            project.project_id,
            f"t{number}",
            session_id=session,
            timestamp_us=START_US + minutes * MINUTE_US,
            computed_cost_pico=None if cents is None else cents * CENT,
            user_id=user,
            model_requested=model,
            **more,
        )
        for number, (session, minutes, cents, user, model, more) in enumerate(made)
    ]
    store_traces(warehouse, rows)
    store_traces(
        warehouse,
        [make_trace("another", "t0", session_id="a", user_id="ann", computed_cost_pico=99 * CENT)],
    )


async def names_by(
    warehouse: Warehouse, project: ProjectContext, wanted: TraceFilter, order: str
) -> list[str]:
    places = await rank(warehouse, project, wanted, Listing(SESSION, order, 10))
    keys = [place.key for place in places]
    return [line.session_id for line in await read_sessions(warehouse, project, wanted, keys)]


@pytest.mark.parametrize(
    ("order", "expected"),
    [("last", "cab"), ("calls", "abc"), ("cost", "bac"), ("duration", "abc"), ("errors", "a")],
)
async def test_sessions_come_in_the_order_asked_for(
    warehouse: Warehouse, project: ProjectContext, order: str, expected: str
) -> None:
    store_three(warehouse, project)

    found = await names_by(warehouse, project, ALL, order)

    assert sorted(found) == ["a", "b", "c"]
    assert "".join(found).startswith(expected)


async def test_a_session_has_what_its_calls_add_up_to(
    warehouse: Warehouse, project: ProjectContext
) -> None:
    store_three(warehouse, project)

    a, b, c = [await read_session(warehouse, project, name) for name in "abc"]

    assert a is not None
    assert (a.calls, a.errors, a.cost_cents, a.unpriced) == (3, 1, 6, 0)
    assert (a.users, a.models) == (["ann", "bob"], ["gpt-4o", "o3"])
    assert a.environments == ["production", "staging"]
    assert (a.first, a.last_us) == (TracePlace(START_US, "t0"), START_US + 130 * MINUTE_US)
    assert a.duration_ms == 130 * 60_000
    assert b is not None
    assert (b.input_tokens, b.output_tokens) == (6, 7)
    assert c is not None
    assert (c.cost_cents, c.unpriced, c.duration_ms) == (None, 1, 0)
    assert await read_session(warehouse, project, "none of that id") is None


async def test_only_calls_within_the_filter_count(
    warehouse: Warehouse, project: ProjectContext
) -> None:
    store_three(warehouse, project)
    wanted = TraceFilter(from_us=ALL.from_us, to_us=ALL.to_us, user="bob")

    (place,) = await rank(warehouse, project, wanted, Listing(SESSION, "last", 10))
    (line,) = await read_sessions(warehouse, project, wanted, [place.key])

    assert (line.session_id, line.calls, line.cost_cents) == ("a", 1, 3)
    assert line.first == TracePlace(START_US + 130 * MINUTE_US, "t2")


async def test_sessions_add_up_to_their_totals_with_the_median_of_known_costs(
    warehouse: Warehouse, project: ProjectContext
) -> None:
    store_three(warehouse, project)

    whole = await total_sessions(warehouse, project, ALL)
    assert whole[:-1] == (3, 6, 1, 13, 15, 7.5)
    assert whole.latency_ms == pytest.approx(await mean_of(warehouse, project, "session_id != ''"))
    nothing = TraceFilter(from_us=START_US - DAY_US, to_us=START_US - 1)
    assert await total_sessions(warehouse, project, nothing) == SubjectTotals(
        0, 0, 0, 0, None, None, None
    )


async def test_the_median_of_costs_has_the_digits_that_costs_have(
    warehouse: Warehouse, project: ProjectContext
) -> None:
    for name, micros in (("a", 1125), ("b", 1125), ("c", 70), ("d", 9000)):
        row = make_trace(
            project.project_id,
            name,
            session_id=name,
            timestamp_us=START_US,
            computed_cost_pico=micros * 10**6,
        )
        store_traces(warehouse, [row])

    assert (await total_sessions(warehouse, project, ALL)).median_cents == 0.1125


@pytest.mark.parametrize(
    ("costs", "median"), [([1125], 0.1125), ([1000, 2000], 0.15), ([10**4] * 3, 1)]
)
async def test_a_median_of_costs_has_the_digits_of_costs(
    warehouse: Warehouse, project: ProjectContext, costs: list[int], median: float
) -> None:
    # Each in 10,000ths of a cent.
    rows = [
        make_trace(
            project.project_id,
            f"m{at}",
            session_id=f"m{at}",
            computed_cost_pico=cost * CENT // 10_000,
        )
        for at, cost in enumerate(costs)
    ]
    store_traces(warehouse, rows)

    assert (await total_sessions(warehouse, project, ALL)).median_cents == median


@pytest.mark.parametrize(
    ("subject", "order"),
    [(SESSION, order) for order in ORDERS]
    + [(SESSION, "duration")]
    + [(USER, order) for order in (*ORDERS, "sessions")],
)
async def test_pages_follow_each_other_and_need_no_rollup(
    warehouse: Warehouse,
    project: ProjectContext,
    monkeypatch: pytest.MonkeyPatch,
    subject: Subject,
    order: str,
) -> None:
    # So small that every step is taken: some of the newest rows, more of them, all.
    monkeypatch.setattr(subjects, "SAMPLES", (5, 60))
    store_traces(warehouse, random_traces(project.project_id, 11, 300))

    seen: list[Place] = []
    beyond: Place | None = None
    while found := await rank(warehouse, project, RAGGED, Listing(subject, order, 3, beyond)):
        seen += found
        beyond = found[-1]

    whole = Listing(subject, order, 100)
    assert seen == await rank(warehouse, project, RAGGED, whole, base_only=True)
    assert len({place.key for place in seen}) == (20 if subject is SESSION else 3)
    assert seen == sorted(seen, reverse=True)


async def test_rows_of_one_moment_are_on_one_page_each(
    warehouse: Warehouse, project: ProjectContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subjects, "SAMPLES", (3,))
    rows = [make_trace(project.project_id, f"t{n}", session_id=f"s{n % 9}") for n in range(27)]
    store_traces(warehouse, rows)

    seen: list[Place] = []
    beyond: Place | None = None
    while found := await rank(warehouse, project, ALL, Listing(SESSION, "last", 2, beyond)):
        seen += found
        beyond = found[-1]

    assert len(seen) == len({place.key for place in seen}) == 9


async def test_lines_and_totals_are_the_same_without_rollups(
    warehouse: Warehouse, project: ProjectContext
) -> None:
    store_traces(warehouse, random_traces(project.project_id, 5, 400))
    keys = [p.key for p in await rank(warehouse, project, RAGGED, Listing(SESSION, "cost", 50))]
    users = ["u3", "u1", "u2"]

    for read, asked in ((read_sessions, keys), (read_users, users)):
        fast = await read(warehouse, project, RAGGED, asked)  # type: ignore[operator]
        slow = await read(warehouse, project, RAGGED, asked, base_only=True)  # type: ignore[operator]
        assert fast == slow
        assert len(fast) == len(asked)
    for total in (total_sessions, total_users):
        assert await total(warehouse, project, RAGGED) == await total(
            warehouse, project, RAGGED, base_only=True
        )


async def test_users_have_their_figures_and_what_stands_beside_them(
    warehouse: Warehouse, project: ProjectContext
) -> None:
    store_three(warehouse, project)
    first_hour = TraceFilter(from_us=START_US, to_us=START_US + HOUR_US - 1)
    rest = TraceFilter(from_us=START_US + HOUR_US, to_us=START_US + 4 * HOUR_US)

    ann, cid = await read_users(warehouse, project, ALL, ["ann", "cid"])
    beside = await read_beside(
        warehouse, project, Both(rest, first_hour), ["ann", "bob"], period="hour"
    )

    assert (ann.calls, ann.errors, ann.tokens, ann.cost_cents) == (4, 1, 13, 12)
    assert (ann.first_us, ann.last_us) == (START_US, START_US + 30 * MINUTE_US)
    assert (cid.calls, cid.cost_cents) == (1, None)
    assert beside["ann"] == (
        0,
        Figures(4, 1, 6, 7, 0, beside["ann"].before.latency_ns, Decimal("0.12")),
        {},
    )
    assert beside["bob"] == (
        1,
        Figures(),
        {START_US + 2 * HOUR_US: Figures(1, 0, 0, 0, 0, CALL_NS, Decimal("0.03"))},
    )
    totals = await total_users(warehouse, project, ALL)
    assert (totals.subjects, totals.calls, totals.cost_cents) == (3, 6, 15)


async def mean_of(warehouse: Warehouse, project: ProjectContext, which: str) -> float:
    sql = f"SELECT avg(latency_ns) / 1e6 FROM traces WHERE project_id = {{p:String}} AND {which}"
    found = await warehouse.query(sql, {"p": project.project_id})
    return float(found.rows[0][0])


@pytest.mark.parametrize("order", ["last", "cost"])
@pytest.mark.parametrize("base_only", [False, True])
async def test_sessions_below_a_cost_or_without_an_error_are_in_no_list_and_no_total(
    warehouse: Warehouse, project: ProjectContext, order: str, base_only: bool
) -> None:
    store_three(warehouse, project)
    dear, failed = Least(cost_usd=Decimal("0.09")), Least(errors=1)

    async def listed(least: Least) -> list[str]:
        listing = Listing(SESSION, order, 10, None, least)
        places = await rank(warehouse, project, ALL, listing, base_only=base_only)
        lines = await read_sessions(warehouse, project, ALL, [place.key for place in places])
        totals = await total_sessions(warehouse, project, ALL, least=least, base_only=base_only)
        assert totals.subjects == len(lines)
        assert totals.calls == sum(line.calls for line in lines)
        return [line.session_id for line in lines]

    assert await listed(dear) == ["b"]
    assert await listed(failed) == ["a"]
    assert sorted(await listed(Least())) == ["a", "b", "c"]


async def test_sessions_and_users_of_another_project_are_in_no_list(
    warehouse: Warehouse, project: ProjectContext
) -> None:
    store_three(warehouse, project)

    for subject in (SESSION, USER):
        places = await rank(warehouse, project, ALL, Listing(subject, "cost", 10))
        assert max(place.figure for place in places) < Decimal("0.2")


async def test_a_page_of_a_session_knows_what_came_before_it(
    warehouse: Warehouse, project: ProjectContext
) -> None:
    store_three(warehouse, project)
    wanted = TraceFilter(session_id="a", from_us=START_US, to_us=START_US + 130 * MINUTE_US)

    second = TracePlace(START_US + 10 * MINUTE_US, "t1")
    before = await add_up_to(warehouse, project, wanted, second)
    nothing = await add_up_to(warehouse, project, wanted, TracePlace(START_US - 1, "t"))

    assert before == Before(2, 3, START_US + 10 * MINUTE_US + 1_200_000)
    assert nothing == Before()
    unpriced = TraceFilter(session_id="c", from_us=ALL.from_us, to_us=ALL.to_us)
    place = TracePlace(START_US + 140 * MINUTE_US, "t5")
    assert (await add_up_to(warehouse, project, unpriced, place))[:2] == (1, None)
    slots = await slots_of(warehouse, project, wanted)
    assert slots == [Slot(0, 1, 0, 1), Slot(9, 1, 1, 2), Slot(SLOTS - 1, 1, 0, 3)]


async def test_prompts_are_whole_bodies_or_the_last_message_of_long_ones(
    warehouse: Warehouse, project: ProjectContext
) -> None:
    long = "x" * WHOLE_BYTES
    last = '{"role":"user","content":"And now?"}'
    bodies = {
        "short": '{"prompt":"Hi"}',
        "long": f'{{"messages":[{{"role":"system","content":"{long}"}},{last}]}}',
        "longest": f'{{"messages":[{{"role":"user","content":"{long}"}}]}}',
        "broken": f'{{"messages":[{long}',
    }
    rows = [
        make_trace(project.project_id, name, request_body=text) for name, text in bodies.items()
    ]
    store_traces(warehouse, rows)
    store_traces(warehouse, [make_trace("another", "not ours")])

    places = [TracePlace(START_US, name) for name in (*bodies, "not ours")]
    found = await read_prompts(warehouse, project, places)

    assert found == {
        "short": b'{"prompt":"Hi"}',
        "long": f'{{"messages":[{last}]}}'.encode(),
        "longest": b"",
        "broken": b"",
    }
