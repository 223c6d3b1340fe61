"""An older installation keeps its people and data."""

import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from advanced_alchemy.types import GUID, DateTimeUTC
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, column, delete, insert, select, table

from controlplane.crypto import Vault
from controlplane.database import MIGRATIONS, Database
from controlplane.models import Project
from controlplane.outbox import claim
from tests.integration.controlplane.conftest import SECRET

NOW = datetime.now(UTC)
WEEK = NOW + timedelta(days=7)
ANN, OPERATOR, SHOP, ANNS, OPERATORS = (uuid.uuid4() for _ in range(5))
MOMENTS = ("created_at", "updated_at", "expires_at", "deleted_at")
IDS = ("id", "user_id", "project_id", "rule_id", "channel_id")
ALERT: dict[str, Any] = {
    "ruleId": str(uuid.uuid4()),
    "ruleName": "New",
    "value": 1.0,
    "triggeredAt": "2026-11-29T10:00:00.000Z",
    "message": "1 new issue",
    "subject": "[Sluice] New",
    "text": "1 new issue\n- <b>",
}


@pytest.fixture
async def older(url: str) -> AsyncIterator[Database]:
    """A database as revision 0003 left it."""
    database = Database(url)
    async with database.engine.begin() as connection:
        await connection.run_sync(_to_0003)
    yield database
    await database.close()


def _to_0003(connection: Connection) -> None:
    command.upgrade(_history(connection), "0003")
    times = {"created_at": NOW, "updated_at": NOW}
    _add(connection, "project", id=SHOP, name="Shop", cost_preference="reported", **times)
    for user, name, session in (
        (ANN, "local-operator:ann@example.com", ANNS),
        (OPERATOR, f"local-operator:{SHOP}", OPERATORS),
    ):
        _add(connection, "account_user", id=user, email=name, name="A", **times)
        ids = {"user_id": user, "project_id": SHOP}
        _add(connection, "membership", id=uuid.uuid4(), role="admin", **ids, **times)
        own = {"user_id": user, "token_hash": name, "expires_at": WEEK}
        _add(connection, "login_session", id=session, **own, **times)


def _history(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    return config


def _add(connection: Connection, into: str, /, **values: Any) -> None:
    connection.execute(insert(_table(into, *values)).values(**values))


def _table(name: str, *columns: str) -> Any:
    types: dict[str, Any] = dict.fromkeys(MOMENTS, DateTimeUTC(timezone=True))
    types |= dict.fromkeys(IDS, GUID(length=16))
    return table(name, *(column(one, types.get(one)) for one in columns))


async def test_people_and_their_sessions_stay_and_pseudo_users_go(older: Database) -> None:
    await older.migrate()

    async with older.engine.connect() as connection:
        people = (await connection.scalars(select(_table("account_user", "id").c.id))).all()
        sessions = (await connection.scalars(select(_table("login_session", "id").c.id))).all()
        members = await connection.scalars(select(_table("membership", "user_id").c.user_id))
        assert (people, sessions, members.all()) == ([ANN], [ANNS], [ANN])


class TestNumbersAndKeys:
    """Revision 0011, from a database as 0010 left it."""

    @pytest.fixture
    async def older(self, url: str) -> AsyncIterator[Database]:
        database = Database(url)
        async with database.engine.begin() as connection:
            await connection.run_sync(self._to_0010)
        yield database
        await database.close()

    def _to_0010(self, connection: Connection) -> None:
        command.upgrade(_history(connection), "0010")
        for age_days, project in enumerate((SHOP, ANNS, OPERATORS)):
            at = NOW - timedelta(days=age_days)
            deleted_at = NOW if project == ANNS else None
            more = {"cost_preference": "reported", "deleted_at": deleted_at}
            _add(connection, "project", id=project, name="A", created_at=at, updated_at=at, **more)

    async def test_projects_are_numbered_by_age_and_live_ones_get_a_key(
        self, older: Database
    ) -> None:
        await older.migrate()

        async with older.engine.connect() as connection:
            project, key = _table("project", "id", "number"), _table("dsn_key", "project_id")
            numbers = (await connection.execute(select(project.c.id, project.c.number))).all()
            keys = (await connection.scalars(select(key.c.project_id))).all()
        assert {(one.id, one.number) for one in numbers} == {(OPERATORS, 1), (ANNS, 2), (SHOP, 3)}
        assert sorted(keys) == sorted([OPERATORS, SHOP])

    async def test_the_next_project_gets_the_next_number(self, older: Database) -> None:
        await older.migrate()

        async with older.session() as session:
            made = Project(name="B")
            session.add(made)
            await session.flush()

        assert made.number == 4

    async def test_a_process_that_knows_no_numbers_gets_them_from_the_database(
        self, older: Database
    ) -> None:
        await older.migrate()
        if older.is_sqlite:
            pytest.skip("one process at a time")

        async with older.engine.begin() as connection:
            for name in ("B", "C"):
                fields = {"id": uuid.uuid4(), "name": name, "cost_preference": "reported"}
                times = {"created_at": NOW, "updated_at": NOW}
                await connection.run_sync(lambda one, f=fields | times: _add(one, "project", **f))
            project = _table("project", "name", "number")
            made = (await connection.execute(select(project.c.name, project.c.number))).all()

        assert {one.name: one.number for one in made if one.name != "A"} == {"B": 4, "C": 5}

    async def test_it_can_be_taken_back_and_loses_no_project(self, older: Database) -> None:
        await older.migrate()

        async with older.engine.begin() as connection:
            await connection.run_sync(lambda one: command.downgrade(_history(one), "0010"))
            projects = await connection.scalars(select(_table("project", "id").c.id))

            assert set(projects.all()) == {SHOP, ANNS, OPERATORS}
        await older.migrate()


async def test_an_alert_that_waits_is_sent_by_the_newer_version(url: str, vault: Vault) -> None:
    database = Database(url)
    async with database.engine.begin() as connection:
        await connection.run_sync(_to_0018)

    await database.migrate()

    (due,) = await claim(database, vault, 1, lease_us=1, limit=10)
    assert (due.source, due.message.subject, due.message.summary) == (
        "errors", "[Sluice] New", "[Sluice] New: 1 new issue",
    )  # fmt: skip
    assert bytes(due.message.body) == msgspec.json.encode(ALERT)
    assert due.message.incident_key == ALERT["ruleId"]
    await database.close()


def _to_0018(connection: Connection) -> None:
    command.upgrade(_history(connection), "0018")
    vault, channel = Vault(SECRET), uuid.uuid4()
    rule = uuid.UUID(ALERT["ruleId"])
    times = {"created_at": NOW, "updated_at": NOW}
    _add(connection, "project", id=SHOP, name="Shop", cost_preference="reported", number=1, **times)
    of = {"project_id": SHOP, "name": "New", "created_us": 0}
    _add(
        connection, "alert_rule", id=rule, **of, description="", rule_type="issue.new", query="{}",
        threshold_window=60, threshold_count=1, environment="", enabled=True, cooldown_minutes=0,
        state="ok",
    )  # fmt: skip
    sealed = vault.seal('{"url":"https://hooks.example"}', bound_to=f"alert channel {channel}")
    of |= {"kind": "webhook", "target": "", "sealed_config": sealed}
    _add(connection, "alert_channel", id=channel, **of)
    for state in ("pending", "delivered"):
        _add(
            connection, "alert_outbox", id=uuid.uuid4(), project_id=SHOP, rule_id=rule,
            channel_id=channel, dedupe_key=state, payload=msgspec.json.encode(ALERT).decode(),
            state=state, attempts=0, next_attempt_us=0, last_error="", created_us=0,
        )  # fmt: skip


class TestAuditOfTokens:
    """Revision 0029, from a database as 0028 left it."""

    LINE = uuid.uuid4()
    TEXTS: dict[str, Any] = {
        **{"action": "deploy", "resource": "deployment", "resource_id": "d", "details": "{}"},
        **{"ip_address": "192.0.2.7", "user_agent": "curl"},
    }

    @pytest.fixture
    async def older(self, url: str) -> AsyncIterator[Database]:
        database = Database(url)
        async with database.engine.begin() as connection:
            await connection.run_sync(self._to_0028)
        yield database
        await database.close()

    def _to_0028(self, connection: Connection) -> None:
        command.upgrade(_history(connection), "0028")
        times = {"created_at": NOW, "updated_at": NOW}
        _add(connection, "account_user", id=ANN, email="ann@example.com", name="Ann", **times)
        _add(connection, "audit_line", id=self.LINE, user_id=ANN, created_us=1, **self.TEXTS)

    async def test_lines_of_people_stay_and_go_with_them(self, older: Database) -> None:
        await older.migrate()

        line, user = _table("audit_line", "id", "author", "details"), _table("account_user", "id")
        async with older.engine.begin() as connection:
            kept = (await connection.execute(select(line.c.id, line.c.author))).all()
            await connection.execute(delete(user).where(user.c.id == ANN))
            left = (await connection.execute(select(line.c.id))).all()
        assert kept == [(self.LINE, "")]
        assert left == []

    async def test_it_goes_back_without_the_lines_of_tokens(self, older: Database) -> None:
        await older.migrate()

        async with older.engine.begin() as connection:
            await connection.run_sync(self._back)
            rows = await connection.scalars(select(_table("audit_line", "id").c.id))
            assert rows.all() == [self.LINE]

    def _back(self, connection: Connection) -> None:
        of_token = {"id": uuid.uuid4(), "author": "token CI", "created_us": 2}
        _add(connection, "audit_line", **of_token, **self.TEXTS)
        command.downgrade(_history(connection), "0028")
