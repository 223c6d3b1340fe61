"""Performance: the rollup against rows, pages of groups and of lines, spans, patterns, tenants."""

import uuid
from collections.abc import Callable, Sequence

import pytest
from msgspec.structs import replace

from clickhouse.client import Warehouse
from clickhouse.errors import transactions
from clickhouse.errors.repeated_spans import find_patterns, repeated
from clickhouse.errors.trace_links import Between, TraceLinks, by_trace_id, spellings
from clickhouse.errors.transaction_filters import Named, SpanFilter, Text, TransactionFilter
from clickhouse.errors.transaction_lines import fetch_transaction, list_lines
from clickhouse.errors.transaction_spans import (
    fetch_span,
    list_spans,
    list_with_data,
    slowest_spans,
)
from clickhouse.errors.transactions import Listing
from schemas.projects import ProjectContext
from tests.integration.queries.conftest import store_spans as store_spans_of_agents
from tests.integration.queries.conftest import store_traces
from tests.integration.queries.rows import (
    DAY_US,
    HOUR_US,
    START_US,
    make_span,
    make_trace,
    quantile,
)
from tests.integration.queries.transaction_rows import (
    MS,
    Span,
    Transaction,
    random_transactions,
    store_spans,
    store_transactions,
)

HALF_PAST = START_US + HOUR_US // 2
RAGGED = TransactionFilter(from_us=HALF_PAST, to_us=HALF_PAST + 2 * DAY_US + 7)
EVERYTHING = TransactionFilter(from_us=START_US, to_us=START_US + 4 * DAY_US)
HOSTILE = "'; DROP TABLE transactions -- \\ ` {x:String} \" 🙂\n"


@pytest.fixture
def rows(warehouse: Warehouse, project: ProjectContext) -> list[Transaction]:
    made = random_transactions(project.project_id, 11, 3_000)
    store_transactions(warehouse, made)
    return made


def within(rows: Sequence[Transaction], wanted: TransactionFilter) -> list[Transaction]:
    return [row for row in rows if wanted.from_us <= row.timestamp_us <= wanted.to_us]


class TestRollup:
    FILTERS = (
        RAGGED,
        replace(RAGGED, named=(Named("environment", "staging"),)),
        replace(RAGGED, named=(Named("release", "shop@1.1.0", True), Named("environment", ""))),
        replace(RAGGED, texts=(Text("ORDERS"),)),
        replace(RAGGED, texts=(Text("orders", is_negated=True),)),
        TransactionFilter(from_us=HALF_PAST, to_us=HALF_PAST + 60_000_000),
    )

    @pytest.mark.parametrize("wanted", FILTERS)
    async def test_it_says_what_the_rows_say(
        self,
        warehouse: Warehouse,
        project: ProjectContext,
        rows: list[Transaction],
        wanted: TransactionFilter,
    ) -> None:
        for order in transactions.ORDERS:
            listing = Listing(order, 100)
            rolled = await transactions.list_groups(warehouse, project, wanted, listing)
            counted = await transactions.list_groups(
                warehouse, project, wanted, listing, base_only=True
            )
            assert rolled == counted
        for ask in (transactions.total, transactions.list_releases):
            assert await ask(warehouse, project, wanted) == await ask(
                warehouse, project, wanted, base_only=True
            )

    @pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata", "America/New_York"])
    @pytest.mark.parametrize("period", ["hour", "day", "week"])
    async def test_it_says_the_same_over_time_on_any_clock(
        self,
        warehouse: Warehouse,
        project: ProjectContext,
        rows: list[Transaction],
        zone: str,
        period: str,
    ) -> None:
        project = replace(project, time_zone=zone)
        wanted = transactions.of_name(RAGGED, "/checkout", "http.server")

        rolled = await transactions.course(warehouse, project, wanted, period)  # type: ignore[arg-type]
        counted = await transactions.course(
            warehouse,
            project,
            wanted,
            period,  # type: ignore[arg-type]
            base_only=True,
        )

        assert rolled == counted
        own = [row for row in within(rows, wanted) if row.name == "/checkout"]
        assert sum(one.count for one in rolled.values()) == len(own)

    async def test_its_figures_are_those_of_plain_python(
        self, warehouse: Warehouse, project: ProjectContext, rows: list[Transaction]
    ) -> None:
        groups = await transactions.list_groups(warehouse, project, RAGGED, Listing("count", 9))

        assert len(groups) == 4
        for group in groups:
            own = [r for r in within(rows, RAGGED) if (r.name, r.op) == (group.name, group.op)]
            fine = [row for row in own if not row.failed]
            found, durations = group.figures, [row.duration_ns / MS for row in own]
            assert found.count == len(own)
            assert found.failed == len(own) - len(fine)
            assert found.satisfied == sum(row.duration_ns <= 300 * MS for row in fine)
            assert found.tolerated == sum(300 * MS < r.duration_ns <= 1200 * MS for r in fine)
            assert found.duration_ns == sum(row.duration_ns for row in own)
            assert found.avg_ms == pytest.approx(sum(durations) / len(own))
            assert found.apdex == pytest.approx(
                (found.satisfied + found.tolerated / 2) / found.count
            )
            for value, share in zip(found.spread, (0.5, 0.9, 0.95, 0.99), strict=True):
                assert value == pytest.approx(quantile(durations, share), rel=0.011)

    async def test_what_only_rows_know_is_answered_from_rows(
        self, warehouse: Warehouse, project: ProjectContext, rows: list[Transaction]
    ) -> None:
        wanted = replace(RAGGED, named=(Named("user", "ann"),), only_failed=True)

        found = await transactions.total(warehouse, project, wanted)

        own = [row for row in within(rows, RAGGED) if row.user_key == "ann" and row.failed]
        assert (found.figures.count, found.figures.failed) == (len(own), len(own))

    async def test_two_of_the_longest_durations_add_up(
        self, warehouse: Warehouse, project: ProjectContext
    ) -> None:
        longest = (1 << 64) - 1
        store_transactions(
            warehouse,
            [
                Transaction(
                    project_id=project.project_id, event_id=uuid.uuid4().hex, duration_ns=longest
                )
                for _ in range(2)
            ],
        )

        found = await transactions.total(warehouse, project, EVERYTHING)

        assert found.figures.duration_ns == 2 * longest

    async def test_nothing_is_no_figure_and_not_zero(
        self, warehouse: Warehouse, project: ProjectContext
    ) -> None:
        figures, groups = await transactions.total(warehouse, project, EVERYTHING)

        assert groups == 0
        assert (figures.avg_ms, figures.failure_rate, figures.apdex) == (None, None, None)


class TestPages:
    @pytest.mark.parametrize("order", transactions.ORDERS)
    async def test_pages_of_groups_are_the_whole_list(
        self,
        warehouse: Warehouse,
        project: ProjectContext,
        rows: list[Transaction],
        order: str,
    ) -> None:
        whole = await transactions.list_groups(warehouse, project, RAGGED, Listing(order, 100))

        pages, beyond = [], None
        while found := await transactions.list_groups(
            warehouse, project, RAGGED, Listing(order, 1, beyond)
        ):
            pages += found
            beyond = found[-1].place
        assert pages == whole
        assert [one.place.figure for one in whole] == sorted(
            (one.place.figure for one in whole), reverse=True
        )

    @pytest.mark.parametrize("order", ["slowest", "newest"])
    async def test_pages_of_transactions_are_the_whole_list(
        self, warehouse: Warehouse, project: ProjectContext, order: str
    ) -> None:
        # Times and durations that meet, so that only the id tells one from the other.
        made = [
            Transaction(
                project_id=project.project_id,
                event_id=f"{n:032x}",
                timestamp_us=START_US + n // 4,
                duration_ns=MS * (n // 6),
            )
            for n in range(24)
        ]
        store_transactions(warehouse, made)

        pages, beyond = [], None
        while found := await list_lines(
            warehouse,
            project,
            EVERYTHING,
            order=order,  # type: ignore[arg-type]
            limit=5,
            beyond=beyond,
        ):
            pages += found
            beyond = found[-1].place
        key: Callable[[Transaction], tuple[object, ...]] = (
            (lambda row: (row.duration_ns, row.timestamp_us, row.event_id))
            if order == "slowest"
            else (lambda row: (row.timestamp_us, row.event_id))
        )
        assert [line.event_id for line in pages] == [
            row.event_id for row in sorted(made, key=key, reverse=True)
        ]

    async def test_figures_of_the_time_before_and_buckets_are_found_by_hash(
        self, warehouse: Warehouse, project: ProjectContext, rows: list[Transaction]
    ) -> None:
        first, second, *_ = await transactions.list_groups(
            warehouse, project, RAGGED, Listing("count", 9)
        )

        again = await transactions.read_groups(
            warehouse, project, RAGGED, [first.hash, second.hash]
        )
        cells = await transactions.cross_groups(warehouse, project, RAGGED, [first.hash], "hour")

        assert again == {first.hash: first.figures, second.hash: second.figures}
        assert list(cells) == [first.hash]
        assert sum(cells[first.hash].values()) == first.figures.count


SHAPES = (
    ("db", "SELECT * FROM a WHERE id = 42", "SELECT * FROM a WHERE id = ?"),
    ("db", "SELECT 'it''s', 'a\\'b', x1 FROM t2", "SELECT ?, ?, x1 FROM t2"),
    ("db", "SELECT * FROM a WHERE id IN (1, 2,3)", "SELECT * FROM a WHERE id IN (?)"),
    ("db", "INSERT INTO a VALUES (%s, %s), (%s, %s)", "INSERT INTO a VALUES (?)"),
    ("db", "SELECT $1,  %(name)s\n FROM a", "SELECT ?, ? FROM a"),
    ("http.client", "GET https://a.example/u/17/x?q=1&r=2", "GET https://a.example/u/?/x"),
    ("http.client", "GET /f/0f8fad5b-d9cb-469f-a165-70867728950e", "GET /f/?"),
    ("cache.get", "user:9a0364b9e99bb480dd25e1f0284c8555", "user:?"),
    ("ai.chat", "chat gemini-2.0-flash (2)", "chat gemini-2.0-flash (2)"),
    ("gen_ai.chat", "0f8fad5b-d9cb-469f-a165-70867728950e gpt-4", "? gpt-4"),
    ("db", "", ""),
    # A quote that nothing closes begins no text.
    ("db", HOSTILE, HOSTILE.strip()),
)


class TestSpans:
    async def test_a_transaction_is_read_with_its_spans(
        self, warehouse: Warehouse, project: ProjectContext
    ) -> None:
        one = _transaction(project, "a" * 32, spans=2, body=b'{"eventId":"x"}')
        spans = [
            _span(one, span_id=f"s{n}", started_us=START_US + n, data=b'{"n":%d}' % n)
            for n in (2, 1)
        ]
        store_transactions(warehouse, [one])
        store_spans(warehouse, spans)

        found = await fetch_transaction(warehouse, project, str(uuid.UUID("a" * 32)).upper())

        assert found is not None
        assert bytes(found.body or b"") == one.body
        lines = await list_spans(warehouse, project, found.line)
        assert [line.span_id for line in lines] == ["s1", "s2"]
        pairs = await list_with_data(warehouse, project, found.line)
        assert [one.span for one in pairs] == lines
        assert [bytes(one.data or b"") for one in pairs] == [b'{"n":1}', b'{"n":2}']
        opened = await fetch_span(warehouse, project, found.line, "s2")
        assert opened is not None
        assert bytes(opened[1] or b"") == b'{"n":2}'

    async def test_descriptions_lose_their_values_alone(
        self, warehouse: Warehouse, project: ProjectContext
    ) -> None:
        one = _transaction(project, "b" * 32)
        store_transactions(warehouse, [one])
        store_spans(
            warehouse,
            [
                _span(one, span_id=f"{n:02}", op=op, description=said)
                for n, (op, said, _) in enumerate(SHAPES)
            ],
        )
        found = await fetch_transaction(warehouse, project, one.event_id)
        assert found is not None

        lines = await list_spans(warehouse, project, found.line)

        assert [line.shape for line in lines] == [shape for _, _, shape in SHAPES]

    async def test_the_slowest_sorts_come_first_with_their_share(
        self, warehouse: Warehouse, project: ProjectContext
    ) -> None:
        one, other = _transaction(project, "c" * 32), _transaction(project, "d" * 32, name="/other")
        store_transactions(warehouse, [one, other])
        store_spans(
            warehouse,
            [
                *(
                    _span(one, span_id=f"q{n}", description=f"SELECT {n}", duration_ns=(n + 1) * MS)
                    for n in range(3)
                ),
                _span(
                    other, span_id="x", op="http.client", description="GET /", duration_ns=18 * MS
                ),
            ],
        )

        every = await slowest_spans(
            warehouse, project, SpanFilter(within=EVERYTHING), order="total", limit=9
        )
        queries = await slowest_spans(
            warehouse,
            project,
            SpanFilter(within=EVERYTHING, op_begins="db"),
            order="count",
            limit=9,
        )

        assert [(sort.shape, sort.count, sort.share) for sort in every.sorts] == [
            ("GET /", 1, 75.0),
            ("SELECT ?", 3, 25.0),
        ]
        assert every.sorts[1].slowest_span == "q2"
        assert (every.whole, every.looked_at, every.is_cut) == (2, 4, False)
        assert [(sort.shape, sort.share) for sort in queries.sorts] == [("SELECT ?", 100.0)]

    async def test_they_are_narrowed_by_what_transactions_are(
        self, warehouse: Warehouse, project: ProjectContext
    ) -> None:
        one = _transaction(project, "e" * 32)
        other = _transaction(project, "f" * 32, environment="staging")
        store_transactions(warehouse, [one, other])
        store_spans(
            warehouse,
            [
                _span(one, span_id="1", description="SELECT a"),
                _span(other, span_id="2", description="SELECT b"),
            ],
        )

        async def shapes(*named: Named, texts: tuple[Text, ...] = ()) -> list[str]:
            wanted = SpanFilter(within=replace(EVERYTHING, named=named), texts=texts)
            found = await slowest_spans(warehouse, project, wanted, order="total", limit=9)
            return [sort.shape for sort in found.sorts]

        assert await shapes() == ["SELECT a", "SELECT b"]
        assert await shapes(Named("environment", "staging")) == ["SELECT b"]
        assert await shapes(Named("name", "/checkout"), Named("environment", "staging", True)) == [
            "SELECT a"
        ]
        assert await shapes(Named("name", "/none")) == []
        assert await shapes(texts=(Text("select B"),)) == ["SELECT b"]


class TestPatterns:
    async def test_five_of_one_query_under_one_parent_are_one(
        self, warehouse: Warehouse, project: ProjectContext
    ) -> None:
        one = _transaction(project, "1" * 32, spans=13)
        spans = [
            _span(one, span_id=f"a{n}", parent_span_id="p", description=f"SELECT {n}")
            for n in range(5)
        ]
        # Four under another parent, and four others: no pattern.
        spans += [
            _span(one, span_id=f"b{n}", parent_span_id="r", description=f"SELECT {n}")
            for n in range(4)
        ]
        spans += [
            _span(one, span_id=f"c{n}", parent_span_id="p", description=f"GET {n}", op="http")
            for n in range(4)
        ]
        store_transactions(warehouse, [one])
        store_spans(warehouse, spans)
        found = await fetch_transaction(warehouse, project, one.event_id)
        assert found is not None

        alone = repeated(await list_spans(warehouse, project, found.line))
        recent = await find_patterns(
            warehouse, project, transactions.of_name(EVERYTHING, "/checkout", None)
        )

        assert [(r.op, r.shape, r.parent_span_id, r.count, r.first_span_id) for r in alone] == [
            ("db", "SELECT ?", "p", 5, "a0")
        ]
        assert recent.looked_at == 1
        assert [(p.shape, p.transactions, p.spans, p.most) for p in recent.patterns] == [
            ("SELECT ?", 1, 5, 5)
        ]
        assert recent.patterns[0].example == one.event_id


class TestTraces:
    TRACE = "9a0364b9e99bb480dd25e1f0284c8555"

    async def test_what_belongs_to_a_trace_is_found_in_every_system(
        self, warehouse: Warehouse, project: ProjectContext
    ) -> None:
        ids = spellings(self.TRACE)
        store_transactions(
            warehouse,
            [
                _transaction(project, "2" * 32, trace_id=self.TRACE),
                _transaction(project, "3" * 32, trace_id="0" * 32),
            ],
        )
        store_traces(
            warehouse,
            [
                make_trace(project.project_id, "t1", tags={"traceId": ids[1], "spanId": "ab"}),
                make_trace(project.project_id, "t2", tags={"trace_id": self.TRACE}),
                make_trace(project.project_id, "t3", tags={"traceId": "0" * 32}),
                make_trace(uuid.uuid4().hex, "t4", tags={"traceId": self.TRACE}),
            ],
        )
        store_spans_of_agents(
            warehouse, [make_span(project.project_id, "s1", tags={"traceId": self.TRACE})]
        )

        found = await by_trace_id(
            warehouse, project, self.TRACE.upper(), Between(START_US, START_US)
        )

        assert [one.event_id for one in found.transactions] == ["2" * 32]
        assert [(one.trace_id, one.span_id) for one in found.calls] == [("t1", "ab"), ("t2", "")]
        assert [one.span_id for one in found.agent_events] == ["s1"]
        assert found.errors == []

    async def test_no_id_is_no_trace(self, warehouse: Warehouse, project: ProjectContext) -> None:
        store_transactions(warehouse, [_transaction(project, "4" * 32)])

        found = await by_trace_id(warehouse, project, "", Between(START_US, START_US))

        assert found == TraceLinks()


class TestTenants:
    async def test_nothing_of_another_project_is_in_any_answer(
        self, warehouse: Warehouse, project: ProjectContext
    ) -> None:
        other = replace(project, project_id=uuid.uuid4().hex)  # type: ignore[arg-type]
        # The same id in both.
        theirs = _transaction(other, "7" * 32, name="theirs", spans=9)
        ours = _transaction(project, "7" * 32, name="ours", spans=1)
        store_transactions(warehouse, [theirs, ours])
        store_spans(
            warehouse,
            [
                *(_span(theirs, span_id=f"t{n}", description="theirs") for n in range(9)),
                _span(ours, span_id="o", description="ours"),
            ],
        )

        groups = await transactions.list_groups(warehouse, project, EVERYTHING, Listing("count", 9))
        lines = await list_lines(warehouse, project, EVERYTHING, order="newest", limit=9)
        found = await fetch_transaction(warehouse, project, "7" * 32)
        assert found is not None
        spans = await list_spans(warehouse, project, found.line)
        slow = await slowest_spans(
            warehouse, project, SpanFilter(within=EVERYTHING), order="total", limit=9
        )
        patterns = await find_patterns(warehouse, project, EVERYTHING)

        assert [group.name for group in groups] == ["ours"]
        assert [line.name for line in lines] == ["ours"]
        assert found.line.name == "ours"
        assert [span.description for span in spans] == ["ours"]
        assert [sort.shape for sort in slow.sorts] == ["ours"]
        assert patterns.patterns == []

    async def test_hostile_names_are_names(
        self, warehouse: Warehouse, project: ProjectContext
    ) -> None:
        one = _transaction(
            project, "8" * 32, name=HOSTILE, op=HOSTILE, environment=HOSTILE, release=HOSTILE
        )
        store_transactions(warehouse, [one])
        named = tuple(Named(name, HOSTILE) for name in ("name", "op", "environment", "release"))
        wanted = replace(EVERYTHING, named=named, texts=(Text(HOSTILE),))

        (group,) = await transactions.list_groups(warehouse, project, wanted, Listing("total", 9))
        behind = Listing("total", 9, group.place)

        assert (group.name, group.op) == (HOSTILE, HOSTILE)
        assert await transactions.list_groups(warehouse, project, wanted, behind) == []
        (line,) = await list_lines(warehouse, project, wanted, order="slowest", limit=9)
        assert line.release == HOSTILE


def _transaction(project: ProjectContext, event_id: str, **fields: object) -> Transaction:
    return Transaction(project_id=project.project_id, event_id=event_id, **fields)  # type: ignore[arg-type]


def _span(of: Transaction, **fields: object) -> Span:
    return Span(
        project_id=of.project_id,
        event_id=of.event_id,
        timestamp_us=of.timestamp_us,
        transaction=of.name,
        **fields,  # type: ignore[arg-type]
    )
