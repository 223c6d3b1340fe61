"""DSN keys and the numbers of projects: how they are made, looked up and ended."""

import asyncio
import time

import pytest
from sqlalchemy import event, select

from controlplane.accounts import Account, SignUp, sign_up
from controlplane.crypto import Vault
from controlplane.database import Database
from controlplane.departures import delete_account
from controlplane.dsn import (
    DsnDraft,
    ShownDsnKey,
    create_dsn_key,
    dsn_of,
    is_dsn_key,
    list_dsn_keys,
    project_of_dsn_key,
    revoke_dsn_key,
)
from controlplane.dsn_keys import DsnKeys
from controlplane.failures import BadRequest, Conflict, NotFound, Unavailable
from controlplane.imports import Accounts, ImportedProject, import_accounts
from controlplane.key_cache import GRACE_S, TTL_S, CacheBounds
from controlplane.models import Project
from controlplane.projects import (
    ProjectChange,
    create_project,
    delete_project,
    forget_projects,
    list_projects,
    update_project,
)
from schemas.projects import ProjectId

GIVEN = "0123456789abcdef" * 2
UNKNOWN = "f" * 32


class Clock:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


class Questions:
    """Counts how often a database is asked for DSN keys."""

    def __init__(self, database: Database) -> None:
        self.count = 0
        event.listen(database.engine.sync_engine, "before_cursor_execute", self._count)

    def _count(self, _c: object, _cur: object, statement: str, *_rest: object) -> None:
        self.count += "FROM project JOIN dsn_key" in statement


@pytest.fixture
async def ann(database: Database, vault: Vault) -> Account:
    return await sign_up(database, vault, SignUp("Ann", "ann@example.com", "correct horse", "One"))


@pytest.fixture
async def key(database: Database, ann: Account) -> ShownDsnKey:
    (project,) = await list_projects(database, ann.user_id)
    (key,) = await list_dsn_keys(database, project.project_id)
    return key


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def keys(database: Database, clock: Clock) -> DsnKeys:
    return DsnKeys(database, CacheBounds(ttl_s=TTL_S), clock)


async def _numbers(database: Database) -> list[int]:
    async with database.reading() as session:
        return list(await session.scalars(select(Project.number).order_by(Project.number)))


class TestNumbers:
    async def test_projects_that_are_made_at_once_get_the_next_numbers(
        self, url: str, database: Database
    ) -> None:
        other = Database(url)

        async def insert(one: Database) -> None:
            async with one.session() as session:
                session.add(Project(name="At once"))
                await session.flush()
                await asyncio.sleep(0.01)  # the others meet a transaction that is not over

        await asyncio.gather(*(insert(one) for one in (database, other) * 4))

        assert await _numbers(database) == list(range(1, 9))
        await other.close()

    async def test_the_number_of_a_purged_project_is_not_given_again(
        self, database: Database, vault: Vault, ann: Account
    ) -> None:
        last = await create_project(database, vault, ann.user_id, "Two")
        await delete_project(database, last.project_id)
        await forget_projects(database, [last.project_id])

        await create_project(database, vault, ann.user_id, "Three")

        assert await _numbers(database) == [1, 3]

    async def test_a_project_that_was_not_made_in_the_end_takes_no_number(
        self, database: Database, vault: Vault, ann: Account
    ) -> None:
        async with database.session() as session:
            session.add(Project(name="Half"))
            await session.flush()
            await session.rollback()

        await create_project(database, vault, ann.user_id, "Two")

        assert await _numbers(database) == [1, 2]


class TestKeysOfAProject:
    async def test_a_new_project_has_one_of_32_hex_digits(self, key: ShownDsnKey) -> None:
        assert is_dsn_key(key.public_key)
        assert (key.label, key.environment, key.number) == ("Default", "", 1)
        assert key.last_used_at is None

    async def test_an_imported_project_has_one(self, database: Database, vault: Vault) -> None:
        project_id = "11111111-2222-4333-8444-555555555555"
        projects = (ImportedProject(project_id, "Shop", created_at_ms=1),)
        accounts = Accounts(projects=projects, keys=(), people=(), members=())

        await import_accounts(database, vault, accounts, after_ms=0)

        (key,) = await list_dsn_keys(database, ProjectId(project_id))
        assert key.number == 1

    @pytest.mark.parametrize(
        "new",
        [
            DsnDraft(public_key="0123"),
            DsnDraft(public_key=GIVEN.upper()),
            DsnDraft(public_key=f"{GIVEN}\n"),
            DsnDraft(label="x" * 81),
            DsnDraft(label="a\nb"),
            DsnDraft(environment="x" * 65),
            DsnDraft(environment="a\0b"),
        ],
    )
    async def test_what_breaks_a_rule_is_not_made(
        self, database: Database, key: ShownDsnKey, new: DsnDraft
    ) -> None:
        with pytest.raises(BadRequest):
            await create_dsn_key(database, key.project_id, new)

        assert await list_dsn_keys(database, key.project_id) == [key]

    async def test_one_of_an_environment_is_listed_behind_the_older_ones(
        self, database: Database, key: ShownDsnKey
    ) -> None:
        new = DsnDraft(" Browser ", " staging ", GIVEN)

        made = await create_dsn_key(database, key.project_id, new)

        assert (made.label, made.environment, made.public_key) == ("Browser", "staging", GIVEN)
        assert await list_dsn_keys(database, key.project_id) == [key, made]

    async def test_a_key_is_given_once_even_after_its_end(
        self, database: Database, vault: Vault, ann: Account, key: ShownDsnKey
    ) -> None:
        made = await create_dsn_key(database, key.project_id, DsnDraft(public_key=GIVEN))
        await revoke_dsn_key(database, key.project_id, made.key_id)
        other = await create_project(database, vault, ann.user_id, "Two")

        with pytest.raises(Conflict):
            await create_dsn_key(database, other.project_id, DsnDraft(public_key=GIVEN))

    async def test_there_are_no_more_than_the_quota(
        self, database: Database, key: ShownDsnKey
    ) -> None:
        with pytest.raises(Conflict, match="SLUICE_MAX_KEYS_PER_PROJECT"):
            await create_dsn_key(database, key.project_id, DsnDraft(), at_most=1)

        await revoke_dsn_key(database, key.project_id, key.key_id)
        await create_dsn_key(database, key.project_id, DsnDraft(), at_most=1)

    async def test_a_key_of_another_project_is_not_revoked(
        self, database: Database, vault: Vault, ann: Account, key: ShownDsnKey
    ) -> None:
        other = await create_project(database, vault, ann.user_id, "Two")

        for key_id in (key.key_id, "no id"):
            with pytest.raises(NotFound):
                await revoke_dsn_key(database, other.project_id, key_id)

        assert await list_dsn_keys(database, key.project_id) == [key]

    async def test_the_operator_finds_whose_a_key_is_until_its_end(
        self, database: Database, key: ShownDsnKey
    ) -> None:
        assert await project_of_dsn_key(database, key.key_id) == key.project_id

        await revoke_dsn_key(database, key.project_id, key.key_id)

        with pytest.raises(NotFound):
            await project_of_dsn_key(database, key.key_id)


@pytest.mark.parametrize(
    ("base", "dsn"),
    [
        ("http://localhost:8080", f"http://{GIVEN}@localhost:8080/7"),
        ("https://example.com/sluice", f"https://{GIVEN}@example.com/sluice/7"),
        ("https://example.com/sluice/", f"https://{GIVEN}@example.com/sluice/7"),
        ("http://[::1]:8080", f"http://{GIVEN}@[::1]:8080/7"),
    ],
)
def test_a_dsn_has_the_key_the_address_and_the_number(base: str, dsn: str) -> None:
    assert dsn_of(base, GIVEN, 7) == dsn


class TestLookUps:
    @pytest.mark.parametrize("text", ["", "{}x", " {}", UNKNOWN, "{}\n", "x" * 10_000, "\udce4"])
    async def test_what_is_no_key_leads_nowhere(
        self, keys: DsnKeys, key: ShownDsnKey, text: str
    ) -> None:
        assert await keys.project_of(text.format(key.public_key)) is None

    async def test_what_has_not_the_form_of_a_key_asks_nobody(
        self, database: Database, keys: DsnKeys
    ) -> None:
        questions = Questions(database)

        await keys.project_of("a key of another form")

        assert questions.count == 0

    async def test_a_key_leads_to_its_project_with_number_and_environment(
        self, database: Database, vault: Vault, ann: Account, keys: DsnKeys
    ) -> None:
        two = await create_project(database, vault, ann.user_id, "Two")
        await update_project(database, two.project_id, ProjectChange(cost_preference="computed"))
        made = await create_dsn_key(database, two.project_id, DsnDraft("", "staging", GIVEN))

        found = await keys.project_of(GIVEN)

        assert found is not None
        assert (found.number, found.environment) == (2, "staging")
        assert found.context.project_id == two.project_id
        assert found.context.key_id == made.key_id
        assert found.context.cost_preference == "computed"

    async def test_known_and_unknown_keys_are_asked_for_once(
        self, database: Database, keys: DsnKeys, key: ShownDsnKey
    ) -> None:
        questions = Questions(database)

        for _ in range(3):
            await asyncio.gather(*(keys.project_of(key.public_key) for _ in range(20)))
            await keys.project_of(UNKNOWN)

        assert questions.count == 2

    async def test_a_key_revoked_by_another_process_ends_after_two_seconds(
        self, database: Database, keys: DsnKeys, key: ShownDsnKey, clock: Clock
    ) -> None:
        await keys.project_of(key.public_key)

        await revoke_dsn_key(database, key.project_id, key.key_id)
        clock.now_s += TTL_S

        assert await keys.project_of(key.public_key) is None

    async def test_a_forgotten_key_ends_at_once(
        self, database: Database, keys: DsnKeys, key: ShownDsnKey
    ) -> None:
        await keys.project_of(key.public_key)

        keys.forget(await revoke_dsn_key(database, key.project_id, key.key_id))

        assert await keys.project_of(key.public_key) is None

    async def test_a_deleted_project_has_no_keys(
        self, database: Database, keys: DsnKeys, key: ShownDsnKey
    ) -> None:
        await keys.project_of(key.public_key)

        await delete_project(database, key.project_id)
        keys.forget_project(key.project_id)

        assert await keys.project_of(key.public_key) is None
        assert await list_dsn_keys(database, key.project_id) == []

    async def test_a_deleted_account_takes_the_keys_of_its_projects_along(
        self, database: Database, keys: DsnKeys, ann: Account, key: ShownDsnKey
    ) -> None:
        await delete_account(database, ann, "correct horse")

        assert await keys.project_of(key.public_key) is None

    async def test_a_flood_of_wrong_keys_takes_bounded_memory_and_displaces_no_right_one(
        self, database: Database, key: ShownDsnKey, clock: Clock
    ) -> None:
        keys = DsnKeys(database, CacheBounds(max_keys=5), clock)
        await keys.project_of(key.public_key)
        for number in range(20):
            assert await keys.project_of(f"{number:032x}") is None

        questions = Questions(database)
        await keys.project_of(key.public_key)

        assert questions.count == 0
        assert len(keys._keys._unknown) == 5

    async def test_the_last_use_is_written_by_the_flush(
        self, database: Database, keys: DsnKeys, key: ShownDsnKey
    ) -> None:
        await keys.project_of(key.public_key)

        flushed = [await keys.flush_last_used(), await keys.flush_last_used()]

        (after,) = await list_dsn_keys(database, key.project_id)
        assert flushed == [1, 0]
        assert after.last_used_at is not None
        assert abs(after.last_used_at.timestamp() - time.time()) < 60

    async def test_without_the_database_keys_seen_lately_go_on_for_a_while(
        self,
        database: Database,
        keys: DsnKeys,
        key: ShownDsnKey,
        clock: Clock,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        await keys.project_of(key.public_key)

        def refuse() -> object:
            raise Unavailable("away", retry_after_s=1)

        monkeypatch.setattr(database, "reading", refuse)

        clock.now_s += 10.0
        assert await keys.project_of(key.public_key) is not None
        with pytest.raises(Unavailable):
            await keys.project_of(UNKNOWN)
        clock.now_s += GRACE_S
        with pytest.raises(Unavailable):
            await keys.project_of(key.public_key)
