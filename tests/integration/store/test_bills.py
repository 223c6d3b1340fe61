"""Bills are corrected once later spans change them: exactly, whatever breaks off on the way."""

import itertools
import random
import shutil
import uuid
from collections.abc import AsyncIterator, Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from clickhouse import bills as rows
from clickhouse.client import Warehouse
from controlplane.crypto import Vault
from controlplane.database import Database
from controlplane.llm.prices import set_price
from controlplane.llm.reprices import find_run, request_run, save_progress, take_run
from controlplane.otel.bills import begin_chunk, save_bills, take_bills
from controlplane.projects import insert_project
from controlplane.rewriting import TurnTaken, current_turn, take_turn
from processors.llm.cost.cache import load_book
from processors.llm.cost.own import Prices
from processors.llm.pricing import Pricing
from processors.llm.reprice import Repricing
from processors.otel.bills import Billing
from schemas import metrics
from schemas.llm.prices import OwnPrice, Rates
from schemas.llm.reprices import Pending as RunPending
from schemas.llm.reprices import Place, Totals
from schemas.llm.reprices import Progress as RunProgress
from schemas.otel.bills import Pending, Progress
from schemas.projects import ProjectId
from tests.integration.store.reprice_breaks import Fuse, FusedDatabase, FusedStore
from tests.integration.store.told_spans import (
    KEYS,
    SUMS,
    Log,
    Record,
    api_request,
    bills,
    call,
    claude_code,
    cut,
    item,
    put,
    random_trees,
    rollup,
)

SEED = 20_261_130
TRACE = "5b8efff798038103d269b633813fc60c"
ROLLUPS = ("trace_sums", "session_sums")


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    with capture_logs():
        yield


@pytest.fixture
async def database(migrated_file: Path, tmp_path: Path) -> AsyncIterator[FusedDatabase]:
    file = shutil.copy(migrated_file, tmp_path / "control.db")
    database = FusedDatabase(f"sqlite:///{file}")
    yield database
    await database.close()


@pytest.fixture(scope="module")
def prices(tmp_path_factory: pytest.TempPathFactory) -> Prices:
    return Prices(load_book(tmp_path_factory.mktemp("prices")))


def billing(database: Database, store: Warehouse | FusedStore, log: Log) -> Billing:
    """One that never rests."""
    hours = itertools.count(step=3600)
    return Billing(database, store, log, clock=lambda: next(hours))  # type: ignore[arg-type]


def expect_as_fresh(store: Warehouse, project: str, fresh: str) -> None:
    """The store has of a project what it has of one whose spans all came at once."""
    assert bills(store, project) == bills(store, fresh)
    for table in ROLLUPS:
        assert rollup(store, project, table) == rollup(store, fresh, table)


class TestAnyDivision:
    @pytest.mark.parametrize("number", range(2))
    async def test_ends_as_if_all_had_come_at_once(
        self, warehouse: Warehouse, database: FusedDatabase, prices: Prices, number: int
    ) -> None:
        chance = random.Random(f"{SEED}/{number}")
        spans = random_trees(chance, 40)
        project, fresh = (f"bills-{number}-{uuid.uuid4().hex[:8]}" for _ in range(2))
        log = Log(partitions=2)
        worker = billing(database, warehouse, log)
        blocks = [
            Record(chance.randrange(2), offset, some)
            for offset, some in enumerate(cut(chance, spans, 5))
        ]

        for block in blocks:
            put(warehouse, project, block, prices, log.id)
            if chance.random() < 0.7:  # else the checkpoint comes later
                log.stored[block.partition] = block.offset
            database.fuse = Fuse(chance.randint(1, 8), OSError("away"), after=chance.random() < 0.5)
            try:
                await billing(database, FusedStore(warehouse, database.fuse), log).work()
            except OSError:
                worker = billing(database, warehouse, log)
            database.fuse = None
            put(warehouse, project, chance.choice(blocks[: block.offset + 1]), prices, log.id)
        for partition in log.stored:
            log.stored[partition] = len(blocks)
        await worker.work()
        put(warehouse, fresh, Record(0, 0, spans), prices)

        assert any(bills(warehouse, fresh).values()), f"seed {SEED}/{number}"
        expect_as_fresh(warehouse, project, fresh)


FRAMEWORK = call(TRACE, "a" * 16, gen_ai__usage__input_tokens=1000)
BETWEEN = item(TRACE, "b" * 16, "a" * 16, name="POST /v1/chat")
CLIENT = call(TRACE, "c" * 16, "b" * 16, gen_ai__response__id="r1")
COPY = call(TRACE, "d" * 16, "c" * 16, name="raw_gen_ai_request", scope="litellm")
VERDICTS = {
    f"{TRACE}-{'a' * 16}": "repeated",
    f"{TRACE}-{'c' * 16}": "",
    f"{TRACE}-{'d' * 16}": "copy",
}


class TestDoubleInstrumentation:
    async def test_three_requests_in_any_order_are_billed_once(
        self, warehouse: Warehouse, database: FusedDatabase, prices: Prices
    ) -> None:
        tag = uuid.uuid4().hex[:8]
        orders = list(itertools.permutations([[FRAMEWORK], [BETWEEN, CLIENT], [COPY]]))
        log, offset = Log(), itertools.count()
        worker = billing(database, warehouse, log)

        for step in range(3):
            for number, order in enumerate(orders):
                record = Record(0, next(offset), order[step])
                put(warehouse, f"order-{number}-{tag}", record, prices, log.id)
                log.stored[0] = record.offset
            await worker.work()

        put(warehouse, f"once-{tag}", Record(0, next(offset), [BETWEEN, CLIENT]), prices)
        for number in range(len(orders)):
            assert bills(warehouse, f"order-{number}-{tag}") == VERDICTS
            for table in ROLLUPS:
                expected = rollup(warehouse, f"once-{tag}", table)
                assert rollup(warehouse, f"order-{number}-{tag}", table) == expected

    async def test_a_late_span_without_a_call_may_join_two(
        self, warehouse: Warehouse, database: FusedDatabase, prices: Prices
    ) -> None:
        project = f"late-{uuid.uuid4().hex[:8]}"
        log = Log()
        worker = billing(database, warehouse, log)
        put(warehouse, project, Record(0, 0, [FRAMEWORK, CLIENT]), prices, log.id)
        log.stored[0] = 0
        await worker.work()
        assert set(bills(warehouse, project).values()) == {""}

        put(warehouse, project, Record(0, 1, [BETWEEN]), prices, log.id)
        log.stored[0] = 1
        await worker.work()

        assert bills(warehouse, project)[f"{TRACE}-{'a' * 16}"] == "repeated"


class TestClaudeCode:
    async def test_a_session_that_spans_and_records_tell_of_is_billed_once(
        self, warehouse: Warehouse, database: FusedDatabase, prices: Prices
    ) -> None:
        project, log = f"claude-{uuid.uuid4().hex[:8]}", Log()
        name, scope = "claude_code.llm_request", "com.anthropic.claude_code.tracing"
        told = claude_code("s1")
        worker = billing(database, warehouse, log)
        # Two calls of one session, each in a trace of its own; their records belong to none.
        spans = [item(char * 32, char * 16, name=name, scope=scope, **told) for char in "ab"]
        records = [api_request(**told, prompt__id=number) for number in range(2)]
        blocks = [
            Record(0, 0, records[:1], is_of_logs=True),
            Record(0, 1, spans[:1]),
            Record(0, 2, spans[1:]),
            Record(0, 3, records[1:], is_of_logs=True),
        ]

        for block in blocks:
            put(warehouse, project, block, prices, log.id)
            log.stored[0] = block.offset
            await worker.work()

        verdicts = bills(warehouse, project)
        of_spans = [verdict for name, verdict in verdicts.items() if "-" in name]
        of_records = [verdict for name, verdict in verdicts.items() if "-" not in name]
        assert (of_spans, of_records) == (["", ""], ["told_twice", "told_twice"])
        requests = len(KEYS["session_sums"].split(", "))
        assert sum(row[requests] for row in rollup(warehouse, project, "session_sums")) == 2


class TestBounds:
    async def test_a_scope_that_is_too_large_stays_and_its_neighbours_are_corrected(
        self,
        warehouse: Warehouse,
        database: FusedDatabase,
        prices: Prices,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        large, small = (f"{name}-{uuid.uuid4().hex[:8]}" for name in ("large", "small"))
        monkeypatch.setattr(rows, "MOST_MARKS", 4)
        many = [call(TRACE, f"{number:016x}", "b" * 16) for number in range(1, 8)]
        log = Log()
        before = metrics.BILL_SCOPES_TOO_LARGE._value.get()
        put(warehouse, large, Record(0, 0, [FRAMEWORK]), prices, log.id)
        put(warehouse, large, Record(0, 1, [BETWEEN, *many]), prices, log.id)
        put(warehouse, small, Record(0, 2, [FRAMEWORK]), prices, log.id)
        put(warehouse, small, Record(0, 3, [BETWEEN, CLIENT]), prices, log.id)
        log.stored[0] = 3

        await billing(database, warehouse, log).work()

        assert metrics.BILL_SCOPES_TOO_LARGE._value.get() == before + 1
        assert set(bills(warehouse, large).values()) == {""}
        assert bills(warehouse, small)[f"{TRACE}-{'a' * 16}"] == "repeated"

    async def test_the_store_is_not_asked_while_nothing_comes(
        self, warehouse: Warehouse, database: FusedDatabase, prices: Prices
    ) -> None:
        log = Log()
        project = f"quiet-{uuid.uuid4().hex[:8]}"
        put(warehouse, project, Record(0, 0, [FRAMEWORK]), prices, log.id)
        log.stored[0] = 0
        worker = billing(database, warehouse, log)
        await worker.work()
        monkey = Counted()
        worker._store = monkey  # type: ignore[assignment]

        await worker.work()
        assert monkey.asked == 0

        log.stored[0] = 1
        with pytest.raises(OSError, match="asked"):
            await worker.work()


class Counted:
    """A store that counts who asks, and answers nobody."""

    def __init__(self) -> None:
        self.asked = 0

    async def query(self, *_: object, **__: object) -> None:
        self.asked += 1
        raise OSError("asked")


class TestTurns:
    async def test_a_chunk_begins_only_if_no_other_has_since_the_rows_were_read(
        self, database: FusedDatabase
    ) -> None:
        await take_bills(database, "me")
        turn = await current_turn(database)
        pending = Progress(chunk=1, pending=Pending(1, "t"))
        assert await begin_chunk(database, "me", pending, b"x", turn=turn)

        with pytest.raises(TurnTaken):  # half done: neither prices nor bills begin
            async with database.session() as session:
                await take_turn(session)
        assert await save_bills(database, "me", Progress(chunk=1))
        with pytest.raises(TurnTaken):  # what was read before is old now
            await begin_chunk(database, "me", pending, b"x", turn=turn)
        now = await current_turn(database)
        assert not await begin_chunk(database, "you", pending, b"x", turn=now)

    async def test_bills_wait_for_a_chunk_of_a_reprice_run_and_begin_after_it(
        self, database: FusedDatabase
    ) -> None:
        run_id = await request_run(database, None, 0, 1)
        await take_run(database, "repricer")
        await take_bills(database, "me")
        half = RunProgress(pending=RunPending(Place(), Totals()))
        turn = await current_turn(database)
        await save_progress(database, run_id, "repricer", half, changes=b"x", turn=turn)
        pending = Progress(chunk=1, pending=Pending(1, "t"))

        turn = await current_turn(database)
        with pytest.raises(TurnTaken):
            await begin_chunk(database, "me", pending, b"x", turn=turn)
        await save_progress(database, run_id, "repricer", RunProgress())
        assert await begin_chunk(database, "me", pending, b"x", turn=await current_turn(database))
        turn = await current_turn(database)
        with pytest.raises(TurnTaken):
            await save_progress(database, run_id, "repricer", half, changes=b"x", turn=turn)


class TestPricesAnew:
    async def test_costs_of_told_calls_change_and_sums_by_those_billed_alone(
        self, warehouse: Warehouse, database: FusedDatabase, tmp_path: Path
    ) -> None:
        async with database.session() as session:
            vault = Vault("a secret of the tests, longer than 32 characters")
            made, _ = await insert_project(session, vault, "Shop", admin_id=None)
        project, log = ProjectId(str(made.id)), Log()
        pricing = Pricing(load_book(tmp_path), database)
        put(warehouse, project, Record(0, 4, [FRAMEWORK]), pricing.current(), log.id)
        put(warehouse, project, Record(0, 5, [BETWEEN, CLIENT]), pricing.current(), log.id)
        log.stored[0] = 5
        # Its block could come again.
        late = call("f" * 32, "e" * 16)
        put(warehouse, project, Record(0, 6, [late]), pricing.current(), log.id)
        await billing(database, warehouse, log).work()
        [before] = rollup(warehouse, project, "session_sums")
        rates = Rates(input=Decimal(1), output=Decimal(2))
        await set_price(database, project, OwnPrice(0, "gpt-4o", rates=rates))
        run_id = await request_run(database, project, -(2**60), 2**60)

        await Repricing(database, warehouse, log, pricing, settle_s=0).work()

        assert (await find_run(database, run_id)).progress.totals.changed == 2
        costs = warehouse.query_now(
            "SELECT trace_id, toString(computed_cost) FROM traces WHERE project_id = {p:String}",
            {"p": project},
            {},
        )
        cost, old = "0.0011", "0.003"
        assert dict(costs.rows) == {
            f"{TRACE}-{'a' * 16}": cost,
            f"{TRACE}-{'c' * 16}": cost,
            f"{'f' * 32}-{'e' * 16}": old,
        }
        [after] = rollup(warehouse, project, "session_sums")
        computed = [*KEYS["session_sums"].split(", "), *SUMS].index("computed_cost")
        assert after[computed] - before[computed] == Decimal(cost) - Decimal(old)
