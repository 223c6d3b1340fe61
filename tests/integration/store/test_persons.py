"""A person leaves the store and the control plane; what is counted stays, also after breaks."""

import asyncio
import hashlib
import shutil
import time
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest

from clickhouse.client import Warehouse
from clickhouse.failures import WarehouseUnavailable
from clickhouse.kept_days import USERS
from clickhouse.llm.keep_days import Day, build, seal
from clickhouse.person_rows import export_lines
from clickhouse.personal import PERSONAL
from clickhouse.persons import Whose, count_rows
from controlplane.database import Database
from controlplane.erasures import (
    cancel_erasure,
    find_erasure,
    list_erasures,
    request_erasure,
    take_erasure,
)
from controlplane.errors.listing import list_issues
from controlplane.failures import BadRequest, Conflict
from controlplane.llm.reprices import request_run, take_run
from eventlog.log import PartitionState, TopicPartition
from eventlog.records import DeadLetter
from processors.persons import Erasures, dead_letters_of
from schemas.errors.event import event_decoder
from schemas.errors.issues import IssueFilter
from schemas.errors.transaction import transaction_decoder
from schemas.persons import hash_of
from schemas.projects import ProjectContext, ProjectId
from sluice.erasing import TEXTS, erase_texts
from tests.integration.issues.app import happen
from tests.integration.issues.seen import make_project
from tests.integration.queries.error_rows import HOUR_US, NOON_US, store_errors
from tests.integration.queries.rows import encode_spans, encode_traces, make_span, make_trace
from tests.integration.queries.test_beside_errors import file, said, store
from tests.integration.queries.transaction_rows import (
    Span,
    Transaction,
    store_spans,
    store_streamed,
    store_transactions,
)
from tests.integration.store.reprice_breaks import Fuse, FusedDatabase, FusedStore

JANE, BOB = "jane.doe@secret.example", "bob.roe@secret.example"
POINT = """{who:String}, {id:String}, concat('{"email":', toJSONString({who:String}), '}')"""
COUNTS = """
SELECT
    (SELECT (count(), sum(spans)) FROM transactions WHERE project_id = {p:String}),
    (SELECT (count(), sum(duration_ns)) FROM transaction_spans WHERE project_id = {p:String}),
    (SELECT (count(), sum(duration_ns)) FROM streamed_spans WHERE project_id = {p:String}),
    (SELECT sum(spans) FROM streamed_span_sums WHERE project_id = {p:String}),
    (SELECT count() FROM errors WHERE project_id = {p:String}),
    (SELECT sum(events) FROM error_hours WHERE project_id = {p:String}),
    (SELECT count() FROM spans WHERE project_id = {p:String}),
    (SELECT (sum(requests), sum(input_tokens)) FROM trace_sums WHERE project_id = {p:String}),
    (SELECT (count(), sum(input_tokens)) FROM traces WHERE project_id = {p:String})
"""
PEOPLE_OF_ROWS = """
SELECT group_hash, toStartOfHour(timestamp) AS hour, uniqExactIf(user_key, user_key != '')
FROM errors WHERE project_id = {p:String} GROUP BY group_hash, hour ORDER BY group_hash, hour
"""
PEOPLE_OF_HOURS = """
SELECT group_hash, hour, uniqExactMerge(people)
FROM error_hours WHERE project_id = {p:String} GROUP BY group_hash, hour ORDER BY group_hash, hour
"""
USERS_OF_ROWS = """
SELECT user_id, session_id, count(), sum(ifNull(input_tokens, 0)), sum(ifNull(computed_cost, 0)),
    countIf(computed_cost IS NULL AND reported_cost IS NULL), sum(latency_ns)
FROM traces WHERE project_id = {p:String} GROUP BY user_id, session_id ORDER BY user_id, session_id
"""
USERS_OF_SUMS = """
SELECT user_id, session_id, sum(requests), sum(input_tokens), sum(computed_cost), sum(unpriced),
    sum(latency_ns)
FROM session_sums WHERE project_id = {p:String} GROUP BY user_id, session_id
ORDER BY user_id, session_id
"""
TABLES = """
SELECT name FROM system.tables WHERE database = currentDatabase() AND engine LIKE '%MergeTree'
"""
TEXTS_OF: Any = {"erase_texts": erase_texts, "texts": TEXTS}
MOST_CHANGES = 40
"""More than an erasure makes."""
MUTATIONS = "SELECT count() FROM system.mutations WHERE position(command, {text:String}) > 0"


class Log:
    """A log whose every record is stored."""

    log_ids: dict[str, str] = {}

    def __init__(self) -> None:
        self.dropped: list[Callable[[DeadLetter], bool]] = []

    async def places(self) -> dict[TopicPartition, PartitionState]:
        return {}

    async def drop_dead_letters(self, named: Callable[[DeadLetter], bool]) -> None:
        self.dropped.append(named)


@pytest.fixture
async def database(migrated_url: str) -> AsyncIterator[FusedDatabase]:
    database = FusedDatabase(migrated_url)
    yield database
    await database.close()


@pytest.fixture
async def project(database: Database, warehouse: Warehouse) -> ProjectContext:
    project = ProjectContext(await make_project(database))
    fill(warehouse, project)
    return project


def fill(warehouse: Warehouse, project: ProjectContext) -> None:
    """Stores what two people did, by every way in which a row names one."""

    def error(number: int, **named: Any) -> dict[str, Any]:
        user = {"id": named.get("user_key", ""), **named.pop("user", {})}
        text = {"eventId": f"{number:032x}", "timestampUs": 1, "user": user, "message": str(user)}
        body = msgspec.json.encode(text).decode()
        return {"event_id": f"{number:032x}", "body": body, "title": str(user), **named}

    later = {"at_us": NOON_US + HOUR_US}
    store_errors(
        warehouse,
        project,
        [
            error(1, user_key=JANE, tags={"user": JANE}, server_name="janes-mac"),
            error(2, user_key=JANE, fingerprint="two"),
            # One account of two addresses: what does not name Jane stays, and counts a person.
            error(3, user_key="7", user={"email": JANE}),
            error(4, user_key="7", user={"email": BOB}),
            error(5, user_key="8", user={"ip": JANE}, **later),
            error(6, user_key=BOB, **later),
            error(7, user_key="", **later),
        ],
    )
    store_transactions(
        warehouse,
        [
            Transaction(
                project_id=project.project_id,
                event_id=f"{number:032x}",
                user_key=who,
                spans=1,
                body=msgspec.json.encode({"eventId": "", "startedUs": 0, "user": {"id": who}}),
            )
            for number, who in enumerate((JANE, BOB), start=20)
        ],
    )
    at = Transaction(project_id="", event_id="").timestamp_us
    parts = [
        Span(
            project_id=project.project_id,
            event_id=f"{number:032x}",
            timestamp_us=at,
            transaction="/checkout",
            span_id=f"span {number}",
            description=f"SELECT '{who}'",
            data=msgspec.json.encode({"who": who}),
        )
        for number, who in enumerate((JANE, BOB), start=20)
    ]
    store_spans(warehouse, parts)
    for part, host in zip(parts, ("janes-mac", "bobs-mac"), strict=True):
        store_streamed(warehouse, [part], trace_id=host)
    calls = [
        make_trace(
            project.project_id,
            uuid.uuid4().hex,
            session_id=session,
            user_id=who,
            input_tokens=number,
            computed_cost_pico=None if number % 2 else number * 10**9,
            request_body=msgspec.json.encode({"asks": who}).decode(),
            metadata=msgspec.json.encode({"userId": who}).decode(),
            tags={"userId": who},
        )
        for number, (session, who) in enumerate(
            [("s-jane", JANE), ("s-jane", JANE), ("s-both", JANE), ("s-both", BOB), ("s-bob", BOB)]
        )
    ]
    warehouse.insert_now("traces", encode_traces(calls), uuid.uuid4().hex)
    spans = [
        make_span(
            project.project_id,
            uuid.uuid4().hex,
            session_id=session,
            cwd=f"/home/{session}",
            tool_input=msgspec.json.encode({"of": session}).decode(),
            tags={"user_id": JANE} if session == "s-none" else {},
        )
        for session in ("s-jane", "s-both", "s-bob", "s-none")
    ]
    warehouse.insert_now("spans", encode_spans(spans), uuid.uuid4().hex)
    for number, who in ((1, JANE), (6, BOB)):
        ask_a_model(warehouse, project, who)
        store(
            warehouse,
            project,
            said(f"It broke for {who}", contact_email=who),
            logged(f"{who} paid", who),
            used(who),
            file(f"{who}.log", f"all of {who}".encode()),
            at_us=NOON_US,
            event_id=f"{number:032x}",
        )
        # What is sent with feedback alone has no error.
        shot = file("screenshot.png", f"a picture of {who}".encode())
        alone = f"{number + 30:032x}"
        about = said(f"Ask {who}", contact_email=who)
        store(warehouse, project, about, shot, at_us=NOON_US, event_id=alone)


SAID_TO = "MD5(concat('to ', {who:String}))"


def ask_a_model(warehouse: Warehouse, project: ProjectContext, who: str) -> None:
    """Stores a span of a person, what it told a model, and what is thought of it."""
    values = {
        "p": project.project_id,
        "id": hashlib.md5(who.encode()).hexdigest(),
        "who": who,
        "us": NOON_US,
    }
    moment = "fromUnixTimestamp64Micro({us:Int64}, 'UTC')"
    columns = f"{{p:String}}, {{id:String}}, {moment}, {moment}"
    for table, names, more in (
        ("otel_spans", "user_id, status_message", "{who:String}, {who:String}"),
        ("otel_points", "user_id, series, attributes", POINT),
        ("messages", "role, hash, body", "'user', MD5({who:String}), toJSONString({who:String})"),
        # Of a hash of its own: those of one hash and day become one row at any merge.
        ("messages", "role, hash, body", f"'system', {SAID_TO}, toJSONString('Be kind.')"),
        ("scores", "score_id, user_id, comment", "{id:String}, {who:String}, {who:String}"),
        ("prompt_templates", "version, text", "{id:String}, concat('Serve ', {who:String})"),
    ):
        warehouse.command_now(
            f"INSERT INTO {table} (project_id, item_id, timestamp, received_at, {names})"
            f" SELECT {columns}, {more}",
            values,
            {},
        )
    # What is thought of the span names nobody, and repeats what they wrote. The other is nobody's.
    for item, trace_id, comment in (
        ("-span", "{id:String}", "{who:String}"),
        ("-none", "''", "''"),
    ):
        warehouse.command_now(
            "INSERT INTO scores (project_id, item_id, timestamp, received_at, trace_id, comment)"
            f" SELECT {{p:String}}, concat({{id:String}}, '{item}'), {moment}, {moment},"
            f" {trace_id}, {comment}",
            values,
            {},
        )


def logged(body: str, who: str) -> tuple[Mapping[str, Any], bytes]:
    attributes = {"user.id": {"value": who, "type": "string"}}
    record = {"timestamp": NOON_US / 1e6, "level": "info", "body": body, "attributes": attributes}
    return {"type": "log", "item_count": 1}, msgspec.json.encode({"items": [record]})


def used(who: str) -> tuple[Mapping[str, Any], bytes]:
    attrs = {"release": "shop@1.0", "environment": "production"}
    update = {"sid": str(uuid.uuid4()), "seq": 1, "started": NOON_US / 1e6, "did": who}
    return {"type": "session"}, msgspec.json.encode({**update, "status": "exited", "attrs": attrs})


def rows_of(warehouse: Warehouse, sql: str, project: ProjectContext) -> Any:
    return warehouse.query_now(sql, {"p": project.project_id}, {}).rows


def assert_rollups_are_the_rows(warehouse: Warehouse, project: ProjectContext) -> None:
    assert rows_of(warehouse, PEOPLE_OF_HOURS, project) == rows_of(
        warehouse, PEOPLE_OF_ROWS, project
    )
    sums = [row for row in rows_of(warehouse, USERS_OF_SUMS, project) if row[2]]
    assert sums == rows_of(warehouse, USERS_OF_ROWS, project)


def tables_with(warehouse: Warehouse, project: ProjectContext, text: str) -> list[str]:
    """Returns the tables in any of whose columns a text stands, in rows of a project."""
    found = []
    for (table,) in warehouse.query_now(TABLES, {}, {}).rows:
        if table in ("migrations", "schema_migrations"):
            continue
        sql = f"SELECT count() FROM {table} AS t WHERE position(toString(tuple(t.*)), {{x:String}}) > 0 AND project_id = {{p:String}}"  # noqa: E501
        if warehouse.query_now(sql, {"x": text, "p": project.project_id}, {}).rows[0][0]:
            found.append(table)
    return found


async def exported(warehouse: Warehouse, project: ProjectContext, person: str) -> list[Any]:
    parts = [part async for part in export_lines(warehouse, whose(project, person))]
    return [msgspec.json.decode(line) for line in b"".join(parts).splitlines()]


def whose(project: ProjectContext, person: str = JANE) -> Whose:
    return Whose(project.project_id, person, time.time_ns() // 1000)


@pytest.mark.slow
async def test_a_person_is_in_no_row_any_more_and_every_number_stays(
    warehouse: Warehouse, database: FusedDatabase, project: ProjectContext
) -> None:
    before, log = rows_of(warehouse, COUNTS, project), Log()
    await keep_a_day(warehouse, project)
    assert set(tables_with(warehouse, project, JANE)) == {
        *("errors", "transactions", "transaction_spans", "streamed_spans", "spans", "traces"),
        *("session_sums", "key_days"),
        *("attachments", "feedback", "logs", "otel_spans", "otel_points", "messages"),
        *("scores", "prompt_templates"),
    }
    asked = await request_erasure(database, project.project_id, f" {JANE} ", by=None)

    await Erasures(database, warehouse, log, **TEXTS_OF).work()

    assert tables_with(warehouse, project, JANE) == []
    assert tables_with(warehouse, project, "janes-mac") == []
    assert warehouse.query_now(MUTATIONS, {"text": JANE}, {}).rows[0][0] == 0
    assert rows_of(warehouse, COUNTS, project) == before
    assert_rollups_are_the_rows(warehouse, project)
    assert await count_rows(warehouse, whose(project)) == dict.fromkeys(asked_kinds(), 0)
    done = await find_erasure(database, asked.erasure_id)
    assert (done.state, done.person) == ("done", None)
    assert done.person_hash == hash_of(project.project_id, JANE)
    assert {kind: rows for kind, rows in done.done.rows.items() if rows} == {
        "spans of transactions": 1, "streamed spans of transactions": 1, "transactions": 1,
        "attachments": 2, "errors": 4, "feedback": 2, "log records": 1, "sessions": 1,
        "agent spans": 2, "LLM calls": 3, "spans of OpenTelemetry": 1,
        "messages to models and from them": 2, "points of metrics": 1, "scores": 2,
        "templates of prompts": 1,
    }  # fmt: skip
    assert len(log.dropped) == 1


async def keep_a_day(warehouse: Warehouse, project: ProjectContext) -> None:
    """Keeps sums by users of the day on which the calls came in."""
    sql = "SELECT max(received_date) FROM traces WHERE project_id = {p:String}"
    day = Day(project.project_id, USERS, rows_of(warehouse, sql, project)[0][0])
    assert await build(warehouse, day, 1)
    await seal(warehouse, day, 1)


def asked_kinds() -> list[str]:
    return [one.kind for one in PERSONAL if one.exported]


@pytest.mark.slow
async def test_others_keep_all_that_is_theirs_and_erased_events_can_be_read(
    warehouse: Warehouse, database: FusedDatabase, project: ProjectContext
) -> None:
    bobs = await exported(warehouse, project, BOB)
    await request_erasure(database, project.project_id, JANE, by=None)

    await Erasures(database, warehouse, Log(), **TEXTS_OF).work()

    assert [one for one in await exported(warehouse, project, BOB) if one in bobs] == bobs
    # A session in which another person calls is nobody's alone.
    assert tables_with(warehouse, project, "/home/s-both") == ["spans"]
    assert tables_with(warehouse, project, "/home/s-jane") == []
    sql = "SELECT body FROM errors WHERE project_id = {p:String} AND event_id = '" + f"{1:032x}'"
    event = event_decoder.decode(rows_of(warehouse, sql, project)[0][0])
    assert (event.level, event.exceptions[0].type) == ("error", "ValueError")
    assert event.problems == ("erased: a person asked for it",)
    sql = "SELECT body FROM transactions WHERE project_id = {p:String} AND user_key = ''"
    assert transaction_decoder.decode(rows_of(warehouse, sql, project)[0][0]).name == "/checkout"


async def test_the_export_is_a_line_of_json_for_each_row(
    warehouse: Warehouse, project: ProjectContext
) -> None:
    lines = await exported(warehouse, project, JANE)

    kinds = [line["what"] for line in lines]
    assert {kind: kinds.count(kind) for kind in kinds} == {
        "spans of transactions": 1, "streamed spans of transactions": 1, "transactions": 1,
        "attachments": 2, "errors": 4, "feedback": 2, "log records": 1, "sessions": 1,
        "agent spans": 2, "LLM calls": 3, "spans of OpenTelemetry": 1,
        "messages to models and from them": 2, "points of metrics": 1, "scores": 2,
        "templates of prompts": 1,
    }  # fmt: skip
    (call, *_) = [line for line in lines if line["what"] == "LLM calls"]
    assert call["request_body"] == {"asks": JANE}
    assert BOB not in str(lines)


@pytest.mark.slow
async def test_what_comes_after_the_request_stays(
    warehouse: Warehouse, database: FusedDatabase, project: ProjectContext
) -> None:
    later_us = time.time_ns() // 1000 + 3_600_000_000
    await request_erasure(database, project.project_id, JANE, by=None)
    times = {"timestamp_us": later_us, "received_at_us": later_us}
    later = make_trace(project.project_id, uuid.uuid4().hex, user_id=JANE, **times)
    warehouse.insert_now("traces", encode_traces([later]), uuid.uuid4().hex)

    await Erasures(database, warehouse, Log(), **TEXTS_OF).work()

    found = await count_rows(warehouse, Whose(project.project_id, JANE, later_us))
    assert found["LLM calls"] == 1
    assert_rollups_are_the_rows(warehouse, project)


@pytest.mark.slow
@pytest.mark.parametrize("after", [False, True])
async def test_an_erasure_that_breaks_at_a_change_goes_on_and_moves_sums_once(
    warehouse: Warehouse, database: FusedDatabase, tmp_path: Path, after: bool
) -> None:
    empty = tmp_path / "control.db"
    await database.scrub()
    # Every seventh change of store and control plane. They wait for mutations most of the time: so
    # each has a control plane and a project of its own, and all are at it at once.
    numbers = range(5 if after else 2, MOST_CHANGES, 7)

    async def broken(number: int) -> bool:
        database = FusedDatabase(f"sqlite:///{tmp_path / f'{number}.db'}")
        shutil.copy(empty, tmp_path / f"{number}.db")
        try:
            fuse = Fuse(number, WarehouseUnavailable("gone"), after=after)
            await break_and_go_on(warehouse, database, fuse)
        finally:
            await database.close()
        return fuse.has_failed

    have_failed = await asyncio.gather(*map(broken, numbers))

    assert not have_failed[-1], "there are more changes than are tried"
    assert sum(have_failed) > 3


async def break_and_go_on(warehouse: Warehouse, database: FusedDatabase, fuse: Fuse) -> None:
    """Has an erasure break at one change, and another process go on with it."""
    project = ProjectContext(await make_project(database))
    await asyncio.to_thread(fill, warehouse, project)
    before = rows_of(warehouse, COUNTS, project)
    asked = await request_erasure(database, project.project_id, JANE, by=None)
    database.fuse = fuse
    with suppress(WarehouseUnavailable):
        store: Any = FusedStore(warehouse, fuse)
        await Erasures(database, store, Log(), **TEXTS_OF).work()
    database.fuse = None

    store = FusedStore(warehouse, Fuse(-1, WarehouseUnavailable(""), after=False))
    await Erasures(database, store, Log(), **TEXTS_OF).work()

    assert (await find_erasure(database, asked.erasure_id)).state == "done"
    assert rows_of(warehouse, COUNTS, project) == before
    assert_rollups_are_the_rows(warehouse, project)
    assert sum((await count_rows(warehouse, whose(project))).values()) == 0


@pytest.mark.slow
async def test_titles_of_issues_leave_the_person_out(
    warehouse: Warehouse, database: FusedDatabase
) -> None:
    project_id = await make_project(database)
    event = {"user_key": JANE, "title": f"Denied: {JANE}", "culprit": "shop.cart"}
    await happen(database, warehouse, project_id, [event])
    await request_erasure(database, project_id, JANE, by=None)

    await Erasures(database, warehouse, Log(), **TEXTS_OF).work()

    (issue,) = await list_issues(database, project_id, IssueFilter(), limit=10)
    assert (issue.title, issue.culprit) == ("Denied: [erased]", "shop.cart")


class TestRequests:
    """What may be asked for, and what is known of it."""

    async def test_the_same_person_is_asked_for_once_at_a_time(
        self, database: FusedDatabase, project: ProjectContext
    ) -> None:
        await request_erasure(database, project.project_id, JANE, by=None)

        with pytest.raises(Conflict, match="under way"):
            await request_erasure(database, project.project_id, JANE, by=None)

    @pytest.mark.parametrize("person", ["", "  ", "x" * 513, "a\0b"])
    async def test_nobody_is_called_so(self, database: FusedDatabase, person: str) -> None:
        with pytest.raises(BadRequest, match="1 to 512"):
            await request_erasure(database, ProjectId(str(uuid.uuid4())), person, by=None)

    async def test_it_can_be_taken_back_until_it_begins(
        self, database: FusedDatabase, project: ProjectContext
    ) -> None:
        asked = await request_erasure(database, project.project_id, JANE, by=None)
        await cancel_erasure(database, asked.erasure_id)
        begun = await request_erasure(database, project.project_id, JANE, by=None)
        assert await take_erasure(database, "worker") is not None

        with pytest.raises(Conflict, match="has begun"):
            await cancel_erasure(database, begun.erasure_id)

        states = {one.erasure_id: one for one in await list_erasures(database, project.project_id)}
        assert states[asked.erasure_id].state == "cancelled"
        assert states[asked.erasure_id].person is None

    async def test_rows_are_not_priced_anew_meanwhile_nor_the_other_way(
        self, database: FusedDatabase, project: ProjectContext
    ) -> None:
        await request_run(database, project.project_id, 0, 1)
        await request_erasure(database, project.project_id, JANE, by=None)
        assert await take_run(database, "pricer") is not None

        assert await take_erasure(database, "eraser") is None

        (waiting,) = await list_erasures(database, project.project_id)
        assert waiting.done.failure == "waits until the reprice run has ended"

    async def test_a_reprice_run_waits_for_an_erasure(
        self, database: FusedDatabase, project: ProjectContext
    ) -> None:
        await request_erasure(database, project.project_id, JANE, by=None)
        assert await take_erasure(database, "eraser") is not None
        await request_run(database, project.project_id, 0, 1)

        assert await take_run(database, "pricer") is None


@pytest.mark.parametrize(
    ("body", "is_theirs"),
    [
        (b'{"user":{"id": "jane.doe@secret.example"},"x":1}', True),
        (b'{"metadata":{"userId":"jane.doe@secret.example"}}', True),
        (b'{"user":{"id":"bob"},"message":"jane.doe@secret.example"}', False),
        (b"\xff", False),
        (b'{"key":"enduser","value":{"stringValue":"jane.doe@secret.example"}}', True),
        (b'{"name":"mood","value":1,"author":"jane.doe@secret.example"}', True),
        (b"\n\x17jane.doe@secret.example\x12", True),
        (b"\n\x18xjane.doe@secret.example\x12", False),
    ],
)
def test_dead_letters_are_told_by_their_bytes(body: bytes, is_theirs: bool) -> None:
    project_id = ProjectId("p")
    dead = DeadLetter("r", project_id, "raw.errors", "errors.error", 1, "", body)

    assert dead_letters_of(project_id, JANE)(dead) is is_theirs
    assert not dead_letters_of(ProjectId("q"), JANE)(dead)


def test_a_number_is_told_with_and_without_quotes() -> None:
    dead = DeadLetter("r", ProjectId("p"), "", "", 1, "", b'{"user":{"id":42}}')

    assert dead_letters_of(ProjectId("p"), "42")(dead)
    assert not dead_letters_of(ProjectId("p"), "4")(dead)
